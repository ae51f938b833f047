using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Dnn;

/// <summary>cuDNN 9: convolutions.</summary>
public sealed unsafe class CudnnApi : NativeApi<CudnnApi, CudnnTable>
{
    /// <summary>The first major version that numbers itself with five digits.</summary>
    internal const int FiveDigits = 9;

    const int LastErrorBytes = 2048;

    /// <summary>The library's version; null where there is no library.</summary>
    public Version? Version => PackedVersion.Of(Call.GetVersion(), FiveDigits);

    /// <summary>Why convolutions on a device cannot go through it: it is absent, of another version than 9, incomplete, or made for a newer
    /// CUDA than the driver's. Null when they can.</summary>
    public string? WhyUnusable(CudaDevice device) => WhyUnusable(device.DriverVersion);

    /// <summary>Why convolutions cannot go through it under a driver for a version of CUDA (1000·major + 10·minor; 0 where there is
    /// none).</summary>
    internal string? WhyUnusable(int driverVersion)
    {
        int cuda = (int)Call.GetCudartVersion() / 1000, driver = driverVersion / 1000;
        return Unusable(Version, 9, 9) ?? (driver > 0 && cuda > driver
            ? $"{Title} {Version} ({Origin}) is made for CUDA {cuda}, and the driver for CUDA {driver}"
            : null);
    }

    /// <summary>Throws when convolutions on a device cannot go through it.</summary>
    /// <exception cref="CudaLibraryException">It is absent, of the wrong version, or incomplete.</exception>
    internal void RequireUsable(CudaDevice device)
    {
        if (WhyUnusable(device) is not { } reason)
            return;
        int cuda = device.DriverVersion / 1000;
        throw new CudaLibraryException(Title, "loading",
            (int)CudnnStatus.NotInitialized, CudnnErrors.NameOf(CudnnStatus.NotInitialized), reason,
            $"Install cuDNN 9 for CUDA {cuda} ('pip install nvidia-cudnn-cu{cuda}') or name its file in " +
            $"{LibraryNames.Variable(CudaLibrary.Cudnn)}; without it the project's own kernels compute convolutions, more slowly.");
    }

    /// <summary>Throws when a call failed.</summary>
    /// <param name="status">What the call returned.</param>
    /// <param name="call">The call as written, from which the message takes the name of the entry point.</param>
    /// <exception cref="CudaLibraryException">The call failed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Check(CudnnStatus status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status != CudnnStatus.Success)
            Throw(status, call);
    }

    [DoesNotReturn]
    void Throw(CudnnStatus status, string call)
    {
        byte* text = stackalloc byte[LastErrorBytes];
        *text = 0;
        Call.GetLastErrorString(text, LastErrorBytes);
        string library = IsSupported ? $"{Title} {Version}" : Title;
        string known = IsSupported ? Marshal.PtrToStringUTF8((nint)text)!.Trim() : Origin;
        // A newer library knows statuses that are not listed here.
        string name = Marshal.PtrToStringUTF8((nint)Call.GetErrorString(status)) ?? CudnnErrors.NameOf(status);
        throw new CudaLibraryException(library, EntryPoint(call), (int)status, name, known, CudnnErrors.RemedyFor(status));
    }
}
