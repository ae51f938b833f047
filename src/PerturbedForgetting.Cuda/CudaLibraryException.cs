using System.Globalization;

namespace PerturbedForgetting.Cuda;

/// <summary>A call of cuBLAS, cuDNN or another of CUDA's libraries failed. The message names the library, the call, the status, what the
/// library says of it, what the software GPU found where it is the device, and what to do about it.</summary>
public sealed class CudaLibraryException : Exception
{
    /// <summary>Creates it.</summary>
    /// <param name="library">The library: <c>cuBLAS 12.6.4</c>.</param>
    /// <param name="call">Entry point: <c>cublasGemmEx</c>.</param>
    /// <param name="status">What it returned.</param>
    /// <param name="statusName">The status as the header calls it: <c>CUBLAS_STATUS_INVALID_VALUE</c>.</param>
    /// <param name="text">What is known of the failure, or empty.</param>
    /// <param name="remedy">What to do about it, or empty.</param>
    /// <param name="finding">What the software GPU found, or null.</param>
    public CudaLibraryException(string library, string call, int status, string statusName, string text, string remedy,
        string? finding = null)
        : base(Describe(library, call, status, statusName, text, remedy, finding)) =>
        (Library, Call, Status, StatusName, Remedy, Finding) = (library, call, status, statusName, remedy, finding);

    /// <summary>Creates it for a library that cannot be used.</summary>
    /// <param name="library">The library: <c>cuBLAS</c>.</param>
    /// <param name="message">What is wrong with it, and what to do.</param>
    internal CudaLibraryException(string library, string message) : base(message) =>
        (Library, Call, StatusName, Remedy) = (library, "loading", "", "");

    /// <summary>The library whose call failed.</summary>
    public string Library { get; }

    /// <summary>The entry point that failed.</summary>
    public string Call { get; }

    /// <summary>The status it returned.</summary>
    public int Status { get; }

    /// <summary>The status as the library's header calls it.</summary>
    public string StatusName { get; }

    /// <summary>What to do about it; empty when nothing is known.</summary>
    public string Remedy { get; }

    /// <summary>What the software GPU found. Null on a real device.</summary>
    public string? Finding { get; }

    static string Describe(string library, string call, int status, string statusName, string text, string remedy, string? finding)
    {
        string number = status.ToString(CultureInfo.InvariantCulture);
        string message = $"{library}: {call} failed: {statusName} ({number}{(text.Length > 0 ? ", " + text : "")}).";
        return string.Join(' ', new[] { message, finding, remedy }.Where(part => !string.IsNullOrEmpty(part)));
    }
}
