using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda.Blas;

/// <summary>The statuses of cuBLAS and cuBLASLt: their names in C, what they mean, and what a user can do about each.</summary>
public static unsafe class CublasErrors
{
    const string OtherProducts = "without it the project's own kernels compute the products, more slowly";
    const string KernelBug = "A kernel failed, here or in an earlier call: run the same work on the software GPU (--device sim), which names it.";

    /// <summary>Finds an export by its name.</summary>
    internal delegate void* Find(string name);

    /// <summary>Name of a status as in the header: <c>CUBLAS_STATUS_INVALID_VALUE</c>.</summary>
    public static string NameOf(CublasStatus status) => status switch
    {
        CublasStatus.Success => "CUBLAS_STATUS_SUCCESS",
        CublasStatus.NotInitialized => "CUBLAS_STATUS_NOT_INITIALIZED",
        CublasStatus.AllocationFailed => "CUBLAS_STATUS_ALLOC_FAILED",
        CublasStatus.InvalidValue => "CUBLAS_STATUS_INVALID_VALUE",
        CublasStatus.ArchitectureMismatch => "CUBLAS_STATUS_ARCH_MISMATCH",
        CublasStatus.MappingError => "CUBLAS_STATUS_MAPPING_ERROR",
        CublasStatus.ExecutionFailed => "CUBLAS_STATUS_EXECUTION_FAILED",
        CublasStatus.InternalError => "CUBLAS_STATUS_INTERNAL_ERROR",
        CublasStatus.NotSupported => "CUBLAS_STATUS_NOT_SUPPORTED",
        CublasStatus.LicenseError => "CUBLAS_STATUS_LICENSE_ERROR",
        _ => "CUBLAS_STATUS",
    };

    /// <summary>What a status means and what a user can do about it; empty when nothing is known.</summary>
    public static string RemedyFor(CublasStatus status) => status switch
    {
        CublasStatus.NotInitialized => "The library could not start: the driver may be older than the library's CUDA version (cuBLAS 13 needs driver 580 or newer, cuBLAS 12 driver 525), or the GPU's memory is full.",
        CublasStatus.AllocationFailed => "The GPU has no memory left for the library: use a smaller batch, or close other programs that use the GPU.",
        CublasStatus.InvalidValue => "A size, leading dimension, address or workspace is wrong; this is a fault of the caller.",
        CublasStatus.ArchitectureMismatch => "The GPU is too old for this; compute capability 8.0 or newer is needed.",
        CublasStatus.MappingError => "Look at the error before this one.",
        CublasStatus.ExecutionFailed => KernelBug,
        CublasStatus.InternalError => "The library failed; look at the error before this one, and at whether cuBLAS and cuBLASLt are of one version.",
        CublasStatus.NotSupported => "The library does not do this with these types and layouts, or is too old for it; install cuBLAS 12 or 13.",
        CublasStatus.LicenseError => "Install the library anew.",
        _ => "",
    };

    /// <summary>What is wrong with a library that was looked for; null when it can be used.</summary>
    internal static string? WhyUnusable(string library, bool isSupported, string origin, Version? version, IReadOnlyList<string> missing) =>
        !isSupported ? $"there is no {library}: {origin}"
        : version is null ? $"{library} ({origin}) does not tell its version"
        : version.Major is < 12 or > 13 ? $"{library} ({origin}) is of version {version}; 12 or 13 is needed"
        : missing.Count > 0 ? $"{library} {version} ({origin}) lacks {string.Join(", ", missing)}"
        : null;

    /// <summary>Throws when a library cannot be used.</summary>
    /// <param name="library">Its name.</param>
    /// <param name="reason">What is wrong, or null.</param>
    /// <param name="variable">Environment variable that names another one.</param>
    /// <exception cref="CudaLibraryException">It is absent, of the wrong version, or incomplete.</exception>
    internal static void RequireUsable(string library, string? reason, string variable)
    {
        if (reason is not null)
            throw new CudaLibraryException(library, "loading", (int)CublasStatus.NotInitialized, NameOf(CublasStatus.NotInitialized), reason,
                $"Install cuBLAS 12 or 13 (the CUDA toolkit, or 'pip install nvidia-cublas-cu12') or name its file in {variable}; {OtherProducts}.");
    }

    /// <summary>Throws when a call failed.</summary>
    /// <param name="status">What it returned.</param>
    /// <param name="driver">Knows what the software GPU found.</param>
    /// <param name="library">The library with its version.</param>
    /// <param name="prefix">What its entry points begin with.</param>
    /// <param name="call">The call as written.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Check(CublasStatus status, CudaDriverApi driver, string library, string prefix, string call)
    {
        if (status != CublasStatus.Success)
            Throw(status, driver, library, prefix, call);
    }

    [DoesNotReturn]
    static void Throw(CublasStatus status, CudaDriverApi driver, string library, string prefix, string call)
    {
        // "api.GemmEx(handle, …)" → "cublasGemmEx".
        int end = call.IndexOf('(');
        string path = end < 0 ? call : call[..end];
        throw new CudaLibraryException(library, prefix + path[(path.LastIndexOf('.') + 1)..], (int)status, NameOf(status), "", RemedyFor(status), driver.LastFinding?.Invoke());
    }

    // On x64 and arm64 the caller clears the arguments away, so that one function stands in for any signature.
    [UnmanagedCallersOnly]
    internal static CublasStatus NotSupported() => CublasStatus.NotSupported;

    [UnmanagedCallersOnly]
    internal static CublasStatus NotInitialized() => CublasStatus.NotInitialized;
}
