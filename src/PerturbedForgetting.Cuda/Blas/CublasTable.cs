using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Blas;

/// <summary>The entry points of cuBLAS. One that the library lacks returns <see cref="CublasStatus.NotSupported"/>, and where there is no
/// library all return <see cref="CublasStatus.NotInitialized"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct CublasTable : INativeTable
{
    static CudaLibrary INativeTable.Library => CudaLibrary.Cublas;

    static string INativeTable.Prefix => "cublas";

    static string[] INativeTable.Exports { get; } =
    [
        "cublasCreate_v2", "cublasDestroy_v2", "cublasGetProperty", "cublasSetStream_v2", "cublasSetWorkspace_v2", "cublasSetAtomicsMode",
        "cublasGemmEx", "cublasGemmStridedBatchedEx",
    ];

    static nint INativeTable.StandIn(string export, bool isSupported) => CublasErrors.StandIn(isSupported);

    /// <summary>(handle)</summary>
    public delegate* unmanaged<nint*, CublasStatus> Create;
    /// <summary>(handle)</summary>
    public delegate* unmanaged<nint, CublasStatus> Destroy;
    /// <summary>(property, value)</summary>
    public delegate* unmanaged<CudaLibraryProperty, int*, CublasStatus> GetProperty;
    /// <summary>(handle, stream)</summary>
    public delegate* unmanaged<nint, nint, CublasStatus> SetStream;
    /// <summary>(handle, workspace, bytes)</summary>
    public delegate* unmanaged<nint, ulong, nuint, CublasStatus> SetWorkspace;
    /// <summary>(handle, mode)</summary>
    public delegate* unmanaged<nint, CublasAtomicsMode, CublasStatus> SetAtomicsMode;
    /// <summary>(handle, transA, transB, m, n, k, alpha, A, typeA, lda, B, typeB, ldb, beta, C, typeC, ldc,
    /// computeType, algorithm): C = alpha op(A) op(B) + beta C in column-major order.</summary>
    public delegate* unmanaged<nint, CublasOperation, CublasOperation, int, int, int, void*,
        ulong, CudaDataType, int, ulong, CudaDataType, int, void*, ulong, CudaDataType, int,
        CublasComputeType, CublasGemmAlgorithm, CublasStatus> GemmEx;
    /// <summary><see cref="GemmEx"/> of a batch; after each leading dimension stand the elements from one matrix to
    /// the next, after C's the number of matrices.</summary>
    public delegate* unmanaged<nint, CublasOperation, CublasOperation, int, int, int, void*,
        ulong, CudaDataType, int, long, ulong, CudaDataType, int, long, void*, ulong, CudaDataType, int, long, int,
        CublasComputeType, CublasGemmAlgorithm, CublasStatus> GemmStridedBatchedEx;
}
