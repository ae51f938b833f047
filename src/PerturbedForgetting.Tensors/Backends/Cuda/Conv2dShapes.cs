using PerturbedForgetting.Cuda.Dnn;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>What of a convolution's shape decides how it is computed.</summary>
static class Conv2dShapes
{
    public static ConvolutionShape Of(Tensor x, Tensor weight, in Conv2dGeometry g) => new(
        x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3], weight.Shape[0], weight.Shape[1], weight.Shape[2],
        g.Stride.H, g.Stride.W, g.Padding.H, g.Padding.W, g.Dilation.H, g.Dilation.W, g.Groups);

    extension(ConvolutionShape s)
    {
        /// <summary>Elements of a window of a group.</summary>
        public int WindowLength => Shape.Extent((long)s.KernelHeight * s.KernelWidth * s.GroupChannels, "elements of a filter");

        /// <summary>Pixels of an output image.</summary>
        public int OutputPixels => Shape.Extent((long)s.OutputHeight * s.OutputWidth, "pixels of a convolution's output");

        /// <summary>Whether cuDNN takes its tensors: none has more elements than an int can number.</summary>
        public bool IsNumberedByInt => Math.Max(s.InputCount, Math.Max(s.FilterCount, s.OutputCount)) <= int.MaxValue;

        /// <summary>Whether an output pixel sees one input pixel, its own: the convolution is a product of matrices as it stands.</summary>
        public bool IsPointwise =>
            (s.KernelHeight, s.KernelWidth, s.StrideHeight, s.StrideWidth, s.PaddingHeight, s.PaddingWidth, s.Groups)
            == (1, 1, 1, 1, 0, 0, 1);
    }
}
