using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Vision.Models;

/// <summary>What the layers of one stage have in common.</summary>
/// <param name="Options">The network.</param>
/// <param name="Stride">Of the stage's first block.</param>
/// <param name="FirstDilation">Of the first block's strided convolution.</param>
/// <param name="Dilation">Of the other convolutions.</param>
readonly record struct ResNetStage(ResNetOptions Options, int Stride, int FirstDilation, int Dilation);

/// <summary>Makes the layers of a ResNet with the reference's initial weights.</summary>
static class ResNetLayers
{
    /// <summary>Convolution without bias that keeps the size at stride 1; weights normal with variance 2 / (outputs * kernel area) (He et
    /// al. 2015, fan out).</summary>
    public static Conv2d Convolution(int inputs, int outputs, int kernel, int stride = 1, int dilation = 1, int groups = 1)
    {
        Conv2d layer;
        using (Initialization.BeginUndefined())
            layer = new Conv2d(inputs, outputs, kernel, stride, dilation * (kernel - 1) / 2, dilation, groups, bias: false);
        double deviation = Math.Sqrt(2.0 / ((double)outputs * kernel * kernel));
        layer.Weight.Assign(Initialization.Current.Normal(layer.Weight.Shape, deviation));
        return layer;
    }

    /// <summary>Batch norm; <paramref name="zero"/> starts its scale at 0.</summary>
    public static BatchNorm2d Norm(ResNetOptions options, int channels, bool zero = false)
    {
        var layer = new BatchNorm2d(channels, options.BnEps, options.BnMomentum);
        if (zero)
            layer.Weight.Fill(0);
        return layer;
    }

    /// <summary>Takes over new values and frees their memory.</summary>
    public static void Assign(this Parameter parameter, Tensor values)
    {
        parameter.CopyFrom(values);
        values.Dispose();
    }
}
