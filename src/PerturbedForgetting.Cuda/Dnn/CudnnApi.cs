namespace PerturbedForgetting.Cuda.Dnn;

/// <summary>
/// The entry points of cuDNN 9 that convolutions need, as a table of unmanaged function pointers, filled from the shared library or by the
/// software GPU. An entry is never null: one that the library lacks returns <see cref="CudnnStatus.NotSupportedSublibraryUnavailable"/>, and
/// where there is no library all return <see cref="CudnnStatus.NotInitialized"/>. Handles and descriptors are pointer-sized integers, device
/// addresses are <c>ulong</c>; the scaling factors alpha and beta lie in the host's memory.
/// </summary>
public sealed unsafe partial class CudnnApi
{
    /// <summary>Whether there is a library behind the table.</summary>
    public bool IsSupported { get; init; }

    /// <summary>Where the entries come from: the library's path, <c>software GPU</c>, or why there are none.</summary>
    public required string Origin { get; init; }

    /// <summary>The entry points that the library lacks, by their export names.</summary>
    public IReadOnlyList<string> MissingExports { get; init; } = [];

    // Version, errors.
    /// <summary><c>cudnnGetVersion()</c>: 10000·major + 100·minor + patch since version 9; 1000·major + … before.</summary>
    public delegate* unmanaged<nuint> GetVersion { get; init; }
    /// <summary><c>cudnnGetCudartVersion()</c>: 1000·major + 10·minor of the CUDA runtime it was built with.</summary>
    public delegate* unmanaged<nuint> GetCudartVersion { get; init; }
    /// <summary><c>cudnnGetErrorString(CudnnStatus status)</c>: the status as the header calls it.</summary>
    public delegate* unmanaged<CudnnStatus, byte*> GetErrorString { get; init; }
    /// <summary><c>cudnnGetLastErrorString(byte* text, nuint size)</c>: more about the last failure of this thread.</summary>
    public delegate* unmanaged<byte*, nuint, void> GetLastErrorString { get; init; }

    // Handle.
    /// <summary><c>cudnnCreate(nint* handle)</c>, in the current context</summary>
    public delegate* unmanaged<nint*, CudnnStatus> Create { get; init; }
    /// <summary><c>cudnnDestroy(nint handle)</c></summary>
    public delegate* unmanaged<nint, CudnnStatus> Destroy { get; init; }
    /// <summary><c>cudnnSetStream(nint handle, nint stream)</c></summary>
    public delegate* unmanaged<nint, nint, CudnnStatus> SetStream { get; init; }

    // Descriptors.
    /// <summary><c>cudnnCreateTensorDescriptor(nint* tensor)</c></summary>
    public delegate* unmanaged<nint*, CudnnStatus> CreateTensorDescriptor { get; init; }
    /// <summary><c>cudnnDestroyTensorDescriptor(nint tensor)</c></summary>
    public delegate* unmanaged<nint, CudnnStatus> DestroyTensorDescriptor { get; init; }
    /// <summary><c>cudnnSetTensor4dDescriptor(nint tensor, CudnnTensorFormat format, CudnnDataType type, int n, int c, int h, int w)</c></summary>
    public delegate* unmanaged<nint, CudnnTensorFormat, CudnnDataType, int, int, int, int, CudnnStatus> SetTensor4dDescriptor { get; init; }
    /// <summary><c>cudnnCreateFilterDescriptor(nint* filter)</c></summary>
    public delegate* unmanaged<nint*, CudnnStatus> CreateFilterDescriptor { get; init; }
    /// <summary><c>cudnnDestroyFilterDescriptor(nint filter)</c></summary>
    public delegate* unmanaged<nint, CudnnStatus> DestroyFilterDescriptor { get; init; }
    /// <summary><c>cudnnSetFilter4dDescriptor(nint filter, CudnnDataType type, CudnnTensorFormat format, int k, int c, int h, int w)</c>; c is of one group.</summary>
    public delegate* unmanaged<nint, CudnnDataType, CudnnTensorFormat, int, int, int, int, CudnnStatus> SetFilter4dDescriptor { get; init; }
    /// <summary><c>cudnnCreateConvolutionDescriptor(nint* convolution)</c></summary>
    public delegate* unmanaged<nint*, CudnnStatus> CreateConvolutionDescriptor { get; init; }
    /// <summary><c>cudnnDestroyConvolutionDescriptor(nint convolution)</c></summary>
    public delegate* unmanaged<nint, CudnnStatus> DestroyConvolutionDescriptor { get; init; }
    /// <summary><c>cudnnSetConvolution2dDescriptor(nint convolution, int padH, int padW, int strideH, int strideW, int dilationH, int dilationW, CudnnConvolutionMode mode, CudnnDataType computeType)</c></summary>
    public delegate* unmanaged<nint, int, int, int, int, int, int, CudnnConvolutionMode, CudnnDataType, CudnnStatus> SetConvolution2dDescriptor { get; init; }
    /// <summary><c>cudnnSetConvolutionMathType(nint convolution, CudnnMathType mathType)</c></summary>
    public delegate* unmanaged<nint, CudnnMathType, CudnnStatus> SetConvolutionMathType { get; init; }
    /// <summary><c>cudnnSetConvolutionGroupCount(nint convolution, int groups)</c></summary>
    public delegate* unmanaged<nint, int, CudnnStatus> SetConvolutionGroupCount { get; init; }

    // Choice of algorithm: best first. The three directions differ in the order of their descriptors only.
    /// <summary><c>cudnnGetConvolutionForwardAlgorithm_v7(nint handle, nint x, nint w, nint convolution, nint y, int requested, int* returned, CudnnAlgorithmPerformance* results)</c></summary>
    public delegate* unmanaged<nint, nint, nint, nint, nint, int, int*, CudnnAlgorithmPerformance*, CudnnStatus> GetConvolutionForwardAlgorithm { get; init; }
    /// <summary><c>cudnnGetConvolutionBackwardDataAlgorithm_v7(nint handle, nint w, nint dy, nint convolution, nint dx, int requested, int* returned, CudnnAlgorithmPerformance* results)</c></summary>
    public delegate* unmanaged<nint, nint, nint, nint, nint, int, int*, CudnnAlgorithmPerformance*, CudnnStatus> GetConvolutionBackwardDataAlgorithm { get; init; }
    /// <summary><c>cudnnGetConvolutionBackwardFilterAlgorithm_v7(nint handle, nint x, nint dy, nint convolution, nint dw, int requested, int* returned, CudnnAlgorithmPerformance* results)</c></summary>
    public delegate* unmanaged<nint, nint, nint, nint, nint, int, int*, CudnnAlgorithmPerformance*, CudnnStatus> GetConvolutionBackwardFilterAlgorithm { get; init; }
    /// <summary><c>cudnnGetConvolutionForwardWorkspaceSize(nint handle, nint x, nint w, nint convolution, nint y, int algorithm, nuint* bytes)</c></summary>
    public delegate* unmanaged<nint, nint, nint, nint, nint, int, nuint*, CudnnStatus> GetConvolutionForwardWorkspaceSize { get; init; }
    /// <summary><c>cudnnGetConvolutionBackwardDataWorkspaceSize(nint handle, nint w, nint dy, nint convolution, nint dx, int algorithm, nuint* bytes)</c></summary>
    public delegate* unmanaged<nint, nint, nint, nint, nint, int, nuint*, CudnnStatus> GetConvolutionBackwardDataWorkspaceSize { get; init; }
    /// <summary><c>cudnnGetConvolutionBackwardFilterWorkspaceSize(nint handle, nint x, nint dy, nint convolution, nint dw, int algorithm, nuint* bytes)</c></summary>
    public delegate* unmanaged<nint, nint, nint, nint, nint, int, nuint*, CudnnStatus> GetConvolutionBackwardFilterWorkspaceSize { get; init; }

    // The convolutions themselves: out = alpha · result + beta · out; out is not read when beta is 0.
    /// <summary><c>cudnnConvolutionForward(nint handle, float* alpha, nint xDescriptor, ulong x, nint wDescriptor, ulong w, nint convolution, int algorithm, ulong workspace, nuint bytes, float* beta, nint yDescriptor, ulong y)</c></summary>
    public delegate* unmanaged<nint, float*, nint, ulong, nint, ulong, nint, int, ulong, nuint, float*, nint, ulong, CudnnStatus> ConvolutionForward { get; init; }
    /// <summary><c>cudnnConvolutionBackwardData(nint handle, float* alpha, nint wDescriptor, ulong w, nint dyDescriptor, ulong dy, nint convolution, int algorithm, ulong workspace, nuint bytes, float* beta, nint dxDescriptor, ulong dx)</c></summary>
    public delegate* unmanaged<nint, float*, nint, ulong, nint, ulong, nint, int, ulong, nuint, float*, nint, ulong, CudnnStatus> ConvolutionBackwardData { get; init; }
    /// <summary><c>cudnnConvolutionBackwardFilter(nint handle, float* alpha, nint xDescriptor, ulong x, nint dyDescriptor, ulong dy, nint convolution, int algorithm, ulong workspace, nuint bytes, float* beta, nint dwDescriptor, ulong dw)</c></summary>
    public delegate* unmanaged<nint, float*, nint, ulong, nint, ulong, nint, int, ulong, nuint, float*, nint, ulong, CudnnStatus> ConvolutionBackwardFilter { get; init; }
}
