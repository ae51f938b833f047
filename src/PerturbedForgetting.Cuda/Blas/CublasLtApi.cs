namespace PerturbedForgetting.Cuda.Blas;

/// <summary>
/// The entry points of cuBLASLt that the engine calls, as a table of unmanaged function pointers; see <see cref="CublasApi"/>. A product is described by
/// a description, a layout of each matrix and an algorithm that the library proposes.
/// </summary>
public sealed unsafe partial class CublasLtApi
{
    /// <summary>Whether there is a library behind the table.</summary>
    public bool IsSupported { get; init; }

    /// <summary>Where the entries come from: the library's path, <c>software GPU</c>, or why there are none.</summary>
    public required string Origin { get; init; }

    /// <summary>The entry points that the library lacks, by their export names.</summary>
    public IReadOnlyList<string> MissingExports { get; init; } = [];

    /// <summary><c>cublasLtCreate(nint* handle)</c></summary>
    public delegate* unmanaged<nint*, CublasStatus> Create { get; init; }
    /// <summary><c>cublasLtDestroy(nint handle)</c></summary>
    public delegate* unmanaged<nint, CublasStatus> Destroy { get; init; }
    /// <summary><c>cublasLtGetVersion()</c>: 10000·major + 100·minor + patch (1000·major before version 12); 0 where there is no library.</summary>
    public delegate* unmanaged<nuint> GetVersion { get; init; }
    /// <summary><c>cublasLtMatmulDescCreate(nint* description, CublasComputeType compute, CudaDataType scale)</c></summary>
    public delegate* unmanaged<nint*, CublasComputeType, CudaDataType, CublasStatus> MatmulDescCreate { get; init; }
    /// <summary><c>cublasLtMatmulDescDestroy(nint description)</c></summary>
    public delegate* unmanaged<nint, CublasStatus> MatmulDescDestroy { get; init; }
    /// <summary><c>cublasLtMatmulDescSetAttribute(nint description, CublasLtMatmulAttribute attribute, void* value, nuint bytes)</c></summary>
    public delegate* unmanaged<nint, CublasLtMatmulAttribute, void*, nuint, CublasStatus> MatmulDescSetAttribute { get; init; }
    /// <summary><c>cublasLtMatrixLayoutCreate(nint* layout, CudaDataType type, ulong rows, ulong columns, long leadingDimension)</c>: column-major.</summary>
    public delegate* unmanaged<nint*, CudaDataType, ulong, ulong, long, CublasStatus> MatrixLayoutCreate { get; init; }
    /// <summary><c>cublasLtMatrixLayoutDestroy(nint layout)</c></summary>
    public delegate* unmanaged<nint, CublasStatus> MatrixLayoutDestroy { get; init; }
    /// <summary><c>cublasLtMatmulPreferenceCreate(nint* preference)</c></summary>
    public delegate* unmanaged<nint*, CublasStatus> MatmulPreferenceCreate { get; init; }
    /// <summary><c>cublasLtMatmulPreferenceDestroy(nint preference)</c></summary>
    public delegate* unmanaged<nint, CublasStatus> MatmulPreferenceDestroy { get; init; }
    /// <summary><c>cublasLtMatmulPreferenceSetAttribute(nint preference, CublasLtPreferenceAttribute attribute, void* value, nuint bytes)</c></summary>
    public delegate* unmanaged<nint, CublasLtPreferenceAttribute, void*, nuint, CublasStatus> MatmulPreferenceSetAttribute { get; init; }
    /// <summary><c>cublasLtMatmulAlgoGetHeuristic(nint handle, description, layoutA, layoutB, layoutC, layoutD, preference, int requested, CublasLtHeuristicResult* results, int* found)</c></summary>
    public delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, CublasLtHeuristicResult*, int*, CublasStatus> MatmulAlgoGetHeuristic { get; init; }
    /// <summary><c>cublasLtMatmul(nint handle, description, void* alpha, A, layoutA, B, layoutB, void* beta, C, layoutC, D, layoutD, algorithm, workspace, nuint workspaceBytes, stream)</c></summary>
    public delegate* unmanaged<nint, nint, void*, ulong, nint, ulong, nint, void*, ulong, nint, ulong, nint, CublasLtAlgorithm*, ulong, nuint, nint, CublasStatus> Matmul { get; init; }
}
