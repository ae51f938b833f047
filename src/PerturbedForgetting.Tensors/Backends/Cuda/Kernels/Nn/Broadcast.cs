using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>A vector added to every row, and the sum of all rows; kernels/nn/add_broadcast.cu, sum_leading.cu.</summary>
sealed class Broadcast(KernelLibrary library)
{
    readonly WideKernel add = new(library, "add_broadcast");
    readonly ColumnKernel sum = new(library, "sum_leading");

    /// <summary>y = x + b, b repeated over rows of columns.</summary>
    public void Add(CudaStream stream, DevicePointer y, DevicePointer x, DevicePointer b, int columns, long count) =>
        add.Launch(stream.Moving(8 * count), count, columns, y, x, b, columns, count);

    /// <summary>y = the sum of the rows of x, or y += that. <paramref name="partial"/> has <see cref="ColumnParts.Count"/> times columns float32.</summary>
    public void Sum(CudaStream stream, DevicePointer y, DevicePointer x, DevicePointer partial, long rows, int columns, bool accumulate)
    {
        var cut = new ColumnParts(rows, columns);
        sum.Launch(stream.Moving(4 * rows * columns), cut, y, partial, x, rows, columns, cut.RowsPerPart, accumulate ? 1 : 0);
    }
}
