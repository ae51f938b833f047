using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors.Nn;

/// <summary>One entry of a state dictionary.</summary>
/// <param name="Name">Dotted path, as in PyTorch: <c>layer1.0.bn1.running_mean</c>.</param>
/// <param name="Tensor">A <see cref="Parameter"/> or a buffer.</param>
public readonly record struct StateEntry(string Name, Tensor Tensor)
{
    /// <summary>How the values are laid out in memory.</summary>
    public WeightLayout Layout => Tensor is Parameter parameter ? parameter.Layout : WeightLayout.Plain;
}

/// <summary>Hears what a layer puts out for a batch, and how many multiply-adds an element of that takes.</summary>
delegate void LayerObserver(Module layer, Tensor output, long depth);

/// <summary>
/// A part of a model: owns parameters, buffers (state that is saved but not trained) and other modules, in the order of their
/// registration, which is the order of PyTorch's state dictionary.
/// </summary>
/// <example><code>
/// sealed class Mlp : Module
/// {
///     readonly Linear fc1, fc2;
///
///     public Mlp(int inputs, int hidden, int classes)
///     {
///         fc1 = Register("fc1", new Linear(inputs, hidden));
///         fc2 = Register("fc2", new Linear(hidden, classes));
///     }
///
///     protected override Tensor Forward(Tensor x) => fc2.Call(Ops.Relu(fc1.Call(x)));
/// }
/// </code></example>
public abstract class Module
{
    readonly List<(string Name, Parameter Parameter)> parameters = [];
    readonly List<(string Name, Tensor Buffer)> buffers = [];
    readonly List<(string Name, Module Module)> children = [];
    string? label;

    [ThreadStatic] static LayerObserver? observer;

    /// <summary>Training mode: batch statistics and dropout. True at first.</summary>
    public bool Training { get; private set; } = true;

    /// <summary>Its name where it was registered, and its type, for profilers.</summary>
    string Label => label ??= GetType().Name;

    /// <summary>Runs the module in a scope of its own: what it made on the way is given back, or kept as long as the tape needs
    /// it.</summary>
    public Tensor Call(Tensor x)
    {
        using var range = BeginRange();
        using var scope = HidesTensors && GradMode.Enabled ? Scope.BeginHidden() : Scope.Begin();
        return scope.Return(Forward(x));
    }

    /// <summary>Whether nobody outside the library sees a tensor that a call makes on the way, so that, where the tape keeps it, its object
    /// can be used again.</summary>
    internal virtual bool HidesTensors => false;

    /// <summary>The range of a call for profilers, where a module has calls of other forms.</summary>
    protected Ranges.Range BeginRange() => Ranges.IsOn ? Ranges.Push(RangeKind.Module, Label) : default;

    /// <summary>What the module computes.</summary>
    protected abstract Tensor Forward(Tensor x);

    /// <summary>
    /// Runs the module on an empty batch of inputs of a shape. Nothing is computed, whatever device the weights are on, but every layer
    /// tells the observer what it would put out for one input.
    /// </summary>
    internal void Trace(Shape input, DType type, LayerObserver layers)
    {
        bool wasTraining = Training;
        using var scope = Scope.Begin();
        using var noGrad = GradMode.NoGrad();
        try
        {
            Train(false);
            observer = layers;
            Call(Tensor.Empty([0, .. input], type));
        }
        finally
        {
            observer = null;
            Train(wasTraining);
        }
    }

    /// <summary>
    /// Bytes that a pass keeps for its backward pass, for one input of a shape. It runs on an empty batch, which costs nothing, and as in
    /// evaluation, since a batch of none has no statistics.
    /// </summary>
    internal long TraceSaved(Shape input, DType type)
    {
        using var scope = Scope.Begin();
        bool wasTraining = Training;
        Train(false);
        Call(Tensor.Empty([0, .. input], type));
        Train(wasTraining);
        return scope.Saved.Where(t => t.Shape.Contains(0)).DistinctBy(t => t.Storage)
            .Sum(t => t.Shape.Where(size => size > 0).Aggregate((long)t.DType.Size(), (bytes, size) => bytes * size));
    }

    /// <summary>To be called with what a layer puts out; shows it to a summary that is being made.</summary>
    /// <param name="output">[batch, ...].</param>
    /// <param name="depth">Multiply-adds for one element of it.</param>
    /// <returns>The output.</returns>
    protected internal Tensor Report(Tensor output, long depth = 0)
    {
        observer?.Invoke(this, output, depth);
        return output;
    }

    /// <summary>Sets training or evaluation mode here and below.</summary>
    public void Train(bool training = true)
    {
        Training = training;
        foreach (var (_, child) in children)
            child.Train(training);
    }

    /// <summary>Every parameter with its dotted name, in state-dictionary order.</summary>
    public IEnumerable<(string Name, Parameter Parameter)> NamedParameters()
    {
        foreach (var (name, tensor) in State())
            if (tensor is Parameter parameter)
                yield return (name, parameter);
    }

    /// <summary>The parameters that are registered here, not below.</summary>
    internal IReadOnlyList<(string Name, Parameter Parameter)> OwnParameters => parameters;

    /// <summary>The state dictionary: own parameters, own buffers, then the children's, each in the order of registration.</summary>
    public IEnumerable<StateEntry> State()
    {
        foreach (var (name, parameter) in parameters)
            yield return new(name, parameter);
        foreach (var (name, buffer) in buffers)
            yield return new(name, buffer);
        foreach (var (name, child) in children)
            foreach (var entry in child.State())
                yield return entry with { Name = $"{name}.{entry.Name}" };
    }

    /// <summary>This module and all below it, parents first.</summary>
    public IEnumerable<Module> Modules() => NamedModules().Select(static m => m.Module);

    /// <summary>The same with their dotted names; this module's is empty.</summary>
    internal IEnumerable<(string Name, Module Module)> NamedModules()
    {
        yield return ("", this);
        foreach (var (name, child) in children)
            foreach (var (below, module) in child.NamedModules())
                yield return (below.Length == 0 ? name : $"{name}.{below}", module);
    }

    /// <summary>Adds a child under a name.</summary>
    protected T Register<T>(string name, T child) where T : Module
    {
        Check(name);
        child.label = $"{name} ({child.GetType().Name})";
        children.Add((name, child));
        return child;
    }

    /// <summary>Adds a trainable weight under a name.</summary>
    protected Parameter Register(string name, Parameter parameter)
    {
        Check(name);
        parameters.Add((name, parameter));
        return parameter;
    }

    /// <summary>Adds state that is saved but not trained, made with <see cref="Tensor.Persistent"/>.</summary>
    protected Tensor RegisterBuffer(string name, Tensor buffer)
    {
        Check(name);
        buffers.Add((name, buffer));
        return buffer;
    }

    void Check(string name)
    {
        if (name.Length == 0 || name.Contains('.'))
            throw new ArgumentException($"A module's member has a name without dots, not '{name}'.");
        if (parameters.Exists(p => p.Name == name) || buffers.Exists(b => b.Name == name) || children.Exists(c => c.Name == name))
            throw new ArgumentException($"'{name}' is registered twice in {GetType().Name}.");
    }
}
