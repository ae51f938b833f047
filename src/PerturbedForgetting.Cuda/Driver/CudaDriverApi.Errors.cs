using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PerturbedForgetting.Cuda.Driver;

// From status codes to exceptions.
public sealed unsafe partial class CudaDriverApi
{
    /// <summary>Throws when a call failed.</summary>
    /// <param name="result">What the call returned.</param>
    /// <param name="call">The call as written, from which the message takes the name of the entry point.</param>
    /// <exception cref="CudaException">The call failed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Check(CudaResult result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != CudaResult.Success)
            Throw(result, call);
    }

    /// <summary>Throws what a failed call means.</summary>
    /// <param name="result">What the call returned.</param>
    /// <param name="call">The call as written, or only its name.</param>
    /// <param name="advice">What to do about it, where the caller knows better than <see cref="CudaErrors.RemedyFor"/>.</param>
    [DoesNotReturn]
    internal void Throw(CudaResult result, string call, string? advice = null) =>
        throw new CudaException(EntryPoint(call), result, DescribeCode(result), LastFinding?.Invoke(), advice);

    /// <summary>The driver's own text for a code; empty when it has none.</summary>
    public string DescribeCode(CudaResult result)
    {
        byte* text = null;
        return GetErrorString(result, &text) == CudaResult.Success && text is not null ? Marshal.PtrToStringUTF8((nint)text)! : "";
    }

    // "context.Api.MemAlloc(&address, bytes)" → "cuMemAlloc".
    static string EntryPoint(string call)
    {
        int end = call.IndexOf('(');
        string path = end < 0 ? call : call[..end];
        return "cu" + path[(path.LastIndexOf('.') + 1)..].Trim();
    }
}
