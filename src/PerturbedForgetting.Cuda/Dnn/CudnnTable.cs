// The three directions of a convolution have entry points of the same signatures.
global using unsafe CudnnConvolution =
    delegate* unmanaged<nint, float*, nint, ulong, nint, ulong, nint, int, ulong, nuint, float*, nint, ulong,
        PerturbedForgetting.Cuda.Dnn.CudnnStatus>;
global using unsafe CudnnHeuristics =
    delegate* unmanaged<nint, nint, nint, nint, nint, int, int*,
        PerturbedForgetting.Cuda.Dnn.CudnnAlgorithmPerformance*, PerturbedForgetting.Cuda.Dnn.CudnnStatus>;
global using unsafe CudnnWorkspaceSize =
    delegate* unmanaged<nint, nint, nint, nint, nint, int, nuint*, PerturbedForgetting.Cuda.Dnn.CudnnStatus>;
using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Dnn;

/// <summary>The entry points of cuDNN 9 that convolutions need. One that the library lacks returns
/// <see cref="CudnnStatus.NotSupportedSublibraryUnavailable"/>, and where there is no library all return
/// <see cref="CudnnStatus.NotInitialized"/>. The scaling factors alpha and beta lie in the host's memory.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct CudnnTable : INativeTable
{
    static CudaLibrary INativeTable.Library => CudaLibrary.Cudnn;

    static string INativeTable.Prefix => "cudnn";

    static string[] INativeTable.Exports { get; } =
    [
        "cudnnGetVersion", "cudnnGetCudartVersion", "cudnnGetErrorString", "cudnnGetLastErrorString",
        "cudnnCreate", "cudnnDestroy", "cudnnSetStream",
        "cudnnCreateTensorDescriptor", "cudnnDestroyTensorDescriptor", "cudnnSetTensor4dDescriptor", "cudnnCreateFilterDescriptor",
        "cudnnDestroyFilterDescriptor", "cudnnSetFilter4dDescriptor", "cudnnCreateConvolutionDescriptor",
        "cudnnDestroyConvolutionDescriptor", "cudnnSetConvolution2dDescriptor", "cudnnSetConvolutionMathType",
        "cudnnSetConvolutionGroupCount",
        "cudnnGetConvolutionForwardAlgorithm_v7", "cudnnGetConvolutionBackwardDataAlgorithm_v7",
        "cudnnGetConvolutionBackwardFilterAlgorithm_v7", "cudnnGetConvolutionForwardWorkspaceSize",
        "cudnnGetConvolutionBackwardDataWorkspaceSize", "cudnnGetConvolutionBackwardFilterWorkspaceSize",
        "cudnnConvolutionForward", "cudnnConvolutionBackwardData", "cudnnConvolutionBackwardFilter",
    ];

    static nint INativeTable.StandIn(string export, bool isSupported) => export switch
    {
        // What returns no status answers nothing: version 0, no text.
        "cudnnGetVersion" or "cudnnGetCudartVersion" or "cudnnGetErrorString" or "cudnnGetLastErrorString" =>
            (nint)(delegate* unmanaged<nuint>)&Nothing,
        _ => (nint)(isSupported ? (delegate* unmanaged<CudnnStatus>)&NotThere : &NotInitialized),
    };

    [UnmanagedCallersOnly]
    static CudnnStatus NotInitialized() => CudnnStatus.NotInitialized;

    [UnmanagedCallersOnly]
    static CudnnStatus NotThere() => CudnnStatus.NotSupportedSublibraryUnavailable;

    [UnmanagedCallersOnly]
    static nuint Nothing() => 0;

    // Version, errors.
    /// <summary>(): 10000·major + 100·minor + patch since version 9; 1000·major + … before.</summary>
    public delegate* unmanaged<nuint> GetVersion;
    /// <summary>(): 1000·major + 10·minor of the CUDA runtime it was built with.</summary>
    public delegate* unmanaged<nuint> GetCudartVersion;
    /// <summary>(status): the status as the header calls it.</summary>
    public delegate* unmanaged<CudnnStatus, byte*> GetErrorString;
    /// <summary>(text, size): more about the last failure of this thread.</summary>
    public delegate* unmanaged<byte*, nuint, void> GetLastErrorString;

    // Handle.
    /// <summary>(handle), in the current context</summary>
    public delegate* unmanaged<nint*, CudnnStatus> Create;
    /// <summary>(handle)</summary>
    public delegate* unmanaged<nint, CudnnStatus> Destroy;
    /// <summary>(handle, stream)</summary>
    public delegate* unmanaged<nint, nint, CudnnStatus> SetStream;

    // Descriptors.
    /// <summary>(tensor)</summary>
    public delegate* unmanaged<nint*, CudnnStatus> CreateTensorDescriptor;
    /// <summary>(tensor)</summary>
    public delegate* unmanaged<nint, CudnnStatus> DestroyTensorDescriptor;
    /// <summary>(tensor, format, type, n, c, h, w)</summary>
    public delegate* unmanaged<nint, CudnnTensorFormat, CudnnDataType, int, int, int, int, CudnnStatus> SetTensor4dDescriptor;
    /// <summary>(filter)</summary>
    public delegate* unmanaged<nint*, CudnnStatus> CreateFilterDescriptor;
    /// <summary>(filter)</summary>
    public delegate* unmanaged<nint, CudnnStatus> DestroyFilterDescriptor;
    /// <summary>(filter, type, format, k, c, h, w); c is of one group.</summary>
    public delegate* unmanaged<nint, CudnnDataType, CudnnTensorFormat, int, int, int, int, CudnnStatus> SetFilter4dDescriptor;
    /// <summary>(convolution)</summary>
    public delegate* unmanaged<nint*, CudnnStatus> CreateConvolutionDescriptor;
    /// <summary>(convolution)</summary>
    public delegate* unmanaged<nint, CudnnStatus> DestroyConvolutionDescriptor;
    /// <summary>(convolution, padH, padW, strideH, strideW, dilationH, dilationW, mode, computeType)</summary>
    public delegate* unmanaged<nint, int, int, int, int, int, int, CudnnConvolutionMode, CudnnDataType,
        CudnnStatus> SetConvolution2dDescriptor;
    /// <summary>(convolution, mathType)</summary>
    public delegate* unmanaged<nint, CudnnMathType, CudnnStatus> SetConvolutionMathType;
    /// <summary>(convolution, groups)</summary>
    public delegate* unmanaged<nint, int, CudnnStatus> SetConvolutionGroupCount;

    // Choice of algorithm: best first. The three directions differ in the order of their descriptors only.
    /// <summary>(handle, x, w, convolution, y, requested, returned, results)</summary>
    public CudnnHeuristics GetConvolutionForwardAlgorithm;
    /// <summary>(handle, w, dy, convolution, dx, requested, returned, results)</summary>
    public CudnnHeuristics GetConvolutionBackwardDataAlgorithm;
    /// <summary>(handle, x, dy, convolution, dw, requested, returned, results)</summary>
    public CudnnHeuristics GetConvolutionBackwardFilterAlgorithm;
    /// <summary>(handle, x, w, convolution, y, algorithm, bytes)</summary>
    public CudnnWorkspaceSize GetConvolutionForwardWorkspaceSize;
    /// <summary>(handle, w, dy, convolution, dx, algorithm, bytes)</summary>
    public CudnnWorkspaceSize GetConvolutionBackwardDataWorkspaceSize;
    /// <summary>(handle, x, dy, convolution, dw, algorithm, bytes)</summary>
    public CudnnWorkspaceSize GetConvolutionBackwardFilterWorkspaceSize;

    // The convolutions themselves: out = alpha · result + beta · out; out is not read when beta is 0.
    /// <summary>(handle, alpha, xDescriptor, x, wDescriptor, w, convolution, algorithm, workspace, bytes, beta, yDescriptor, y)</summary>
    public CudnnConvolution ConvolutionForward;
    /// <summary>(handle, alpha, wDescriptor, w, dyDescriptor, dy, convolution, algorithm, workspace, bytes, beta, dxDescriptor,
    /// dx)</summary>
    public CudnnConvolution ConvolutionBackwardData;
    /// <summary>(handle, alpha, xDescriptor, x, dyDescriptor, dy, convolution, algorithm, workspace, bytes, beta, dwDescriptor,
    /// dw)</summary>
    public CudnnConvolution ConvolutionBackwardFilter;
}
