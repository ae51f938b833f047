using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>result = (Σ x², Σ x·|w|ᵏ·z, Σ (|w|ᵏ·z)²); kernels/multi_tensor/products.cu.</summary>
sealed class Products(KernelLibrary library)
{
    readonly CudaKernel kernel = library.Get("products");

    /// <summary>One launch.</summary>
    /// <param name="stream">Where.</param>
    /// <param name="tiles">The layout.</param>
    /// <param name="result">float64[3].</param>
    /// <param name="partials">float64[tiles, 3], scratch.</param>
    /// <param name="x">Flat buffer.</param>
    /// <param name="z">Flat buffer.</param>
    /// <param name="weights">Flat buffer; read with a weighting only.</param>
    /// <param name="weighting">|w|ᵏ.</param>
    public void Launch(CudaStream stream, TileTable tiles, DevicePointer result, DevicePointer partials, DevicePointer x, DevicePointer z, DevicePointer weights,
        Weighting weighting)
    {
        kernel.Launch(stream.Moving((weighting == Weighting.None ? 8 : 12) * tiles.Elements), tiles.TileCount, TileTable.Threads, 0, result, partials, x, z, weights, (int)weighting, tiles.Tiles);
    }
}
