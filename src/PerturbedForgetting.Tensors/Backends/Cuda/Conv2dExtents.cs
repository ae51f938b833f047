namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>All numbers of a convolution of channels-last images.</summary>
readonly record struct Conv2dExtents(int Images, int Height, int Width, int Channels, int OutHeight, int OutWidth, int Filters, int KernelH, int KernelW, Conv2dGeometry Geometry)
{
    public static Conv2dExtents Of(Tensor x, Tensor weight, Tensor y, in Conv2dGeometry geometry) =>
        new(x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3], y.Shape[1], y.Shape[2], weight.Shape[0], weight.Shape[1], weight.Shape[2], geometry);

    public int Groups => Geometry.Groups;

    public int GroupChannels => Channels / Groups;

    public int GroupFilters => Filters / Groups;

    /// <summary>Elements of a window of a group.</summary>
    public int WindowLength => KernelH * KernelW * GroupChannels;

    public int OutPixels => OutHeight * OutWidth;

    /// <summary>Whether an output pixel sees one input pixel, its own: the convolution is a product of matrices as it stands.</summary>
    public bool IsPointwise => KernelH == 1 && KernelW == 1 && Geometry.Stride == Size2d.One && Geometry.Padding == default && Groups == 1;

    /// <summary>Whether windows are squares that tile the image: the patch embedding of a vision transformer.</summary>
    public bool IsPatches => KernelH == KernelW && Geometry.Stride == new Size2d(KernelH, KernelW) && Geometry.Padding == default && Geometry.Dilation == Size2d.One
        && Groups == 1 && Height % KernelH == 0 && Width % KernelW == 0;
}
