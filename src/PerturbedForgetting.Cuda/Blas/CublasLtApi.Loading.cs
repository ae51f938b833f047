using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Blas;

// The table filled from the library, or from nothing.
public sealed unsafe partial class CublasLtApi
{
    static readonly Lazy<CublasLtApi> installed = new(Load);

    /// <summary>The library of this machine, looked for once; not supported where there is none.</summary>
    public static CublasLtApi Installed => installed.Value;

    /// <summary>The library's version, asked without a context; null where there is no library.</summary>
    public Version? Version => (int)GetVersion() switch
    {
        0 => null,
        // 12 and later; earlier ones gave the first number three digits less.
        >= 100000 and var v => new Version(v / 10000, v / 100 % 100, v % 100),
        var v => new Version(v / 1000, v / 100 % 10, v % 100),
    };

    /// <inheritdoc cref="CublasApi.WhyUnusable"/>
    public string? WhyUnusable => CublasErrors.WhyUnusable("cuBLASLt", IsSupported, Origin, Version, MissingExports);

    static CublasLtApi Load()
    {
        LibraryReport report = LibrarySearch.Open(CudaLibrary.CublasLt);
        return report.Handle == 0 ? Absent(report.Origin) : From(name => NativeLibrary.TryGetExport(report.Handle, name, out nint address) ? address : 0, report.Origin);
    }

    /// <summary>The table of a library with these exports; 0 stands for one that is missing.</summary>
    internal static CublasLtApi From(Func<string, nint> export, string origin)
    {
        if (export("cublasLtCreate") == 0)
            return Absent($"{origin} is no cuBLASLt");
        List<string> missing = [];
        return Fill(name => export(name) is var address and not 0 ? (void*)address : Missing(name), origin, missing, isSupported: true);

        void* Missing(string name)
        {
            missing.Add(name);
            return name == "cublasLtGetVersion" ? (delegate* unmanaged<nuint>)&NoVersion : (delegate* unmanaged<CublasStatus>)&CublasErrors.NotSupported;
        }
    }

    /// <summary>The table where there is no library.</summary>
    /// <param name="reason">Why there is none.</param>
    internal static CublasLtApi Absent(string reason) => Fill(
        static name => name == "cublasLtGetVersion" ? (delegate* unmanaged<nuint>)&NoVersion : (delegate* unmanaged<CublasStatus>)&CublasErrors.NotInitialized,
        reason, [], isSupported: false);

    [UnmanagedCallersOnly]
    static nuint NoVersion() => 0;

    static CublasLtApi Fill(CublasErrors.Find find, string origin, IReadOnlyList<string> missing, bool isSupported) => new()
    {
        Origin = origin,
        MissingExports = missing,
        IsSupported = isSupported,
        Create = (delegate* unmanaged<nint*, CublasStatus>)find("cublasLtCreate"),
        Destroy = (delegate* unmanaged<nint, CublasStatus>)find("cublasLtDestroy"),
        GetVersion = (delegate* unmanaged<nuint>)find("cublasLtGetVersion"),
        MatmulDescCreate = (delegate* unmanaged<nint*, CublasComputeType, CudaDataType, CublasStatus>)find("cublasLtMatmulDescCreate"),
        MatmulDescDestroy = (delegate* unmanaged<nint, CublasStatus>)find("cublasLtMatmulDescDestroy"),
        MatmulDescSetAttribute = (delegate* unmanaged<nint, CublasLtMatmulAttribute, void*, nuint, CublasStatus>)find("cublasLtMatmulDescSetAttribute"),
        MatrixLayoutCreate = (delegate* unmanaged<nint*, CudaDataType, ulong, ulong, long, CublasStatus>)find("cublasLtMatrixLayoutCreate"),
        MatrixLayoutDestroy = (delegate* unmanaged<nint, CublasStatus>)find("cublasLtMatrixLayoutDestroy"),
        MatmulPreferenceCreate = (delegate* unmanaged<nint*, CublasStatus>)find("cublasLtMatmulPreferenceCreate"),
        MatmulPreferenceDestroy = (delegate* unmanaged<nint, CublasStatus>)find("cublasLtMatmulPreferenceDestroy"),
        MatmulPreferenceSetAttribute = (delegate* unmanaged<nint, CublasLtPreferenceAttribute, void*, nuint, CublasStatus>)find("cublasLtMatmulPreferenceSetAttribute"),
        MatmulAlgoGetHeuristic = (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, CublasLtHeuristicResult*, int*, CublasStatus>)find("cublasLtMatmulAlgoGetHeuristic"),
        Matmul = (delegate* unmanaged<nint, nint, void*, ulong, nint, ulong, nint, void*, ulong, nint, ulong, nint, CublasLtAlgorithm*, ulong, nuint, nint, CublasStatus>)find("cublasLtMatmul"),
    };
}
