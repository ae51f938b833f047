using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Blas;

// The table filled from the library, or from nothing.
public sealed unsafe partial class CublasApi
{
    static readonly Lazy<CublasApi> installed = new(Load);

    /// <summary>The library of this machine, looked for once; not supported where there is none.</summary>
    public static CublasApi Installed => installed.Value;

    /// <summary>The library's version, asked without a context; null where there is no library.</summary>
    public Version? Version
    {
        get
        {
            int major, minor, patch;
            return GetProperty(CudaLibraryProperty.MajorVersion, &major) == CublasStatus.Success
                && GetProperty(CudaLibraryProperty.MinorVersion, &minor) == CublasStatus.Success
                && GetProperty(CudaLibraryProperty.PatchLevel, &patch) == CublasStatus.Success ? new Version(major, minor, patch) : null;
        }
    }

    /// <summary>Why the library cannot be used: it is absent, of another version than 12 or 13, or incomplete. Null when it can.</summary>
    public string? WhyUnusable => CublasErrors.WhyUnusable("cuBLAS", IsSupported, Origin, Version, MissingExports);

    static CublasApi Load()
    {
        LibraryReport report = LibrarySearch.Open(CudaLibrary.Cublas);
        return report.Handle == 0 ? Absent(report.Origin) : From(name => NativeLibrary.TryGetExport(report.Handle, name, out nint address) ? address : 0, report.Origin);
    }

    /// <summary>The table of a library with these exports; 0 stands for one that is missing.</summary>
    internal static CublasApi From(Func<string, nint> export, string origin)
    {
        if (export("cublasCreate_v2") == 0)
            return Absent($"{origin} is no cuBLAS");
        List<string> missing = [];
        return Fill(name => export(name) is var address and not 0 ? (void*)address : Missing(name), origin, missing, isSupported: true);

        void* Missing(string name)
        {
            missing.Add(name);
            return (delegate* unmanaged<CublasStatus>)&CublasErrors.NotSupported;
        }
    }

    /// <summary>The table where there is no library.</summary>
    /// <param name="reason">Why there is none.</param>
    internal static CublasApi Absent(string reason) =>
        Fill(static _ => (delegate* unmanaged<CublasStatus>)&CublasErrors.NotInitialized, reason, [], isSupported: false);

    static CublasApi Fill(CublasErrors.Find find, string origin, IReadOnlyList<string> missing, bool isSupported) => new()
    {
        Origin = origin,
        MissingExports = missing,
        IsSupported = isSupported,
        Create = (delegate* unmanaged<nint*, CublasStatus>)find("cublasCreate_v2"),
        Destroy = (delegate* unmanaged<nint, CublasStatus>)find("cublasDestroy_v2"),
        GetProperty = (delegate* unmanaged<CudaLibraryProperty, int*, CublasStatus>)find("cublasGetProperty"),
        SetStream = (delegate* unmanaged<nint, nint, CublasStatus>)find("cublasSetStream_v2"),
        SetWorkspace = (delegate* unmanaged<nint, ulong, nuint, CublasStatus>)find("cublasSetWorkspace_v2"),
        SetAtomicsMode = (delegate* unmanaged<nint, CublasAtomicsMode, CublasStatus>)find("cublasSetAtomicsMode"),
        GemmEx = (delegate* unmanaged<nint, CublasOperation, CublasOperation, int, int, int, void*, ulong, CudaDataType, int, ulong, CudaDataType, int, void*, ulong, CudaDataType, int, CublasComputeType, CublasGemmAlgorithm, CublasStatus>)find("cublasGemmEx"),
        GemmStridedBatchedEx = (delegate* unmanaged<nint, CublasOperation, CublasOperation, int, int, int, void*, ulong, CudaDataType, int, long, ulong, CudaDataType, int, long, void*, ulong, CudaDataType, int, long, int, CublasComputeType, CublasGemmAlgorithm, CublasStatus>)find("cublasGemmStridedBatchedEx"),
    };
}
