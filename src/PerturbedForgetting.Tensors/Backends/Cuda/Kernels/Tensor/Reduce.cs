using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Sums and means; kernels/tensor/reduce.cu.</summary>
sealed class Reduce(KernelLibrary library)
{
    const int Threads = 256;

    readonly CudaKernel sum = library.Get("reduce_sum"), parts = library.Get("reduce_sum_parts"), mean = library.Get("reduce_mean"),
        meanLast = library.Get("reduce_mean_last"), meanBackward = library.Get("reduce_mean_backward");

    /// <summary>float64 numbers of work space that <see cref="Sum"/> needs.</summary>
    public static int Parts(long count) => LaunchGrid.Blocks(count, 16 * Threads, 1024);

    /// <summary>y[0] = the sum of x.</summary>
    public void Sum(CudaStream stream, DevicePointer y, DevicePointer x, DevicePointer partial, long count)
    {
        int blocks = Parts(count);
        sum.Launch(stream.Moving(4 * count), blocks, Threads, 0, partial, x, count);
        parts.Launch(stream, 1, Threads, 0, y, partial, blocks);
    }

    /// <summary>y [outer, inner] = the mean of x [outer, n, inner] over n.</summary>
    public void Mean(CudaStream stream, DevicePointer y, DevicePointer x, long outer, int n, int inner)
    {
        if (inner == 1)
            meanLast.Launch(stream.Moving(4 * outer * (n + 1)), checked((int)outer), 32, 0, y, x, n);
        else
            mean.Launch(stream.Moving(4 * outer * inner * (n + 1)), LaunchGrid.Blocks(outer * inner, Threads), Threads, 0, y, x, n, inner, outer * inner);
    }

    /// <summary>dx [outer, n, inner] = dy [outer, inner] / n.</summary>
    public void MeanBackward(CudaStream stream, DevicePointer dx, DevicePointer dy, long outer, int n, int inner) =>
        meanBackward.Launch(stream.Moving(4 * outer * inner * (n + 1)), LaunchGrid.Blocks(outer * n * inner, Threads), Threads, 0, dx, dy, n, inner, outer * n * inner);
}
