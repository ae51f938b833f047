using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models.Onnx;

namespace PerturbedForgetting.Vision.Models;

/// <summary>Three 3x3 convolutions in place of the 7x7 one, the first of stride 2, with batch norm and ReLU between (He et al. 2019,
/// "ResNet-C").</summary>
sealed class DeepStem : Module, IOnnxModule
{
    readonly Conv2d first, second, third;
    readonly BatchNorm2d norm1, norm2;

    public DeepStem(ResNetOptions options)
    {
        bool tiered = options.Stem == ResNetStem.DeepTiered;
        int width = options.StemWidth, before = tiered ? 3 * (width / 4) : width;
        first = Register("0", ResNetLayers.Convolution(3, before, 3, 2));
        norm1 = Register("1", ResNetLayers.Norm(options, before));
        second = Register("3", ResNetLayers.Convolution(before, width, 3));
        norm2 = Register("4", ResNetLayers.Norm(options, width));
        third = Register("6", ResNetLayers.Convolution(width, 2 * width, 3));
    }

    protected override Tensor Forward(Tensor x)
    {
        var y = norm1.Call(first.Call(x), null, relu: true);
        y = norm2.Call(second.Call(y), null, relu: true);
        return third.Call(y);
    }

    public string Export(OnnxGraph graph, string x)
    {
        string y = graph.Relu(norm1, graph.BatchNorm(norm1, graph.Convolution(first, x)));
        y = graph.Relu(norm2, graph.BatchNorm(norm2, graph.Convolution(second, y)));
        return graph.Convolution(third, y);
    }
}
