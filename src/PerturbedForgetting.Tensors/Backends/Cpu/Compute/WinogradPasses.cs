namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>Passes of a convolution that may be done by Winograd's algorithm.</summary>
[Flags]
enum WinogradPasses
{
    /// <summary>None of them.</summary>
    None = 0,

    /// <summary>The output.</summary>
    Forward = 1,

    /// <summary>The gradient of the input.</summary>
    InputGradient = 2,

    /// <summary>The gradient of the weights.</summary>
    WeightGradient = 4,
}
