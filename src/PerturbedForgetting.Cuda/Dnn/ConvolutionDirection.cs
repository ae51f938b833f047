namespace PerturbedForgetting.Cuda.Dnn;

/// <summary>Direction of a convolution.</summary>
public enum ConvolutionDirection
{
    /// <summary>The output, of the input and the filters.</summary>
    Forward,

    /// <summary>The gradient of the input, of the filters and the output's gradient.</summary>
    BackwardData,

    /// <summary>The gradient of the filters, of the input and the output's gradient.</summary>
    BackwardFilter,
}
