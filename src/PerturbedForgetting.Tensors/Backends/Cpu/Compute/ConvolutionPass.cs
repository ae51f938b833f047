namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>Passes of a convolution.</summary>
enum ConvolutionPass
{
    /// <summary>The output.</summary>
    Forward,

    /// <summary>The gradient of the input.</summary>
    InputGradient,

    /// <summary>The gradient of the weights.</summary>
    WeightGradient,
}
