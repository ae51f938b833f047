using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Blas;

/// <summary>The statuses of cuBLAS and cuBLASLt: their names in C, what they mean, and what a user can do about each.</summary>
public static unsafe class CublasErrors
{
    const string KernelBug =
        "A kernel failed, here or in an earlier call: run the same work on the software GPU (`device` sim), which names it.";

    /// <summary>Name of a status as in the header: <c>CUBLAS_STATUS_INVALID_VALUE</c>.</summary>
    public static string NameOf(CublasStatus status) => StatusNames.Of("CUBLAS_STATUS", status) ?? "CUBLAS_STATUS";

    /// <summary>What a status means and what a user can do about it; empty when nothing is known.</summary>
    public static string RemedyFor(CublasStatus status) => status switch
    {
        CublasStatus.NotInitialized =>
            "The library could not start: the driver may be older than the library's CUDA version (cuBLAS 13 needs driver 580 or newer, " +
            "cuBLAS 12 driver 525), or the GPU's memory is full.",
        CublasStatus.AllocFailed =>
            "The GPU has no memory left for the library: use a smaller batch, or close other programs that use the GPU.",
        CublasStatus.InvalidValue => "A size, leading dimension, address or workspace is wrong; this is a fault of the caller.",
        CublasStatus.ArchMismatch => "The GPU is too old for this; compute capability 8.0 or newer is needed.",
        CublasStatus.MappingError => "Look at the error before this one.",
        CublasStatus.ExecutionFailed => KernelBug,
        CublasStatus.InternalError =>
            "The library failed; look at the error before this one, and at whether cuBLAS and cuBLASLt are of one version.",
        CublasStatus.NotSupported =>
            "The library does not do this with these types and layouts, or is too old for it; install cuBLAS 12 or 13.",
        CublasStatus.LicenseError => "Install the library anew.",
        _ => "",
    };

    /// <summary>Throws when a library cannot be used.</summary>
    /// <param name="library">The library.</param>
    /// <param name="reason">What is wrong, or null.</param>
    /// <exception cref="CudaLibraryException">It is absent, of the wrong version, or incomplete.</exception>
    internal static void RequireUsable(CudaLibrary library, string? reason)
    {
        if (reason is not null)
            throw new CudaLibraryException(LibraryNames.Title(library), "loading",
                (int)CublasStatus.NotInitialized, NameOf(CublasStatus.NotInitialized), reason,
                "Install cuBLAS 12 or 13 (the CUDA toolkit, or 'pip install nvidia-cublas-cu12') or name its file in " +
                $"{LibraryNames.Variable(library)}; without it the project's own kernels compute the products, more slowly.");
    }

    /// <summary>Throws what a failed call means.</summary>
    /// <param name="status">What it returned.</param>
    /// <param name="entryPoint">The entry point.</param>
    /// <param name="library">The library with its version.</param>
    /// <param name="driver">Knows what the software GPU found.</param>
    [DoesNotReturn]
    internal static void Throw(CublasStatus status, string entryPoint, string library, CudaDriverApi driver) =>
        throw new CudaLibraryException(
            library, entryPoint, (int)status, NameOf(status), "", RemedyFor(status), driver.LastFinding?.Invoke());

    /// <summary>Answers for an export that a library lacks, or for all of one that is not there.</summary>
    internal static nint StandIn(bool isSupported) =>
        (nint)(isSupported ? (delegate* unmanaged<CublasStatus>)&NotSupported : &NotInitialized);

    [UnmanagedCallersOnly]
    static CublasStatus NotSupported() => CublasStatus.NotSupported;

    [UnmanagedCallersOnly]
    static CublasStatus NotInitialized() => CublasStatus.NotInitialized;
}
