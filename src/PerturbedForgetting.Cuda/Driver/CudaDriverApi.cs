using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Driver;

/// <summary>The CUDA driver, or the software GPU in its place.</summary>
public sealed unsafe class CudaDriverApi : NativeApi<CudaDriverApi, CudaDriverTable>
{
    /// <summary>More about the last failure of this thread than its code says; the software GPU tells the kernel, line, block,
    /// thread and address here. Null when nothing more is known.</summary>
    public Func<string?>? LastFinding { get; init; }

    /// <summary>What the launches so far did, by the name an <see cref="ILaunchObserver"/> sees; null on a real device, which does not
    /// count.</summary>
    public Func<IReadOnlyDictionary<string, LaunchCost>>? LaunchTotals { get; init; }

    /// <summary>Whether launches are counted and nothing is executed: what is read is zero.</summary>
    public bool IsCounting { get; init; }

    /// <summary>CUDA version of the driver of this machine, 1000·major + 10·minor; 0 when there is none.</summary>
    public static int InstalledVersion()
    {
        int version = 0;
        return Installed.IsSupported && Installed.Call.DriverGetVersion(&version) == CudaResult.Success ? version : 0;
    }

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
        return Call.GetErrorString(result, &text) == CudaResult.Success && text is not null ? Marshal.PtrToStringUTF8((nint)text)! : "";
    }
}
