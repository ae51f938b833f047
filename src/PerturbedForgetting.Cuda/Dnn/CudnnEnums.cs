using System.Runtime.InteropServices;

namespace PerturbedForgetting.Cuda.Dnn;

/// <summary>Type of elements (<c>cudnnDataType_t</c>).</summary>
public enum CudnnDataType
{
    Float = 0,
    Double = 1,
    Half = 2,
    BFloat16 = 9,
}

/// <summary>Order of a tensor's elements in memory (<c>cudnnTensorFormat_t</c>). Sizes are always given in the order N, C, H, W.</summary>
public enum CudnnTensorFormat
{
    Nchw = 0,
    Nhwc = 1,
}

/// <summary>Which units may multiply (<c>cudnnMathType_t</c>). On GPUs since sm_80 <see cref="Default"/> lets float32 be rounded to TF32;
/// <see cref="Fma"/> alone forbids it.</summary>
public enum CudnnMathType
{
    Default = 0,
    TensorOp = 1,
    /// <summary>Also lets float32 be rounded to float16.</summary>
    TensorOpAllowConversion = 2,
    Fma = 3,
}

/// <summary>Whether the filter is mirrored (<c>cudnnConvolutionMode_t</c>); neural networks do not.</summary>
public enum CudnnConvolutionMode
{
    Convolution = 0,
    CrossCorrelation = 1,
}

/// <summary>Whether an algorithm gives the same bits in every run (<c>cudnnDeterminism_t</c>).</summary>
public enum CudnnDeterminism
{
    NonDeterministic = 0,
    Deterministic = 1,
}

/// <summary>What the heuristics say of an algorithm: the common layout of <c>cudnnConvolutionFwdAlgoPerf_t</c>, <c>…BwdDataAlgoPerf_t</c>
/// and <c>…BwdFilterAlgoPerf_t</c>, 48 bytes.</summary>
[StructLayout(LayoutKind.Explicit, Size = 48)]
public struct CudnnAlgorithmPerformance
{
    /// <summary>Number of the algorithm among those of its direction.</summary>
    [FieldOffset(0)] public int Algorithm;

    /// <summary>Whether it can be used.</summary>
    [FieldOffset(4)] public CudnnStatus Status;

    /// <summary>Milliseconds; -1 when it was not timed.</summary>
    [FieldOffset(8)] public float Time;

    /// <summary>Workspace in bytes.</summary>
    [FieldOffset(16)] public nuint Memory;

    /// <summary>Whether its result is the same in every run.</summary>
    [FieldOffset(24)] public CudnnDeterminism Determinism;

    /// <summary>The math type it was looked at with.</summary>
    [FieldOffset(28)] public CudnnMathType MathType;
}
