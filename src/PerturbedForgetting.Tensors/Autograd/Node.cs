using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors.Autograd;

/// <summary>
/// One recorded operation: what its backward pass needs, and the gradient that has arrived for its output so far. Nodes point to
/// the tensors they came from; ids grow with creation, so descending ids are a topological order. The outermost scope hands the nodes
/// that were recorded in it out again, so that a training step makes none; a tensor that still points to a node which meanwhile
/// belongs to another output is told so.
/// </summary>
abstract partial class Node
{
    /// <summary>What a backward pass says that comes too late.</summary>
    public const string Gone =
        "A backward pass reached a part of the graph that is gone: an earlier pass has used it, or the scope around the forward pass has "
        + "ended. "
        + "Compute the loss again, and open a scope that holds both the forward and the backward pass.";

    static long lastId;

    static readonly ConcurrentDictionary<Type, string> labels = new();

    readonly List<Tensor> inputs = [], saved = [];
    Tensor? gradient;
    bool isOne;

    public long Id { get; private set; }

    /// <summary>Set once the node's backward has run and what it saved is gone.</summary>
    public bool Used { get; private set; }

    /// <summary>The tensor that the operation made; none between two uses.</summary>
    public Tensor? Output { get; set; }

    /// <summary>The tensors the operation read, for the walk through the graph.</summary>
    public ReadOnlySpan<Tensor> Inputs => CollectionsMarshal.AsSpan(inputs);

    /// <summary>The tensors whose memory it keeps.</summary>
    public IReadOnlyList<Tensor> Held => saved;

    /// <summary>Sends the gradient of the output on to the inputs that want one, with <see cref="Send"/> or
    /// <see cref="Parameter.GradTarget"/>.</summary>
    protected abstract void Backward(Tensor dy);

    /// <summary>Whether a backward pass that starts here from 1 needs no tensor that says so: <see cref="BackwardFromOne"/> does
    /// it.</summary>
    public virtual bool StartsFromOne => false;

    /// <summary><see cref="Backward"/> for a gradient of 1.</summary>
    protected virtual void BackwardFromOne() => throw new NotSupportedException();

    /// <summary>Keeps a tensor's memory until the backward pass has used it.</summary>
    protected Tensor Save(Tensor tensor)
    {
        tensor.Storage.Retain();
        saved.Add(tensor);
        return tensor;
    }

    /// <summary>Runs the backward of this node with the gradient that has arrived, then frees what it held.</summary>
    public void Run()
    {
        if (Used)
            throw new InvalidOperationException(Gone);
        using (Ranges.IsOn && (isOne || gradient is not null) ? Ranges.Operation(Label) : default)
        {
            if (isOne)
                BackwardFromOne();
            else if (gradient is { } dy)
                Backward(dy);
        }
        Free();
    }

    /// <summary>The operation in a profile: <c>Conv2d backward</c>.</summary>
    protected virtual string Label =>
        labels.GetOrAdd(GetType(), static type =>
            $"{(type.Name.EndsWith("Node", StringComparison.Ordinal) ? type.Name[..^4] : type.Name)} backward");

    /// <summary>Gives back what is held; without having run, for a branch that no gradient reached.</summary>
    internal void Free()
    {
        Used = true;
        gradient?.Storage.Release();
        gradient = null;
        FreeTangents();
        foreach (var tensor in saved)
            tensor.Storage.Release();
        saved.Clear();
    }

    /// <summary>Frees the node and keeps it for another operation.</summary>
    internal void Recycle()
    {
        Free();
        inputs.Clear();
        Output = null;
        Keep();
    }

    /// <summary>Puts the node where <see cref="Node{TSelf}.Take"/> finds it.</summary>
    protected abstract void Keep();

    /// <summary>Makes the node that of an operation.</summary>
    protected void Begin(ReadOnlySpan<Tensor?> inputs)
    {
        foreach (var input in inputs)
            if (input is not null)
                this.inputs.Add(input);
        Id = Interlocked.Increment(ref lastId);
        Used = isOne = false;
        Memory.Scope.Current?.Track(this);
    }

    /// <summary>
    /// Adds to the gradient of an input. The tensor may be shared (the same gradient goes to both terms of a sum): what has
    /// arrived is written in place only where nobody else can see it.
    /// </summary>
    protected static void Send(Tensor input, Tensor contribution)
    {
        if (input is not Parameter parameter)
            input.Node?.Receive(contribution);
        else if (lane is not null)
            lane.AddGradient(parameter, contribution);
        else if (parameter.IsTrainable)
            parameter.AddGradient(contribution);
    }

    /// <summary>
    /// Where a backward kernel writes the gradient of an input, or null when none is wanted: the weight's own buffer or a gradient that
    /// has arrived and that nobody else sees, to which it adds if <paramref name="accumulate"/> says so, or a new tensor.
    /// <see cref="Deliver"/> hands it on afterwards.
    /// </summary>
    protected static Tensor? Target(Tensor? input, out bool accumulate)
    {
        accumulate = false;
        if (input is not { RequiresGrad: true })
            return null;
        if (input is Parameter parameter)
            return lane is null ? parameter.GradTarget(out accumulate) : lane.Target(parameter, out accumulate);
        if (input.Node?.Arrived is not { Storage.IsExclusive: true } arrived)
            return input.EmptyLike();
        accumulate = true;
        return arrived;
    }

    /// <summary>Sends what a kernel has written into a <see cref="Target"/>.</summary>
    protected static void Deliver(Tensor? input, Tensor? target)
    {
        // What was added to a gradient that had arrived is there already.
        if (target is not null && input!.Node is { } node && node.Arrived != target)
            node.Receive(target);
    }

    /// <summary>The gradient of an input that was repeated over leading dimensions: the sum over them, written straight into a parameter's
    /// gradient.</summary>
    protected static void SendLeadingSum(Tensor? input, Tensor dy)
    {
        if (Target(input, out bool accumulate) is not { } target)
            return;
        dy.Backend.SumLeading(dy, target, accumulate);
        Deliver(input, target);
    }

    /// <summary>Notes that the backward pass starts here, from 1.</summary>
    internal void ReceiveOne() => isOne = true;

    internal void Receive(Tensor contribution)
    {
        ref Tensor? arrived = ref Arrived;
        if (arrived is null)
        {
            contribution.Storage.Retain();
            arrived = contribution;
            return;
        }
        var backend = contribution.Backend;
        if (arrived.Storage.IsExclusive)
        {
            backend.Map(Binary.Add, arrived, contribution, arrived);
            return;
        }
        var sum = Tensor.Hidden(arrived.Shape, arrived.DType, arrived.Device);
        backend.Map(Binary.Add, arrived, contribution, sum);
        arrived.Storage.Release();
        arrived = sum;
    }
}

/// <summary>A node of one kind of operation.</summary>
/// <typeparam name="TSelf">The kind.</typeparam>
abstract class Node<TSelf> : Node where TSelf : Node<TSelf>, new()
{
    [ThreadStatic] static Stack<TSelf>? spare;

    /// <summary>A node for an operation on these tensors; those that are none are left out.</summary>
    public static TSelf Take(params ReadOnlySpan<Tensor?> inputs)
    {
        if (spare is null || !spare.TryPop(out var node))
            node = new TSelf();
        node.Begin(inputs);
        return node;
    }

    protected sealed override void Keep() => (spare ??= new Stack<TSelf>()).Push((TSelf)this);
}
