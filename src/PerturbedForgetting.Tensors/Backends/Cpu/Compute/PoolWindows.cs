namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>Which pixels each pooling window covers, and which windows cover a pixel.</summary>
readonly struct PoolWindows(in Pool2dGeometry geometry, in Shape input, in Shape output)
{
    readonly Pool2dGeometry geometry = geometry;

    public Size2d Kernel => geometry.Kernel;

    public int Channels { get; } = input[3];

    public int InputH { get; } = input[1];

    public int InputW { get; } = input[2];

    public int OutputH { get; } = output[1];

    public int OutputW { get; } = output[2];

    /// <summary>Rows of the input under the windows of an output row: from, up to but excluding.</summary>
    public (int Begin, int End) Rows(int outputRow) => Inside(outputRow, geometry.Kernel.H, geometry.Stride.H, geometry.Padding.H, InputH);

    /// <summary>Columns of the input under the windows of an output column.</summary>
    public (int Begin, int End) Columns(int outputColumn) =>
        Inside(outputColumn, geometry.Kernel.W, geometry.Stride.W, geometry.Padding.W, InputW);

    /// <summary>Output rows whose windows cover a row of the input.</summary>
    public (int Begin, int End) RowsOver(int inputRow) => Over(inputRow, geometry.Kernel.H, geometry.Stride.H, geometry.Padding.H, OutputH);

    /// <summary>Output columns whose windows cover a column of the input.</summary>
    public (int Begin, int End) ColumnsOver(int inputColumn) =>
        Over(inputColumn, geometry.Kernel.W, geometry.Stride.W, geometry.Padding.W, OutputW);

    /// <summary>What the mean of a window divides by: its pixels inside the input, or inside the padded input.</summary>
    public int Divisor(int outputRow, int outputColumn, bool countPadding)
    {
        var (top, bottom) = Rows(outputRow);
        var (left, right) = Columns(outputColumn);
        return countPadding
            ? Padded(outputRow, geometry.Kernel.H, geometry.Stride.H, geometry.Padding.H, InputH)
            * Padded(outputColumn, geometry.Kernel.W, geometry.Stride.W, geometry.Padding.W, InputW)
            : (bottom - top) * (right - left);
    }

    static (int, int) Inside(int output, int kernel, int stride, int padding, int input)
    {
        int begin = (output * stride) - padding;
        return (Math.Max(begin, 0), Math.Min(begin + kernel, input));
    }

    static (int, int) Over(int input, int kernel, int stride, int padding, int outputs)
    {
        int begin = input + padding - kernel + 1;
        return (begin <= 0 ? 0 : (begin + stride - 1) / stride, Math.Min(((input + padding) / stride) + 1, outputs));
    }

    static int Padded(int output, int kernel, int stride, int padding, int input)
    {
        int begin = (output * stride) - padding;
        return Math.Min(begin + kernel, input + padding) - begin;
    }
}
