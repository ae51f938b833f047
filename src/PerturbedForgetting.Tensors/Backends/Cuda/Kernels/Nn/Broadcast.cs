using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>A vector added to every row, and the sum of all rows; kernels/nn/add_broadcast.cu, sum_leading.cu.</summary>
sealed class Broadcast(KernelLibrary library)
{
    const int Threads = 256;

    readonly CudaKernel add = library.Get("add_broadcast"), addOdd = library.Get("add_broadcast_odd"), sum = library.Get("sum_leading"),
        parts = library.Get("sum_leading_parts");

    /// <summary>y = x + b, b repeated over rows of columns.</summary>
    public void Add(CudaStream stream, DevicePointer y, DevicePointer x, DevicePointer b, int columns, long count)
    {
        bool isOdd = columns % 4 != 0;
        (isOdd ? addOdd : add).Launch(stream, LaunchGrid.Blocks(count, isOdd ? Threads : 4 * Threads), Threads, 0, y, x, b, columns, count);
    }

    /// <summary>y = the sum of the rows of x, or y += that. <paramref name="partial"/> has <see cref="ColumnParts.Count"/> times columns float32.</summary>
    public void Sum(CudaStream stream, DevicePointer y, DevicePointer x, DevicePointer partial, long rows, int columns, bool accumulate)
    {
        var cut = new ColumnParts(rows, columns);
        sum.Launch(stream, cut.Grid, ColumnParts.Block, 0, partial, x, rows, columns, cut.RowsPerPart);
        AddParts(stream, y, partial, cut.Count, columns, accumulate);
    }

    /// <summary>y = the sum of the parts, each of columns elements, or y += that.</summary>
    public void AddParts(CudaStream stream, DevicePointer y, DevicePointer partial, int count, int columns, bool accumulate) =>
        parts.Launch(stream, LaunchGrid.Blocks(columns, Threads), Threads, 0, y, partial, count, columns, accumulate ? 1 : 0);
}

/// <summary>How the rows of a sum over rows are cut into parts: a function of the shape alone, so that sums are the same everywhere. See
/// kernels/include/columns.cuh.</summary>
readonly record struct ColumnParts
{
    const int LeastRows = 64, MostParts = 256;

    public ColumnParts(long rows, int columns)
    {
        long parts = Math.Clamp(rows / LeastRows, 1, MostParts);
        RowsPerPart = checked((int)((rows + parts - 1) / parts));
        Count = (int)((rows + RowsPerPart - 1) / RowsPerPart);
        Grid = new Dim3((columns + 31) / 32, Count);
    }

    public int RowsPerPart { get; }

    public int Count { get; }

    public Dim3 Grid { get; }

    public static Dim3 Block => new(32, 8);
}
