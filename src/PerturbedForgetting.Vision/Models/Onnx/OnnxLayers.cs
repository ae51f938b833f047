using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using static PerturbedForgetting.Vision.Models.Onnx.OnnxAttribute;

namespace PerturbedForgetting.Vision.Models.Onnx;

/// <summary>A module that can say what it does in a graph of ONNX.</summary>
interface IOnnxModule
{
    /// <summary>Adds its evaluation.</summary>
    /// <param name="graph">To this graph.</param>
    /// <param name="x">Name of its input.</param>
    /// <returns>Name of its output.</returns>
    string Export(OnnxGraph graph, string x);
}

/// <summary>The layers of the engine in operators that opset 13 has: a layer norm and a GELU are written out, as PyTorch's exporter
/// does, and runtimes put them together again.</summary>
static class OnnxLayers
{
    public static string Convolution(this OnnxGraph graph, Conv2d layer, string x)
    {
        string[] inputs = layer.Bias is { } bias
            ? [x, graph.Weight(layer.Weight), graph.Weight(bias)]
            : [x, graph.Weight(layer.Weight)];
        var padding = layer.Padding;
        return graph.Node(layer, "Conv", inputs,
            Ints("kernel_shape", layer.Weight.Shape[1], layer.Weight.Shape[2]), Ints("strides", layer.Stride.H, layer.Stride.W),
            Ints("pads", padding.H, padding.W, padding.H, padding.W), Ints("dilations", layer.Dilation.H, layer.Dilation.W),
            Int("group", layer.Groups));
    }

    public static string BatchNorm(this OnnxGraph graph, BatchNorm2d layer, string x) =>
        graph.Node(layer, "BatchNormalization",
            [x, graph.Weight(layer.Weight), graph.Weight(layer.Bias), graph.Weight(layer.RunningMean), graph.Weight(layer.RunningVar)],
            Float("epsilon", layer.Eps));

    public static string Relu(this OnnxGraph graph, Module of, string x) => graph.Node(of, "Relu", [x]);

    /// <summary>Of a matrix.</summary>
    public static string Gemm(this OnnxGraph graph, Linear layer, string x)
    {
        string[] inputs = layer.Bias is { } bias
            ? [x, graph.Weight(layer.Weight), graph.Weight(bias)]
            : [x, graph.Weight(layer.Weight)];
        return graph.Node(layer, "Gemm", inputs, Int("transB", 1));
    }

    /// <summary>Of the last dimension of three; the operator wants the weight's transpose.</summary>
    public static string Linear(this OnnxGraph graph, Linear layer, string x)
    {
        Parameter weight = layer.Weight;
        string transposed = graph.Constant($"{graph.NameOf(weight)} transposed", [weight.Shape[1], weight.Shape[0]],
            () => StateDict.Transposed<float>(StateDict.ToTorch(weight, weight.Layout), 1, weight.Shape[0], weight.Shape[1]));
        string y = graph.Node(layer, "MatMul", [x, transposed]);
        return layer.Bias is { } bias ? graph.Node(layer, "Add", [y, graph.Weight(bias)]) : y;
    }

    public static string LayerNorm(this OnnxGraph graph, LayerNorm layer, string x)
    {
        string mean = graph.Node(layer, "ReduceMean", [x], Ints("axes", -1), Int("keepdims", 1));
        string centred = graph.Node(layer, "Sub", [x, mean]);
        string squares = graph.Node(layer, "Pow", [centred, graph.Scalar(2)]);
        string variance = graph.Node(layer, "ReduceMean", [squares], Ints("axes", -1), Int("keepdims", 1));
        string deviation = graph.Node(layer, "Sqrt", [graph.Node(layer, "Add", [variance, graph.Scalar(layer.Eps)])]);
        string normal = graph.Node(layer, "Div", [centred, deviation]);
        return graph.Node(layer, "Add", [graph.Node(layer, "Mul", [normal, graph.Weight(layer.Weight)]), graph.Weight(layer.Bias)]);
    }

    /// <summary>The exact one.</summary>
    public static string Gelu(this OnnxGraph graph, Module of, string x)
    {
        string erf = graph.Node(of, "Erf", [graph.Node(of, "Div", [x, graph.Scalar(Math.Sqrt(2))])]);
        string product = graph.Node(of, "Mul", [x, graph.Node(of, "Add", [erf, graph.Scalar(1)])]);
        return graph.Node(of, "Mul", [product, graph.Scalar(0.5)]);
    }
}
