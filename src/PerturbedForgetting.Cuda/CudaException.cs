using System.Globalization;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda;

/// <summary>A call of the CUDA driver failed. The message names the call, the code, what the driver says, what the software GPU
/// found where it is the device, and what to do about it.</summary>
public sealed class CudaException : Exception
{
    /// <summary>Creates it.</summary>
    /// <param name="call">Entry point: <c>cuMemAlloc</c>.</param>
    /// <param name="result">What it returned.</param>
    /// <param name="text">The driver's text for the code, or empty.</param>
    /// <param name="finding">What the software GPU found, or null.</param>
    /// <param name="advice">What to do about it; null for what is usual for the code.</param>
    public CudaException(string call, CudaResult result, string text, string? finding = null, string? advice = null)
        : base(Describe(call, result, text, finding, advice)) => (Call, Result, Finding) = (call, result, finding);

    /// <summary>The entry point that failed.</summary>
    public string Call { get; }

    /// <summary>The code it returned.</summary>
    public CudaResult Result { get; }

    /// <summary>What the software GPU found: kernel, line, block, thread, address. Null on a real device.</summary>
    public string? Finding { get; }

    static string Describe(string call, CudaResult result, string text, string? finding, string? advice)
    {
        string number = ((int)result).ToString(CultureInfo.InvariantCulture);
        string message = $"{call} failed: {CudaErrors.NameOf(result) ?? "CUDA error"} ({number}{(text.Length > 0 ? ", " + text : "")}).";
        // Who has the finding needs no advice on how to find one.
        string remedy = advice ?? (finding is not null && CudaErrors.IsSticky(result) ? "" : CudaErrors.RemedyFor(result));
        return string.Join(' ', new[] { message, finding, remedy }.Where(part => !string.IsNullOrEmpty(part)));
    }
}
