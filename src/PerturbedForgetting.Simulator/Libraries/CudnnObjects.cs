using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>A handle of cuDNN.</summary>
sealed class CudnnHandle(SimulatedContext context) : LibraryHandle(context);

/// <summary>Type, order and sizes of a tensor or filter in four dimensions; a filter's N are its filters, its C the channels of a
/// group.</summary>
readonly record struct FourDimensions(CudnnDataType Type, CudnnTensorFormat Format, int N, int C, int H, int W)
{
    /// <summary>Float32 in NHWC order: what the rest of the software GPU's cuDNN takes.</summary>
    public FourDimensions Supported(string name)
    {
        if (Type != CudnnDataType.Float)
            throw SimulatedCudnn.Refuse(CudnnStatus.NotSupportedDataType,
                $"{name} is of type {Type}; the software GPU convolves float32 only");
        if (Format != CudnnTensorFormat.Nhwc)
            throw SimulatedCudnn.Refuse(CudnnStatus.NotSupportedLayout,
                $"{name} is in {Format} order; the software GPU convolves NHWC only");
        return this;
    }

    /// <inheritdoc/>
    public override string ToString() => $"[N {N}, C {C}, H {H}, W {W}]";
}

/// <summary>A descriptor's content; null until it is set.</summary>
abstract class CudnnDescriptor<T> where T : struct
{
    public T? Content { get; set; }
}

/// <summary><c>cudnnTensorDescriptor_t</c></summary>
sealed class TensorDescriptor : CudnnDescriptor<FourDimensions>;

/// <summary><c>cudnnFilterDescriptor_t</c></summary>
sealed class FilterDescriptor : CudnnDescriptor<FourDimensions>;

/// <summary>How the filters move: content of <c>cudnnConvolutionDescriptor_t</c>.</summary>
readonly record struct ConvolutionGeometry(
    int PaddingHeight, int PaddingWidth, int StrideHeight, int StrideWidth, int DilationHeight, int DilationWidth,
    CudnnConvolutionMode Mode, CudnnDataType ComputeType);

/// <summary><c>cudnnConvolutionDescriptor_t</c></summary>
sealed class ConvolutionDescriptor : CudnnDescriptor<ConvolutionGeometry>
{
    public CudnnMathType MathType { get; set; }

    public int Groups { get; set; } = 1;
}
