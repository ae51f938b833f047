namespace PerturbedForgetting.Cuda.Blas;

/// <summary>
/// The entry points of cuBLAS that the engine calls, as a table of unmanaged function pointers, filled from the library or by the software GPU. An entry is
/// never null: one that the library lacks returns <see cref="CublasStatus.NotSupported"/>, and where there is no library all return
/// <see cref="CublasStatus.NotInitialized"/>. Handles are pointer-sized integers, addresses of the device are <c>ulong</c>, <c>float*</c> are the host's.
/// </summary>
public sealed unsafe partial class CublasApi
{
    /// <summary>Whether there is a library behind the table.</summary>
    public bool IsSupported { get; init; }

    /// <summary>Where the entries come from: the library's path, <c>software GPU</c>, or why there are none.</summary>
    public required string Origin { get; init; }

    /// <summary>The entry points that the library lacks, by their export names.</summary>
    public IReadOnlyList<string> MissingExports { get; init; } = [];

    /// <summary><c>cublasCreate_v2(nint* handle)</c></summary>
    public delegate* unmanaged<nint*, CublasStatus> Create { get; init; }
    /// <summary><c>cublasDestroy_v2(nint handle)</c></summary>
    public delegate* unmanaged<nint, CublasStatus> Destroy { get; init; }
    /// <summary><c>cublasGetProperty(CudaLibraryProperty property, int* value)</c></summary>
    public delegate* unmanaged<CudaLibraryProperty, int*, CublasStatus> GetProperty { get; init; }
    /// <summary><c>cublasSetStream_v2(nint handle, nint stream)</c></summary>
    public delegate* unmanaged<nint, nint, CublasStatus> SetStream { get; init; }
    /// <summary><c>cublasSetWorkspace_v2(nint handle, ulong workspace, nuint bytes)</c></summary>
    public delegate* unmanaged<nint, ulong, nuint, CublasStatus> SetWorkspace { get; init; }
    /// <summary><c>cublasSetAtomicsMode(nint handle, CublasAtomicsMode mode)</c></summary>
    public delegate* unmanaged<nint, CublasAtomicsMode, CublasStatus> SetAtomicsMode { get; init; }
    /// <summary><c>cublasGemmEx(nint handle, transA, transB, int m, int n, int k, void* alpha, A, typeA, int lda, B, typeB, int ldb, void* beta, C, typeC, int ldc, computeType, algorithm)</c>: C = alpha op(A) op(B) + beta C in column-major order.</summary>
    public delegate* unmanaged<nint, CublasOperation, CublasOperation, int, int, int, void*, ulong, CudaDataType, int, ulong, CudaDataType, int, void*, ulong, CudaDataType, int, CublasComputeType, CublasGemmAlgorithm, CublasStatus> GemmEx { get; init; }
    /// <summary><c>cublasGemmStridedBatchedEx</c>: <see cref="GemmEx"/> of a batch; after each leading dimension stand the elements from one matrix to the next, after C's the number of matrices.</summary>
    public delegate* unmanaged<nint, CublasOperation, CublasOperation, int, int, int, void*, ulong, CudaDataType, int, long, ulong, CudaDataType, int, long, void*, ulong, CudaDataType, int, long, int, CublasComputeType, CublasGemmAlgorithm, CublasStatus> GemmStridedBatchedEx { get; init; }
}
