using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>A vector added to every row, and the sum of all rows; kernels/nn/add_broadcast.cu, sum_leading.cu.</summary>
sealed class Broadcast(KernelLibrary library)
{
    readonly WideKernel add = new(library, "add_broadcast");
    readonly CudaKernel sum = library.Get("sum_leading"), sumOdd = library.Get("sum_leading_odd"), parts = library.Get("sum_leading_parts");

    /// <summary>y = x + b, b repeated over rows of columns.</summary>
    public void Add(CudaStream stream, DevicePointer y, DevicePointer x, DevicePointer b, int columns, long count) =>
        add.Launch(stream, count, columns, y, x, b, columns, count);

    /// <summary>y = the sum of the rows of x, or y += that. <paramref name="partial"/> has <see cref="ColumnParts.Count"/> times columns float32.</summary>
    public void Sum(CudaStream stream, DevicePointer y, DevicePointer x, DevicePointer partial, long rows, int columns, bool accumulate)
    {
        var cut = new ColumnParts(rows, columns);
        (cut.IsOdd ? sumOdd : sum).Launch(stream, cut.Grid, ColumnParts.Block, 0, partial, x, rows, columns, cut.RowsPerPart);
        AddParts(stream, y, partial, cut.Count, columns, accumulate);
    }

    /// <summary>y = the sum of the parts, each of columns elements, or y += that.</summary>
    public void AddParts(CudaStream stream, DevicePointer y, DevicePointer partial, int count, int columns, bool accumulate) =>
        parts.Launch(stream, ColumnParts.BlocksOf(columns), ColumnParts.Block, 0, y, partial, count, columns, accumulate ? 1 : 0);
}

/// <summary>How the rows of a sum over rows are cut into parts: a function of the shape alone, so that sums are the same everywhere. See
/// kernels/include/columns.cuh.</summary>
readonly record struct ColumnParts
{
    const int LeastRows = 64, MostParts = 512, Columns = 16;

    public ColumnParts(long rows, int columns)
    {
        long parts = Math.Clamp(rows / LeastRows, 1, MostParts);
        RowsPerPart = checked((int)((rows + parts - 1) / parts));
        Count = (int)((rows + RowsPerPart - 1) / RowsPerPart);
        IsOdd = columns % 4 != 0;
        Grid = new Dim3(BlocksOf(IsOdd ? columns : columns / 4), Count);
        SecondGrid = BlocksOf(columns);
    }

    public int RowsPerPart { get; }

    public int Count { get; }

    /// <summary>Whether a thread does one column at a time instead of four.</summary>
    public bool IsOdd { get; }

    /// <summary>Of the kernel that sums up each part.</summary>
    public Dim3 Grid { get; }

    /// <summary>Of the kernel that adds up the parts.</summary>
    public Dim3 SecondGrid { get; }

    public static Dim3 Block => new(Columns, 16);

    public static int BlocksOf(int columns) => (columns + Columns - 1) / Columns;
}
