using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Cuda.Dnn;

namespace PerturbedForgetting.Cuda.Libraries;

/// <summary>NVIDIA's libraries beside the driver. Each may be missing: the engine has kernels of its own for what they do.</summary>
/// <param name="Cublas">Matrix products.</param>
/// <param name="CublasLt">Linear layers with their bias in one pass.</param>
/// <param name="Cudnn">Convolutions.</param>
/// <param name="Nvtx">Names of ranges for profilers.</param>
public sealed record CudaLibraries(CublasApi Cublas, CublasLtApi CublasLt, CudnnApi Cudnn, Nvtx Nvtx)
{
    /// <summary>Those of this machine, looked for when they are first wanted.</summary>
    public static CudaLibraries Installed => new(CublasApi.Installed, CublasLtApi.Installed, CudnnApi.Installed, Nvtx.Installed);
}
