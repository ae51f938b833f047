using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Dropout with a mask made from Philox; kernels/nn/dropout.cu.</summary>
sealed class Dropout(KernelLibrary library)
{
    readonly CudaKernel kernel = library.Get("dropout");

    /// <summary>y = x / (1 - p) where word i of the sequence is at least p 2^32, else 0; the counter, uint64[1] or null, is added to the sequence's number.</summary>
    public void Launch(CudaStream stream, DevicePointer y, DevicePointer x, double p, ulong seed, ulong sequence, DevicePointer counter, long count) =>
        kernel.Launch(stream.Moving(8 * count), LaunchGrid.Blocks(count, 4 * 256), 256, 0, y, x, (ulong)(p * 4294967296.0), p < 1 ? (float)(1 / (1 - p)) : 0f, seed, sequence, counter, count);
}
