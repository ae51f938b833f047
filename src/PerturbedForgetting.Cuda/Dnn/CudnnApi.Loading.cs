using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Dnn;

// The table filled from cuDNN's library, or from nothing.
public sealed unsafe partial class CudnnApi
{
    static readonly Lazy<CudnnApi> installed = new(Load);

    delegate void* Find(string name);

    /// <summary>The cuDNN of this machine, looked for once; not supported where there is none.</summary>
    public static CudnnApi Installed => installed.Value;

    static CudnnApi Load()
    {
        LibraryReport found = LibrarySearch.Open(CudaLibrary.Cudnn);
        return found.Handle == 0 ? Absent(found.Origin) : From(name => NativeLibrary.TryGetExport(found.Handle, name, out nint address) ? address : 0, found.Origin);
    }

    /// <summary>The table of a library with these exports; 0 stands for one that is missing.</summary>
    internal static CudnnApi From(Func<string, nint> export, string origin)
    {
        if (export("cudnnGetVersion") == 0)
            return Absent($"{origin} is no cuDNN");
        List<string> missing = [];
        return Fill(Resolve, origin, missing, isSupported: true);

        void* Resolve(string name)
        {
            nint address = export(name);
            if (address != 0)
                return (void*)address;
            missing.Add(name);
            return (delegate* unmanaged<CudnnStatus>)&NotThere;
        }
    }

    /// <summary>The table where there is no library.</summary>
    /// <param name="reason">Why there is none.</param>
    internal static CudnnApi Absent(string reason) =>
        Fill(static _ => (delegate* unmanaged<CudnnStatus>)&NotInitialized, reason, [], isSupported: false);

    // On x64 and arm64 the caller clears the arguments away, so that one function stands in for any signature.
    [UnmanagedCallersOnly]
    static CudnnStatus NotInitialized() => CudnnStatus.NotInitialized;

    [UnmanagedCallersOnly]
    static CudnnStatus NotThere() => CudnnStatus.NotSupportedSublibraryUnavailable;

    // What returns no status answers nothing: version 0, no text.
    [UnmanagedCallersOnly]
    static nuint Nothing() => 0;

    static CudnnApi Fill(Find find, string origin, List<string> missing, bool isSupported)
    {
        return new()
        {
            Origin = origin,
            MissingExports = missing,
            IsSupported = isSupported,

            // Version, errors.
            GetVersion = (delegate* unmanaged<nuint>)Plain("cudnnGetVersion"),
            GetCudartVersion = (delegate* unmanaged<nuint>)Plain("cudnnGetCudartVersion"),
            GetErrorString = (delegate* unmanaged<CudnnStatus, byte*>)Plain("cudnnGetErrorString"),
            GetLastErrorString = (delegate* unmanaged<byte*, nuint, void>)Plain("cudnnGetLastErrorString"),

            // Handle.
            Create = (delegate* unmanaged<nint*, CudnnStatus>)find("cudnnCreate"),
            Destroy = (delegate* unmanaged<nint, CudnnStatus>)find("cudnnDestroy"),
            SetStream = (delegate* unmanaged<nint, nint, CudnnStatus>)find("cudnnSetStream"),

            // Descriptors.
            CreateTensorDescriptor = (delegate* unmanaged<nint*, CudnnStatus>)find("cudnnCreateTensorDescriptor"),
            DestroyTensorDescriptor = (delegate* unmanaged<nint, CudnnStatus>)find("cudnnDestroyTensorDescriptor"),
            SetTensor4dDescriptor = (delegate* unmanaged<nint, CudnnTensorFormat, CudnnDataType, int, int, int, int, CudnnStatus>)find("cudnnSetTensor4dDescriptor"),
            CreateFilterDescriptor = (delegate* unmanaged<nint*, CudnnStatus>)find("cudnnCreateFilterDescriptor"),
            DestroyFilterDescriptor = (delegate* unmanaged<nint, CudnnStatus>)find("cudnnDestroyFilterDescriptor"),
            SetFilter4dDescriptor = (delegate* unmanaged<nint, CudnnDataType, CudnnTensorFormat, int, int, int, int, CudnnStatus>)find("cudnnSetFilter4dDescriptor"),
            CreateConvolutionDescriptor = (delegate* unmanaged<nint*, CudnnStatus>)find("cudnnCreateConvolutionDescriptor"),
            DestroyConvolutionDescriptor = (delegate* unmanaged<nint, CudnnStatus>)find("cudnnDestroyConvolutionDescriptor"),
            SetConvolution2dDescriptor =
                (delegate* unmanaged<nint, int, int, int, int, int, int, CudnnConvolutionMode, CudnnDataType, CudnnStatus>)find("cudnnSetConvolution2dDescriptor"),
            SetConvolutionMathType = (delegate* unmanaged<nint, CudnnMathType, CudnnStatus>)find("cudnnSetConvolutionMathType"),
            SetConvolutionGroupCount = (delegate* unmanaged<nint, int, CudnnStatus>)find("cudnnSetConvolutionGroupCount"),

            // Choice of algorithm.
            GetConvolutionForwardAlgorithm = Heuristics("cudnnGetConvolutionForwardAlgorithm_v7"),
            GetConvolutionBackwardDataAlgorithm = Heuristics("cudnnGetConvolutionBackwardDataAlgorithm_v7"),
            GetConvolutionBackwardFilterAlgorithm = Heuristics("cudnnGetConvolutionBackwardFilterAlgorithm_v7"),
            GetConvolutionForwardWorkspaceSize = WorkspaceSize("cudnnGetConvolutionForwardWorkspaceSize"),
            GetConvolutionBackwardDataWorkspaceSize = WorkspaceSize("cudnnGetConvolutionBackwardDataWorkspaceSize"),
            GetConvolutionBackwardFilterWorkspaceSize = WorkspaceSize("cudnnGetConvolutionBackwardFilterWorkspaceSize"),

            // The convolutions themselves.
            ConvolutionForward = Convolution("cudnnConvolutionForward"),
            ConvolutionBackwardData = Convolution("cudnnConvolutionBackwardData"),
            ConvolutionBackwardFilter = Convolution("cudnnConvolutionBackwardFilter"),
        };

        void* Plain(string name)
        {
            int known = missing.Count;
            void* found = find(name);
            return !isSupported || missing.Count > known ? (delegate* unmanaged<nuint>)&Nothing : found;
        }

        delegate* unmanaged<nint, nint, nint, nint, nint, int, int*, CudnnAlgorithmPerformance*, CudnnStatus> Heuristics(string name) =>
            (delegate* unmanaged<nint, nint, nint, nint, nint, int, int*, CudnnAlgorithmPerformance*, CudnnStatus>)find(name);

        delegate* unmanaged<nint, nint, nint, nint, nint, int, nuint*, CudnnStatus> WorkspaceSize(string name) =>
            (delegate* unmanaged<nint, nint, nint, nint, nint, int, nuint*, CudnnStatus>)find(name);

        delegate* unmanaged<nint, float*, nint, ulong, nint, ulong, nint, int, ulong, nuint, float*, nint, ulong, CudnnStatus> Convolution(string name) =>
            (delegate* unmanaged<nint, float*, nint, ulong, nint, ulong, nint, int, ulong, nuint, float*, nint, ulong, CudnnStatus>)find(name);
    }
}
