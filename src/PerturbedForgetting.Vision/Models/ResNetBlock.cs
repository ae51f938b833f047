using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models.Onnx;

namespace PerturbedForgetting.Vision.Models;

/// <summary>A residual block: relu(branch(x) + shortcut(x)).</summary>
abstract class ResNetBlock : Module, IOnnxModule
{
    /// <summary>Channels of the output.</summary>
    public abstract int Outputs { get; }

    public abstract string Export(OnnxGraph graph, string x);

    /// <summary>relu(branch(x) + shortcut(x)).</summary>
    protected string Sum(OnnxGraph graph, string branch, ResNetShortcutPath? downsample, string x) =>
        graph.Relu(this, graph.Node(this, "Add", [branch, downsample?.Export(graph, x) ?? x]));
}

/// <summary>
/// 1x1, 3x3, 1x1 convolution, the stride on the 3x3 ("v1.5"). With cardinality and base width the 3x3 has
/// floor(planes * base / 64) * cardinality channels (Xie et al. 2017).
/// </summary>
sealed class Bottleneck : ResNetBlock
{
    const int Expansion = 4;

    readonly Conv2d conv1, conv2, conv3;
    readonly BatchNorm2d bn1, bn2, bn3;
    readonly ResNetShortcutPath? downsample;

    public Bottleneck(int inputs, int planes, ResNetStage stage, bool first)
    {
        var options = stage.Options;
        int width = planes * options.BaseWidth / 64 * options.Cardinality;
        int stride = first ? stage.Stride : 1, dilation = first ? stage.FirstDilation : stage.Dilation;
        Outputs = planes * Expansion;
        conv1 = Register("conv1", ResNetLayers.Convolution(inputs, width, 1));
        bn1 = Register("bn1", ResNetLayers.Norm(options, width));
        conv2 = Register("conv2", ResNetLayers.Convolution(width, width, 3, stride, dilation, options.Cardinality));
        bn2 = Register("bn2", ResNetLayers.Norm(options, width));
        conv3 = Register("conv3", ResNetLayers.Convolution(width, Outputs, 1));
        bn3 = Register("bn3", ResNetLayers.Norm(options, Outputs, options.ZeroInitLast));
        if (ResNetShortcutPath.Make(inputs, Outputs, stage, stride) is { } path)
            downsample = Register("downsample", path);
    }

    public override int Outputs { get; }

    protected override Tensor Forward(Tensor x)
    {
        var y = bn1.Call(conv1.Call(x), null, relu: true);
        y = bn2.Call(conv2.Call(y), null, relu: true);
        return bn3.Call(conv3.Call(y), downsample?.Call(x) ?? x, relu: true);
    }

    public override string Export(OnnxGraph graph, string x)
    {
        string y = graph.Relu(bn1, graph.BatchNorm(bn1, graph.Convolution(conv1, x)));
        y = graph.Relu(bn2, graph.BatchNorm(bn2, graph.Convolution(conv2, y)));
        return Sum(graph, graph.BatchNorm(bn3, graph.Convolution(conv3, y)), downsample, x);
    }
}

/// <summary>Two 3x3 convolutions (He et al. 2015).</summary>
sealed class BasicBlock : ResNetBlock
{
    readonly Conv2d conv1, conv2;
    readonly BatchNorm2d bn1, bn2;
    readonly ResNetShortcutPath? downsample;

    public BasicBlock(int inputs, int planes, ResNetStage stage, bool first)
    {
        var options = stage.Options;
        int stride = first ? stage.Stride : 1, dilation = first ? stage.FirstDilation : stage.Dilation;
        Outputs = planes;
        conv1 = Register("conv1", ResNetLayers.Convolution(inputs, planes, 3, stride, dilation));
        bn1 = Register("bn1", ResNetLayers.Norm(options, planes));
        conv2 = Register("conv2", ResNetLayers.Convolution(planes, planes, 3, 1, stage.Dilation));
        bn2 = Register("bn2", ResNetLayers.Norm(options, planes, options.ZeroInitLast));
        if (ResNetShortcutPath.Make(inputs, Outputs, stage, stride) is { } path)
            downsample = Register("downsample", path);
    }

    public override int Outputs { get; }

    protected override Tensor Forward(Tensor x)
    {
        var y = bn1.Call(conv1.Call(x), null, relu: true);
        return bn2.Call(conv2.Call(y), downsample?.Call(x) ?? x, relu: true);
    }

    public override string Export(OnnxGraph graph, string x)
    {
        string y = graph.Relu(bn1, graph.BatchNorm(bn1, graph.Convolution(conv1, x)));
        return Sum(graph, graph.BatchNorm(bn2, graph.Convolution(conv2, y)), downsample, x);
    }
}
