using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Serialization;

namespace PerturbedForgetting.Vision.Models.Onnx;

/// <summary>
/// A model's forward pass as a graph of ONNX that is being made: nodes, named after the modules they stand for, and the constants they
/// use. Images are N,C,H,W here and weights as in PyTorch, so that other programs find what they know; weights that are stored as the
/// state dictionary has them keep its names.
/// </summary>
/// <param name="model">Its modules give the names.</param>
sealed class OnnxGraph(Module model)
{
    readonly Dictionary<Module, string> modules = model.NamedModules().ToDictionary(m => m.Module, m => m.Name);
    readonly Dictionary<Tensor, StateEntry> state = model.State().ToDictionary(e => e.Tensor);
    readonly List<ProtoMessage> nodes = [];
    readonly Dictionary<string, OnnxInitializer> initializers = new(StringComparer.Ordinal);
    readonly HashSet<string> names = new(StringComparer.Ordinal);

    /// <summary>In the order of execution.</summary>
    public IReadOnlyList<ProtoMessage> Nodes => nodes;

    /// <summary>The constants.</summary>
    public IReadOnlyCollection<OnnxInitializer> Initializers => initializers.Values;

    /// <summary>Adds a node.</summary>
    /// <param name="of">The module it is part of.</param>
    /// <param name="operation">Its operator.</param>
    /// <param name="inputs">Names of its inputs.</param>
    /// <param name="attributes">What the operator is told besides.</param>
    /// <returns>Name of its output.</returns>
    public string Node(Module of, string operation, string[] inputs, params ReadOnlySpan<OnnxAttribute> attributes)
    {
        string name = Unused($"/{modules[of].Replace('.', '/')}/{operation}".Replace("//", "/", StringComparison.Ordinal));
        string output = $"{name}_output";
        AddNode(name, operation, inputs, output, attributes);
        return output;
    }

    /// <summary>Gives a value the name that the graph's output has.</summary>
    public void Output(string value, string name) => AddNode(Unused("/Output"), "Identity", [value], name, []);

    /// <summary>A parameter or buffer as the state dictionary has it.</summary>
    public string Weight(Tensor tensor)
    {
        var entry = state[tensor];
        return Constant(entry.Name, StateDict.TorchShape(entry), () => StateDict.ToTorch(entry.Tensor, entry.Layout));
    }

    /// <summary>Name of a parameter or buffer in the state dictionary.</summary>
    public string NameOf(Tensor tensor) => state[tensor].Name;

    /// <summary>Constants of one name are one.</summary>
    public string Constant(string name, IReadOnlyList<long> shape, Func<float[]> values)
    {
        initializers.TryAdd(name, OnnxInitializer.Of(name, shape, values));
        return name;
    }

    /// <summary>A float32 of no dimensions.</summary>
    public string Scalar(double value) =>
        Constant(FormattableString.Invariant($"scalar {(float)value:R}"), [], () => [(float)value]);

    /// <summary>A list of whole numbers.</summary>
    public string List(params long[] values)
    {
        string name = $"list {string.Join(' ', values)}";
        initializers.TryAdd(name, OnnxInitializer.Of(name, [values.Length], values));
        return name;
    }

    /// <summary>A whole number of no dimensions.</summary>
    public string Index(long value)
    {
        string name = $"index {value}";
        initializers.TryAdd(name, OnnxInitializer.Of(name, [], [value]));
        return name;
    }

    void AddNode(string name, string operation, string[] inputs, string output, ReadOnlySpan<OnnxAttribute> attributes)
    {
        var node = new ProtoMessage();
        foreach (string input in inputs)
            node.Add(1, input);
        node.Add(2, output).Add(3, name).Add(4, operation);
        foreach (var attribute in attributes)
            node.Add(5, attribute.Message);
        nodes.Add(node);
    }

    string Unused(string name)
    {
        string unused = name;
        for (int i = 1; !names.Add(unused); i++)
            unused = $"{name}_{i}";
        return unused;
    }
}
