using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace PerturbedForgetting.Cuda.Dnn;

// Which version it is, whether it can be used, and from statuses to exceptions.
public sealed unsafe partial class CudnnApi
{
    const int LastErrorBytes = 2048;

    /// <summary>The library's version; null where there is no library.</summary>
    public Version? Version
    {
        get
        {
            int version = (int)GetVersion();
            return version == 0 ? null
                : version >= 10000 ? new(version / 10000, version / 100 % 100, version % 100)
                : new(version / 1000, version / 100 % 10, version % 100);
        }
    }

    /// <summary>Why convolutions on a device cannot go through it: it is absent, of another version than 9, incomplete, or made for a newer
    /// CUDA than the driver's. Null when they can.</summary>
    public string? WhyUnusable(CudaDevice device) => WhyUnusable(device.DriverVersion);

    /// <summary>Why convolutions cannot go through it under a driver for a version of CUDA (1000·major + 10·minor; 0 where there is none).</summary>
    internal string? WhyUnusable(int driverVersion)
    {
        int cuda = (int)GetCudartVersion() / 1000, driver = driverVersion / 1000;
        return !IsSupported ? $"there is no cuDNN: {Origin}"
            : Version is not { } version ? $"cuDNN ({Origin}) does not tell its version"
            : version.Major != 9 ? $"cuDNN ({Origin}) is of version {version}; 9 is needed"
            : MissingExports.Count > 0 ? $"cuDNN {version} ({Origin}) lacks {string.Join(", ", MissingExports)}"
            : driver > 0 && cuda > driver ? string.Create(CultureInfo.InvariantCulture, $"cuDNN {version} ({Origin}) is made for CUDA {cuda}, and the driver for CUDA {driver}")
            : null;
    }

    /// <summary>Throws when convolutions on a device cannot go through it.</summary>
    /// <exception cref="CudaLibraryException">It is absent, of the wrong version, or incomplete.</exception>
    internal void RequireUsable(CudaDevice device)
    {
        if (WhyUnusable(device) is { } reason)
            throw new CudaLibraryException("cuDNN", "loading", (int)CudnnStatus.NotInitialized, NameOf(CudnnStatus.NotInitialized), reason,
                string.Create(CultureInfo.InvariantCulture, $"Install cuDNN 9 for CUDA {device.DriverVersion / 1000} ('pip install nvidia-cudnn-cu{device.DriverVersion / 1000}') or name its file in PERTURBED_FORGETTING_CUDNN; without it the project's own kernels compute convolutions, more slowly."));
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
        GetLastErrorString(text, LastErrorBytes);
        string library = IsSupported ? $"cuDNN {Version}" : "cuDNN";
        string known = IsSupported ? Marshal.PtrToStringUTF8((nint)text)!.Trim() : Origin;
        // A newer library knows statuses that are not listed here.
        string name = Marshal.PtrToStringUTF8((nint)GetErrorString(status)) ?? NameOf(status);
        throw new CudaLibraryException(library, EntryPoint(call), (int)status, name, known, RemedyFor(status));
    }

    /// <summary>A status as the header calls it: <c>CUDNN_STATUS_BAD_PARAM</c>.</summary>
    internal static string NameOf(CudnnStatus status)
    {
        if (!Enum.IsDefined(status))
            return "CUDNN_STATUS_UNKNOWN";
        StringBuilder name = new("CUDNN_STATUS");
        foreach (char c in status.ToString())
        {
            if (char.IsUpper(c))
                name.Append('_');
            name.Append(char.ToUpperInvariant(c));
        }
        return name.ToString();
    }

    /// <summary>What a user can do about a status.</summary>
    static string RemedyFor(CudnnStatus status) => status switch
    {
        CudnnStatus.NotInitialized => "cuDNN could not start: look for an earlier error of the GPU, and whether its memory is full.",
        CudnnStatus.SublibraryVersionMismatch or CudnnStatus.SublibraryLoadingFailed or CudnnStatus.NotSupportedSublibraryUnavailable =>
            "The parts of cuDNN (libcudnn_ops, libcudnn_cnn, ...) must lie beside libcudnn and be of one version: install cuDNN 9 anew, and remove other versions from the library path.",
        CudnnStatus.NotSupportedIncompatibleCudaDriver => "Update the NVIDIA driver.",
        CudnnStatus.NotSupportedIncompatibleCudart => "Install cuDNN for the CUDA version of the driver.",
        CudnnStatus.NotSupportedArchMismatch => "This cuDNN has no code for this GPU: install a newer one.",
        CudnnStatus.InternalErrorHostAllocationFailed or CudnnStatus.InternalErrorDeviceAllocationFailed => "Use a smaller batch, or close other programs that use the GPU.",
        _ => ((int)status / 1000) switch
        {
            2 => "An argument is wrong; this is a fault of the caller.",
            3 => "cuDNN cannot do this; with PERTURBED_FORGETTING_CUDNN=none the project's own convolution is used.",
            5 => "Work on the GPU failed, perhaps earlier work: run the same on the software GPU (--device sim), which names the place, or under compute-sanitizer.",
            _ => "cuDNN itself failed: install another version of cuDNN 9, or use the project's own convolution with PERTURBED_FORGETTING_CUDNN=none.",
        },
    };

    // "api.SetStream(handle, stream)" → "cudnnSetStream".
    static string EntryPoint(string call)
    {
        int end = call.IndexOf('(');
        string path = end < 0 ? call : call[..end];
        return "cudnn" + path[(path.LastIndexOf('.') + 1)..].Trim();
    }
}
