using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Nccl;

/// <summary>NCCL: sums and copies between the GPUs of several processes.</summary>
public sealed unsafe class NcclApi : NativeApi<NcclApi, NcclTable>
{
    /// <summary>The first major version that numbers itself with five digits, from 2.9 on.</summary>
    internal const int FiveDigits = 2;

    /// <summary>The oldest version that can be used: the mean came with 2.10, reductions in graphs with 2.9, the text of an error with
    /// 2.13.</summary>
    static readonly Version oldest = new(2, 13);

    /// <summary>The library's version; null where there is no library.</summary>
    public Version? Version
    {
        get
        {
            int number;
            return Call.GetVersion(&number) == NcclResult.Success ? PackedVersion.Of((nuint)number, FiveDigits) : null;
        }
    }

    /// <summary>Why the library cannot be used: it is absent, of another version than 2, older than 2.13, or incomplete. Null when it
    /// can.</summary>
    public string? WhyUnusable => IsSupported && Version is { Major: 2 } version && version < oldest
        ? $"{Title} ({Origin}) is of version {version}; {oldest} or newer is needed"
        : Unusable(Version, 2, 2);

    /// <summary>Makes the id of a new group. The process that makes it must live until all have joined.</summary>
    /// <exception cref="CudaLibraryException">The library cannot be used, or finds no network.</exception>
    public NcclUniqueId CreateUniqueId()
    {
        RequireUsable();
        NcclUniqueId id;
        Check(Call.GetUniqueId(&id));
        return id;
    }

    /// <summary>What the library said last of what went wrong, or empty.</summary>
    /// <param name="communicator">Its handle, or 0.</param>
    internal string LastError(nint communicator) => Marshal.PtrToStringUTF8((nint)Call.GetLastError(communicator))?.Trim() ?? "";

    /// <summary>Throws when the library cannot be used.</summary>
    /// <exception cref="CudaLibraryException">It is absent, of the wrong version, or incomplete.</exception>
    internal void RequireUsable()
    {
        if (WhyUnusable is { } reason)
            throw new CudaLibraryException(Title, "loading", (int)NcclResult.InternalError, NcclErrors.NameOf(NcclResult.InternalError),
                reason, LibraryAdvice.Remedy(CudaLibrary.Nccl, driverVersion: 0));
    }

    /// <summary>Throws when a call failed.</summary>
    /// <param name="result">What the call returned.</param>
    /// <param name="call">The call as written, from which the message takes the name of the entry point.</param>
    /// <exception cref="CudaLibraryException">The call failed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Check(NcclResult result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != NcclResult.Success)
            Throw(result, call);
    }

    [DoesNotReturn]
    void Throw(NcclResult result, string call)
    {
        string last = LastError(0);
        string text = last.Length > 0 ? last : Marshal.PtrToStringUTF8((nint)Call.GetErrorString(result)) ?? Origin;
        throw new CudaLibraryException($"{Title} {Version}", EntryPoint(call), (int)result, NcclErrors.NameOf(result), text,
            NcclErrors.RemedyFor(result));
    }
}
