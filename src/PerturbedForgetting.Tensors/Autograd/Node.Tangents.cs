using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors.Autograd;

/// <remarks>
/// What a second differentiation asks of a node. A direction v in the space of the weights gives every tensor x of the graph a tangent:
/// the derivative of x as the weights move along v. <see cref="Tangent"/> is that of the output; <see cref="BackwardTangent"/> sends on
/// the tangents of gradients, which for the weights are the product of the Hessian with v (Pearlmutter, "Fast exact multiplication by the
/// Hessian", 1994).
/// </remarks>
abstract partial class Node
{
    [ThreadStatic] static TangentLane? lane;

    NodeTangents? tangents;

    /// <summary>
    /// The tangent of the output along the lane at hand, from those of the inputs (<see cref="TangentOf"/>): the operation's derivative
    /// applied to them. None stands for zero. It may be one of theirs, or share its memory.
    /// </summary>
    protected abstract Tensor? Tangent();

    /// <summary>Whether the gradients that the backward pass sends depend on what the forward pass read or made, and not on dy alone. Then
    /// <see cref="Curve"/> says how, and the tangents of the inputs stay for it.</summary>
    protected virtual bool IsCurved => false;

    /// <summary>Sends on what the tangents of all that the backward pass reads beside dy add to the tangents of the inputs'
    /// gradients.</summary>
    protected virtual void Curve(Tensor dy)
    {
    }

    /// <summary>Where the node is curved: sends on the tangents of the inputs' gradients, with those of dy; none stands for zero. The
    /// derivative of a product: the backward pass of dy's tangent, and what is <see cref="Curve">curved</see>.</summary>
    protected virtual void BackwardTangent(Tensor dy, Tensor? tangent)
    {
        if (tangent is not null)
        {
            // What has been sent is the input's alone behind the scope, and is added to in place.
            using var scope = Scope.Begin();
            Backward(tangent);
        }
        Curve(dy);
    }

    /// <summary>Whether the lane at hand is the gradient itself, in a pass for tangents.</summary>
    protected static bool IsPrimal => lane is { IsTangent: false };

    /// <summary>Whether this is a pass for tangents.</summary>
    protected static bool IsInTangents => lane is not null;

    /// <summary>The tangent of an input along the lane at hand; none where it is zero.</summary>
    protected static Tensor? TangentOf(Tensor? input) => input switch
    {
        null => null,
        Parameter parameter => lane!.TangentOf(parameter),
        _ => input.Node?.tangents!.Values[lane!.Index],
    };

    /// <summary>Likewise, with zeros where it is zero.</summary>
    protected static Tensor TangentOrZeros(Tensor input) => TangentOf(input) ?? Zeros(input);

    /// <summary>Zeros of a tensor's shape.</summary>
    protected static Tensor Zeros(Tensor like) => Tensor.Zeros(like.Shape, like.DType, like.Device);

    /// <summary>Whether any input has a tangent that is not zero.</summary>
    protected bool HasTangents
    {
        get
        {
            foreach (var input in Inputs)
                if (TangentOf(input) is not null)
                    return true;
            return false;
        }
    }

    /// <summary>A tensor that this node keeps for each lane, from <see cref="Tangent"/> to <see cref="BackwardTangent"/>.</summary>
    protected Tensor? Kept
    {
        get => tangents!.Kept[lane!.Index];
        set
        {
            value!.Storage.Retain();
            tangents!.Kept[lane!.Index] = value;
        }
    }

    /// <summary>The sum of two tangents, either of which may be zero; a new tensor where neither is.</summary>
    protected static Tensor? Sum(Tensor? a, Tensor? b)
    {
        if (a is null || b is null)
            return a ?? b;
        var sum = a.EmptyLike();
        a.Backend.Map(Binary.Add, a, b, sum);
        return sum;
    }

    /// <summary>What has arrived in the lane at hand for the output.</summary>
    ref Tensor? Arrived => ref lane is { IsTangent: true } ? ref tangents!.Gradients[lane.Index] : ref gradient;

    /// <summary>Before a pass for so many tangents.</summary>
    internal void BeginTangents(int lanes)
    {
        if (Used)
            throw new InvalidOperationException(Gone);
        tangents = new NodeTangents(lanes);
    }

    /// <summary>Counts for every input that its tangents are needed here.</summary>
    internal void CountUses()
    {
        foreach (var input in Inputs)
            if (input is not Parameter && input.Node is { } node)
                node.tangents!.Uses++;
    }

    /// <summary>Makes the tangents of the output, from the forward pass's saved tensors and the tangents of the inputs.</summary>
    internal void MakeTangents(ReadOnlySpan<TangentLane> lanes)
    {
        foreach (var each in lanes)
        {
            lane = each;
            try
            {
                using var scope = Scope.Begin();
                if (Tangent() is not { } tangent)
                    continue;
                tangent.Storage.Retain();
                tangents!.Values[each.Index] = tangent;
            }
            finally
            {
                lane = null;
            }
        }
        if (!IsCurved)
            ReleaseInputs();
    }

    /// <summary>Sends on the gradients of the inputs, in a pass for tangents: those of weights nobody wants.</summary>
    internal void RunPrimal()
    {
        if (gradient is not { } dy || !LeadsOn)
            return;
        lane = TangentLane.Primal;
        try
        {
            using var scope = Scope.Begin();
            Backward(dy);
        }
        finally
        {
            lane = null;
        }
    }

    /// <summary>Keeps of the gradient what tangents read, in memory that is the node's alone: others then see of theirs what they would
    /// if this one were gone, add to it in place where they would, and round as they would.</summary>
    internal void KeepGradient()
    {
        if (gradient is not { } dy || (IsCurved && dy.Storage.IsExclusive))
            return;
        gradient = null;
        if (IsCurved)
        {
            gradient = Tensor.Hidden(dy.Shape, dy.DType, dy.Device);
            dy.Backend.Copy(dy, gradient);
        }
        dy.Storage.Release();
    }

    /// <summary>Sends on the tangents of the inputs' gradients.</summary>
    internal void RunTangents(ReadOnlySpan<TangentLane> lanes)
    {
        foreach (var each in lanes)
        {
            var tangent = tangents!.Gradients[each.Index];
            if (IsCurved ? gradient is null : tangent is null)
                continue;
            lane = each;
            try
            {
                using var scope = Scope.Begin();
                if (IsCurved)
                    BackwardTangent(gradient!, tangent);
                else
                    Backward(tangent!);
            }
            finally
            {
                lane = null;
            }
        }
        if (IsCurved)
            ReleaseInputs();
    }

    /// <summary>After a pass for tangents, where what it started from stays.</summary>
    internal void FreeTangents()
    {
        tangents?.Free();
        tangents = null;
    }

    /// <summary>Whether an input is more than a weight.</summary>
    bool LeadsOn
    {
        get
        {
            foreach (var input in Inputs)
                if (input is not Parameter && input.RequiresGrad)
                    return true;
            return false;
        }
    }

    void ReleaseInputs()
    {
        foreach (var input in Inputs)
            if (input is not Parameter && input.Node is { } node)
                node.tangents!.Release();
    }

    /// <summary>What a pass for tangents knows of a node, one entry a lane.</summary>
    sealed class NodeTangents(int lanes)
    {
        /// <summary>Tangents of the output.</summary>
        public readonly Tensor?[] Values = new Tensor?[lanes];

        /// <summary>Tangents of the gradient that has arrived for it so far.</summary>
        public readonly Tensor?[] Gradients = new Tensor?[lanes];

        public readonly Tensor?[] Kept = new Tensor?[lanes];

        /// <summary>Nodes that will yet read <see cref="Values"/>.</summary>
        public int Uses;

        public void Release()
        {
            if (--Uses == 0)
                Free(Values);
        }

        public void Free()
        {
            Free(Values);
            Free(Gradients);
            Free(Kept);
        }

        static void Free(Tensor?[] tensors)
        {
            foreach (var tensor in tensors)
                tensor?.Storage.Release();
            Array.Clear(tensors);
        }
    }
}
