using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models.Onnx;

namespace PerturbedForgetting.Vision.Models;

/// <summary>The way around a block whose output has another shape than its input.</summary>
abstract class ResNetShortcutPath : Module, IOnnxModule
{
    public abstract string Export(OnnxGraph graph, string x);

    /// <summary>None where the input can be added as it is.</summary>
    public static ResNetShortcutPath? Make(int inputs, int outputs, ResNetStage stage, int stride)
    {
        if (stride == 1 && inputs == outputs)
            return null;
        return stage.Options.Shortcut == ResNetShortcut.Padding
            ? new PaddingShortcut(outputs - inputs, stride)
            : new ConvolutionShortcut(inputs, outputs, stage.Options, stride);
    }
}

/// <summary>
/// 1x1 convolution and batch norm. With <see cref="ResNetShortcut.AveragePool"/> a 2x2 average pool (whose border windows count
/// only the pixels they have) takes the stride, so that no pixel is skipped.
/// </summary>
sealed class ConvolutionShortcut : ResNetShortcutPath
{
    readonly AvgPool2d? pool;
    readonly int stride;
    readonly Conv2d convolution;
    readonly BatchNorm2d norm;

    public ConvolutionShortcut(int inputs, int outputs, ResNetOptions options, int stride)
    {
        this.stride = stride;
        // In the averaging form the names begin at 1 even where nothing has to be pooled.
        bool averages = options.Shortcut == ResNetShortcut.AveragePool;
        int index = averages ? 1 : 0;
        if (averages && stride > 1)
            pool = Register("0", new AvgPool2d(2, stride, ceilMode: true));
        convolution = Register($"{index}", ResNetLayers.Convolution(inputs, outputs, 1, averages ? 1 : stride));
        norm = Register($"{index + 1}", ResNetLayers.Norm(options, outputs));
    }

    protected override Tensor Forward(Tensor x) => norm.Call(convolution.Call(pool?.Call(x) ?? x));

    public override string Export(OnnxGraph graph, string x)
    {
        if (pool is not null)
        {
            x = graph.Node(pool, "AveragePool", [x], OnnxAttribute.Ints("kernel_shape", 2, 2),
                OnnxAttribute.Ints("strides", stride, stride), OnnxAttribute.Int("ceil_mode", 1));
        }
        return graph.BatchNorm(norm, graph.Convolution(convolution, x));
    }
}

/// <summary>Every <paramref name="stride"/>th pixel, with channels of zeros behind those of the input.</summary>
sealed class PaddingShortcut(int channels, int stride) : ResNetShortcutPath
{
    protected override Tensor Forward(Tensor x)
    {
        if (stride > 1)
            x = Ops.AvgPool2d(x, 1, stride);
        return channels == 0 ? x : Ops.Concat(-1, x, Tensor.Zeros(x.Shape.With(-1, channels), x.DType, x.Device));
    }

    public override string Export(OnnxGraph graph, string x)
    {
        if (stride > 1)
        {
            x = graph.Node(this, "AveragePool", [x], OnnxAttribute.Ints("kernel_shape", 1, 1),
                OnnxAttribute.Ints("strides", stride, stride));
        }
        return channels == 0 ? x : graph.Node(this, "Pad", [x, graph.List(0, 0, 0, 0, 0, channels, 0, 0)]);
    }
}
