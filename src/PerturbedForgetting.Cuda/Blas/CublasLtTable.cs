using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Blas;

/// <summary>The entry points of cuBLASLt; see <see cref="CublasTable"/>. A product is described by a description, a layout of each matrix
/// and an algorithm that the library proposes.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct CublasLtTable : INativeTable
{
    static CudaLibrary INativeTable.Library => CudaLibrary.CublasLt;

    static string INativeTable.Prefix => "cublasLt";

    static string[] INativeTable.Exports { get; } =
    [
        "cublasLtCreate", "cublasLtDestroy", "cublasLtGetVersion", "cublasLtMatmulDescCreate", "cublasLtMatmulDescDestroy",
        "cublasLtMatmulDescSetAttribute", "cublasLtMatrixLayoutCreate", "cublasLtMatrixLayoutDestroy", "cublasLtMatmulPreferenceCreate",
        "cublasLtMatmulPreferenceDestroy", "cublasLtMatmulPreferenceSetAttribute", "cublasLtMatmulAlgoGetHeuristic", "cublasLtMatmul",
    ];

    static nint INativeTable.StandIn(string export, bool isSupported) =>
        export == "cublasLtGetVersion" ? (nint)(delegate* unmanaged<nuint>)&NoVersion : CublasErrors.StandIn(isSupported);

    [UnmanagedCallersOnly]
    static nuint NoVersion() => 0;

    /// <summary>(handle)</summary>
    public delegate* unmanaged<nint*, CublasStatus> Create;
    /// <summary>(handle)</summary>
    public delegate* unmanaged<nint, CublasStatus> Destroy;
    /// <summary>(): 10000·major + 100·minor + patch (1000·major before version 12); 0 where there is no library.</summary>
    public delegate* unmanaged<nuint> GetVersion;
    /// <summary>(description, compute, scale)</summary>
    public delegate* unmanaged<nint*, CublasComputeType, CudaDataType, CublasStatus> MatmulDescCreate;
    /// <summary>(description)</summary>
    public delegate* unmanaged<nint, CublasStatus> MatmulDescDestroy;
    /// <summary>(description, attribute, value, bytes)</summary>
    public delegate* unmanaged<nint, CublasLtMatmulAttribute, void*, nuint, CublasStatus> MatmulDescSetAttribute;
    /// <summary>(layout, type, rows, columns, leadingDimension): column-major.</summary>
    public delegate* unmanaged<nint*, CudaDataType, ulong, ulong, long, CublasStatus> MatrixLayoutCreate;
    /// <summary>(layout)</summary>
    public delegate* unmanaged<nint, CublasStatus> MatrixLayoutDestroy;
    /// <summary>(preference)</summary>
    public delegate* unmanaged<nint*, CublasStatus> MatmulPreferenceCreate;
    /// <summary>(preference)</summary>
    public delegate* unmanaged<nint, CublasStatus> MatmulPreferenceDestroy;
    /// <summary>(preference, attribute, value, bytes)</summary>
    public delegate* unmanaged<nint, CublasLtPreferenceAttribute, void*, nuint, CublasStatus> MatmulPreferenceSetAttribute;
    /// <summary>(handle, description, layoutA, layoutB, layoutC, layoutD, preference, requested, results, found)</summary>
    public delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int,
        CublasLtHeuristicResult*, int*, CublasStatus> MatmulAlgoGetHeuristic;
    /// <summary>(handle, description, alpha, A, layoutA, B, layoutB, beta, C, layoutC, D, layoutD, algorithm, workspace, workspaceBytes,
    /// stream)</summary>
    public delegate* unmanaged<nint, nint, void*, ulong, nint, ulong, nint, void*, ulong, nint, ulong, nint,
        CublasLtAlgorithm*, ulong, nuint, nint, CublasStatus> Matmul;
}
