using System.Globalization;

namespace PerturbedForgetting.Cuda.Dnn;

/// <summary>A convolution in two dimensions: x [N, Height, Width, Channels] with filters [Filters, KernelHeight, KernelWidth, Channels /
/// Groups] gives y [N, <see cref="OutputHeight"/>, <see cref="OutputWidth"/>, Filters].</summary>
/// <param name="N">Images.</param>
/// <param name="Height">Rows of an image.</param>
/// <param name="Width">Columns of an image.</param>
/// <param name="Channels">Channels of an image.</param>
/// <param name="Filters">Channels of the output.</param>
/// <param name="KernelHeight">Rows of a filter.</param>
/// <param name="KernelWidth">Columns of a filter.</param>
/// <param name="StrideHeight">Input rows from one output row to the next.</param>
/// <param name="StrideWidth">Input columns from one output column to the next.</param>
/// <param name="PaddingHeight">Rows of zeros above and below.</param>
/// <param name="PaddingWidth">Columns of zeros on the left and on the right.</param>
/// <param name="DilationHeight">Input rows from one row of the filter to the next.</param>
/// <param name="DilationWidth">Input columns from one column of the filter to the next.</param>
/// <param name="Groups">Equal groups of channels that do not see each other.</param>
public readonly record struct ConvolutionShape(
    int N,
    int Height,
    int Width,
    int Channels,
    int Filters,
    int KernelHeight,
    int KernelWidth,
    int StrideHeight = 1,
    int StrideWidth = 1,
    int PaddingHeight = 0,
    int PaddingWidth = 0,
    int DilationHeight = 1,
    int DilationWidth = 1,
    int Groups = 1)
{
    /// <summary>Rows of the output.</summary>
    public int OutputHeight => Outputs(Height, KernelHeight, StrideHeight, PaddingHeight, DilationHeight);

    /// <summary>Columns of the output.</summary>
    public int OutputWidth => Outputs(Width, KernelWidth, StrideWidth, PaddingWidth, DilationWidth);

    /// <summary>Channels that a filter sees.</summary>
    public int GroupChannels => Channels / Groups;

    /// <summary>Filters of a group.</summary>
    public int GroupFilters => Filters / Groups;

    /// <summary>Elements of the input.</summary>
    public long InputCount => (long)N * Height * Width * Channels;

    /// <summary>Elements of the filters.</summary>
    public long FilterCount => (long)Filters * KernelHeight * KernelWidth * GroupChannels;

    /// <summary>Elements of the output.</summary>
    public long OutputCount => (long)N * OutputHeight * OutputWidth * Filters;

    /// <summary>Multiplications and additions of each direction, those with padding counted in.</summary>
    public long FloatingPointOperations => 2 * OutputCount * KernelHeight * KernelWidth * GroupChannels;

    /// <summary>Whether there is such a convolution: an output of at least one pixel, groups that divide the channels and the
    /// filters.</summary>
    public bool IsValid =>
        Math.Min(Math.Min(N, Height), Math.Min(Width, Channels)) > 0 && Math.Min(Filters, Math.Min(KernelHeight, KernelWidth)) > 0
        && Math.Min(StrideHeight, StrideWidth) > 0 && Math.Min(PaddingHeight, PaddingWidth) >= 0
        && Math.Min(DilationHeight, DilationWidth) > 0
        && Groups > 0 && Channels % Groups == 0 && Filters % Groups == 0
        && OutputHeight > 0 && OutputWidth > 0;

    /// <summary>For example <c>[2, 6, 5, 4] with 8 filters of 3x3, stride 1x1, padding 1x1, dilation 1x1, 1 groups</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"[{N}, {Height}, {Width}, {Channels}] with {Filters} filters of {KernelHeight}x{KernelWidth}, stride "
        + $"{StrideHeight}x{StrideWidth}, padding {PaddingHeight}x{PaddingWidth}, dilation {DilationHeight}x{DilationWidth}, {Groups} "
        + $"groups");

    // What the division truncates to 0 where the filter does not fit must not count as an output.
    static int Outputs(int size, int kernel, int stride, int padding, int dilation)
    {
        int room = size + (2 * padding) - (dilation * (kernel - 1)) - 1;
        return room < 0 ? 0 : (room / stride) + 1;
    }
}
