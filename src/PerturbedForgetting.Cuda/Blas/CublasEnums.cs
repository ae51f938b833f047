namespace PerturbedForgetting.Cuda.Blas;

/// <summary>Status of a call of cuBLAS or cuBLASLt (<c>cublasStatus_t</c>).</summary>
public enum CublasStatus
{
    /// <summary>Done.</summary>
    Success = 0,
    /// <summary>The handle was not created or is destroyed, or the library cannot start.</summary>
    NotInitialized = 1,
    /// <summary>No memory.</summary>
    AllocFailed = 3,
    /// <summary>An argument is wrong.</summary>
    InvalidValue = 7,
    /// <summary>The GPU is too old.</summary>
    ArchMismatch = 8,
    /// <summary>Memory of the GPU cannot be reached.</summary>
    MappingError = 11,
    /// <summary>A kernel failed, or one before it.</summary>
    ExecutionFailed = 13,
    /// <summary>The library failed.</summary>
    InternalError = 14,
    /// <summary>Nothing in the library does this.</summary>
    NotSupported = 15,
    /// <summary>A licence is missing.</summary>
    LicenseError = 16,
}

/// <summary>Type of elements (<c>cudaDataType</c>).</summary>
public enum CudaDataType
{
    /// <summary>float32.</summary>
    Float32 = 0,
    /// <summary>float64.</summary>
    Float64 = 1,
    /// <summary>float16.</summary>
    Float16 = 2,
    /// <summary>bfloat16.</summary>
    BFloat16 = 14,
}

/// <summary>In which precision a product is computed (<c>cublasComputeType_t</c>).</summary>
public enum CublasComputeType
{
    /// <summary>float32.</summary>
    Float32 = 68,
    /// <summary>Factors rounded to TF32 (10 bits of mantissa), sums in float32; on the matrix units.</summary>
    Float32FastTf32 = 77,
}

/// <summary>How a matrix enters a product (<c>cublasOperation_t</c>).</summary>
public enum CublasOperation
{
    /// <summary>As it is.</summary>
    None = 0,
    /// <summary>Transposed.</summary>
    Transpose = 1,
}

/// <summary>Whether kernels may add with atomic operations, which makes sums differ from run to run (<c>cublasAtomicsMode_t</c>).</summary>
public enum CublasAtomicsMode
{
    /// <summary>They may not.</summary>
    NotAllowed = 0,
    /// <summary>They may.</summary>
    Allowed = 1,
}

/// <summary>Algorithm of <c>cublasGemmEx</c> (<c>cublasGemmAlgo_t</c>).</summary>
public enum CublasGemmAlgorithm
{
    /// <summary>The library chooses.</summary>
    Default = -1,
}

/// <summary>What <c>cublasGetProperty</c> tells (<c>libraryPropertyType</c>).</summary>
public enum CudaLibraryProperty
{
    /// <summary>First number of the version.</summary>
    MajorVersion = 0,
    /// <summary>Second number of the version.</summary>
    MinorVersion = 1,
    /// <summary>Third number of the version.</summary>
    PatchLevel = 2,
}
