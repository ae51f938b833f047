using System.Collections.Frozen;
using System.Runtime.InteropServices;
using System.Text;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>cuDNN on the software GPU: convolutions of float32 tensors in NHWC order, with the descriptors checked as strictly as the real
/// library checks them, and what it would only do wrong refused too.</summary>
sealed unsafe class SimulatedCudnn
{
    /// <summary>The way into the entry points.</summary>
    public static readonly LibraryEntry<CudnnStatus> Entry = new("cudnn", result => result switch
    {
        CudaResult.OutOfMemory => CudnnStatus.InternalErrorDeviceAllocationFailed,
        CudaResult.Unknown => CudnnStatus.InternalError,
        CudaResult.InvalidContext or CudaResult.NotInitialized => CudnnStatus.NotInitialized,
        _ => CudnnStatus.ExecutionFailedCudaDriver,
    });

    // Pointers to these strings are handed out and must stay valid.
    static readonly FrozenDictionary<CudnnStatus, nint> names = Enum.GetValues<CudnnStatus>()
        .ToFrozenDictionary(static status => status, static status => Marshal.StringToCoTaskMemUTF8(CudnnErrors.NameOf(status)));

    // Held so that the pointers made of them stay valid: these two know no handle by which their library could be found.
    readonly NumberFunction version, cudart;

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate nuint NumberFunction();

    /// <summary>Makes one.</summary>
    /// <param name="version">Its version; null makes none.</param>
    /// <param name="cuda">Version of CUDA that it says it was made for, 1000·major + 10·minor.</param>
    public SimulatedCudnn(Version? version, int cuda)
    {
        this.version = () => PackedVersion.Number(version!, CudnnApi.FiveDigits);
        cudart = () => (nuint)cuda;
        Api = version is null ? CudnnApi.Absent("this software GPU has none") : new() { Entries = Table(), Origin = SimulatedDriver.Name };
    }

    /// <summary>The table of entry points.</summary>
    public CudnnApi Api { get; }

    CudnnTable Table() => new()
    {
        GetVersion = (delegate* unmanaged<nuint>)Marshal.GetFunctionPointerForDelegate(version),
        GetCudartVersion = (delegate* unmanaged<nuint>)Marshal.GetFunctionPointerForDelegate(cudart),
        GetErrorString = &GetErrorString,
        GetLastErrorString = &GetLastErrorString,
        Create = &CudnnEntries.Create,
        Destroy = &CudnnEntries.Destroy,
        SetStream = &CudnnEntries.SetStream,
        CreateTensorDescriptor = &CudnnEntries.CreateTensorDescriptor,
        DestroyTensorDescriptor = &CudnnEntries.DestroyTensorDescriptor,
        SetTensor4dDescriptor = &CudnnEntries.SetTensor4dDescriptor,
        CreateFilterDescriptor = &CudnnEntries.CreateFilterDescriptor,
        DestroyFilterDescriptor = &CudnnEntries.DestroyFilterDescriptor,
        SetFilter4dDescriptor = &CudnnEntries.SetFilter4dDescriptor,
        CreateConvolutionDescriptor = &CudnnEntries.CreateConvolutionDescriptor,
        DestroyConvolutionDescriptor = &CudnnEntries.DestroyConvolutionDescriptor,
        SetConvolution2dDescriptor = &CudnnEntries.SetConvolution2dDescriptor,
        SetConvolutionMathType = &CudnnEntries.SetConvolutionMathType,
        SetConvolutionGroupCount = &CudnnEntries.SetConvolutionGroupCount,
        GetConvolutionForwardAlgorithm = &CudnnConvolutions.GetConvolutionForwardAlgorithm,
        GetConvolutionBackwardDataAlgorithm = &CudnnConvolutions.GetConvolutionBackwardDataAlgorithm,
        GetConvolutionBackwardFilterAlgorithm = &CudnnConvolutions.GetConvolutionBackwardFilterAlgorithm,
        GetConvolutionForwardWorkspaceSize = &CudnnConvolutions.GetConvolutionForwardWorkspaceSize,
        GetConvolutionBackwardDataWorkspaceSize = &CudnnConvolutions.GetConvolutionBackwardDataWorkspaceSize,
        GetConvolutionBackwardFilterWorkspaceSize = &CudnnConvolutions.GetConvolutionBackwardFilterWorkspaceSize,
        ConvolutionForward = &CudnnConvolutions.ConvolutionForward,
        ConvolutionBackwardData = &CudnnConvolutions.ConvolutionBackwardData,
        ConvolutionBackwardFilter = &CudnnConvolutions.ConvolutionBackwardFilter,
    };

    /// <summary>A refusal.</summary>
    public static LibraryError<CudnnStatus> Refuse(CudnnStatus status, string text) => new(status, text);

    /// <summary>Refuses a null pointer.</summary>
    public static void NotNull(void* pointer, string name)
    {
        if (pointer is null)
            throw Refuse(CudnnStatus.BadParamNullPointer, $"{name} is null");
    }

    [UnmanagedCallersOnly]
    static byte* GetErrorString(CudnnStatus status) => (byte*)names.GetValueOrDefault(status);

    [UnmanagedCallersOnly]
    static void GetLastErrorString(byte* text, nuint size)
    {
        if (text is null || size == 0)
            return;
        // What does not fit is cut, between characters.
        var place = new Span<byte>(text, (int)Math.Min(size, int.MaxValue));
        Encoding.UTF8.GetEncoder().Convert(Driver.Entry.Finding ?? "", place[..^1], flush: true, out _, out int written, out _);
        place[written] = 0;
    }
}
