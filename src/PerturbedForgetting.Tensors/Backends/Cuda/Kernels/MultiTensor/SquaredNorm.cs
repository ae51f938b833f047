using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>result = Σ (|w|ᵏ·x)²; kernels/multi_tensor/squared_norm.cu.</summary>
sealed class SquaredNorm(KernelLibrary library)
{
    readonly CudaKernel kernel = library.Get("squared_norm");

    /// <summary>One launch.</summary>
    /// <param name="stream">Where.</param>
    /// <param name="tiles">The layout.</param>
    /// <param name="result">float64[1].</param>
    /// <param name="partials">float64[tiles], scratch.</param>
    /// <param name="x">Flat buffer.</param>
    /// <param name="weights">Flat buffer; read with a weighting only.</param>
    /// <param name="weighting">|w|ᵏ.</param>
    public void Launch(CudaStream stream, TileTable tiles, DevicePointer result, DevicePointer partials, DevicePointer x, DevicePointer weights, Weighting weighting)
    {
        kernel.Launch(stream.Moving((weighting == Weighting.None ? 4 : 8) * tiles.Elements), tiles.TileCount, TileTable.Threads, 0, result, partials, x, weights, (int)weighting, tiles.Tiles);
    }
}
