using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>y = w + sign·radius·|w|ᵏ·n / (√squaredNorm + 1e-12) with standard normal n that are stored nowhere; kernels/multi_tensor/step_normal.cu.</summary>
/// <remarks>What is not trained is not touched: y must hold the frozen weights already.</remarks>
sealed class StepNormal(KernelLibrary library)
{
    readonly CudaKernel kernel = library.Get("step_normal"), norm = library.Get("step_normal_squared_norm");

    /// <summary>result = Σ (|w|ᵏ·n)²; one launch.</summary>
    /// <param name="stream">Where.</param>
    /// <param name="tiles">The layout; something is trained.</param>
    /// <param name="result">float64[1].</param>
    /// <param name="partials">float64[runs], scratch.</param>
    /// <param name="weights">Flat buffer; read with a weighting only.</param>
    /// <param name="weighting">|w|ᵏ.</param>
    /// <param name="seed">Philox key.</param>
    /// <param name="sequence">Number of the Philox stream.</param>
    /// <param name="call">uint64[1], added to the number of the Philox stream; null for 0.</param>
    public void LaunchSquaredNorm(CudaStream stream, TileTable tiles, DevicePointer result, DevicePointer partials, DevicePointer weights, Weighting weighting,
        ulong seed, ulong sequence, DevicePointer call = default)
    {
        norm.Launch(stream.Moving(weighting == Weighting.None ? 0 : 4 * tiles.Elements), tiles.RunCount, TileTable.Threads, 0, result, partials, weights, (int)weighting, seed, sequence, call, tiles.Runs);
    }

    /// <summary>The step.</summary>
    /// <param name="stream">Where.</param>
    /// <param name="tiles">The layout; something is trained.</param>
    /// <param name="y">Flat buffer that receives the moved weights.</param>
    /// <param name="weights">Flat buffer.</param>
    /// <param name="weighting">|w|ᵏ.</param>
    /// <param name="squaredNorm">float64[1].</param>
    /// <param name="radius">float64[1].</param>
    /// <param name="sign">1 or -1.</param>
    /// <param name="seed">Philox key.</param>
    /// <param name="sequence">Number of the Philox stream.</param>
    /// <param name="call">uint64[1], added to the number of the Philox stream; null for 0.</param>
    public void Launch(CudaStream stream, TileTable tiles, DevicePointer y, DevicePointer weights, Weighting weighting, DevicePointer squaredNorm, DevicePointer radius,
        double sign, ulong seed, ulong sequence, DevicePointer call = default) =>
        kernel.Launch(stream.Moving(8 * tiles.Elements), tiles.RunCount, TileTable.Threads, 0, y, weights, (int)weighting, squaredNorm, radius, sign, seed, sequence, call, tiles.Runs);
}
