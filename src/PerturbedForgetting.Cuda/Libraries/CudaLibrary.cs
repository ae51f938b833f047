namespace PerturbedForgetting.Cuda.Libraries;

/// <summary>A native library of NVIDIA's that the engine looks for.</summary>
public enum CudaLibrary
{
    /// <summary>The CUDA driver: without it there is no GPU.</summary>
    Driver,

    /// <summary>cuBLAS: matrix products.</summary>
    Cublas,

    /// <summary>cuBLASLt: matrix products with a bias in the same pass.</summary>
    CublasLt,

    /// <summary>cuDNN 9: convolutions.</summary>
    Cudnn,

    /// <summary>NCCL: sums between the GPUs of several processes.</summary>
    Nccl,

    /// <summary>NVTX: named ranges in Nsight's timeline.</summary>
    Nvtx,
}
