using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>y = standard normal numbers of one Philox stream, in trained parameters; kernels/multi_tensor/fill_normal.cu.</summary>
sealed class FillNormal(KernelLibrary library)
{
    readonly CudaKernel kernel = library.Get("fill_normal");

    /// <param name="stream">Where.</param>
    /// <param name="tiles">The layout.</param>
    /// <param name="y">Flat buffer.</param>
    /// <param name="seed">Philox key.</param>
    /// <param name="sequence">Number of the Philox stream.</param>
    /// <param name="call">uint64[1], added to the number of the Philox stream; null for 0.</param>
    public void Launch(CudaStream stream, TileTable tiles, DevicePointer y, ulong seed, ulong sequence, DevicePointer call = default)
    {
        if (tiles.RunCount > 0)
            kernel.Launch(stream.Moving(4 * tiles.Elements), tiles.RunCount, TileTable.Threads, 0, y, seed, sequence, call, tiles.Runs);
    }
}
