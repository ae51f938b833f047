using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Blas;

/// <summary>cuBLAS: matrix products.</summary>
public sealed unsafe class CublasApi : NativeApi<CublasApi, CublasTable>
{
    /// <summary>The library's version, asked without a context; null where there is no library.</summary>
    public Version? Version
    {
        get
        {
            int major, minor, patch;
            return Call.GetProperty(CudaLibraryProperty.MajorVersion, &major) == CublasStatus.Success
                && Call.GetProperty(CudaLibraryProperty.MinorVersion, &minor) == CublasStatus.Success
                && Call.GetProperty(CudaLibraryProperty.PatchLevel, &patch) == CublasStatus.Success
                ? new Version(major, minor, patch)
                : null;
        }
    }

    /// <summary>Why the library cannot be used: it is absent, of another version than 12 or 13, or incomplete. Null when it can.</summary>
    public string? WhyUnusable => Unusable(Version, 12, 13);
}
