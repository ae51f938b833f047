using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>The largest tiles of Winograd's algorithm that each pass may take: outputs along one axis, 0 for none. Tiles of 2 round as the
/// direct algorithm does; tiles of 4 save more multiplications, and round three times as much.</summary>
readonly record struct WinogradSides(int Forward, int InputGradient, int WeightGradient)
{
    /// <summary>What a value of the environment variable asks for.</summary>
    /// <exception cref="EnvironmentVariableException">The value is not known.</exception>
    public static WinogradSides Of(string? value) => value?.Trim().ToLowerInvariant() switch
    {
        null or "" => new(2, 4, 2),
        "direct" => new(0, 0, 0),
        "winograd" => new(4, 4, 4),
        _ => throw new EnvironmentVariableException(EnvironmentVariables.Convolution, value, "is not an algorithm. Use direct or winograd"),
    };

    /// <summary>That of a pass.</summary>
    public int this[ConvolutionPass pass] => pass switch
    {
        ConvolutionPass.Forward => Forward,
        ConvolutionPass.InputGradient => InputGradient,
        _ => WeightGradient,
    };
}
