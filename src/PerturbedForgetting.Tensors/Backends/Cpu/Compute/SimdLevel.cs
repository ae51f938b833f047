using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>The instruction sets the compute engine has kernels for, weakest first.</summary>
enum SimdKind
{
    /// <summary>128-bit vectors through the portable API: any processor .NET runs on.</summary>
    Portable,

    /// <summary>256-bit vectors with fused multiply-add.</summary>
    Avx2,

    /// <summary>512-bit vectors, 32 registers.</summary>
    Avx512,
}

/// <summary>
/// The instruction set in use: the best the processor has, unless <see cref="EnvironmentVariables.Simd"/> asks for less.
/// </summary>
static class SimdLevel
{
    static SimdKind current = Initial(EnvironmentVariables.Simd.Value);

    /// <summary>The variable that asks for less.</summary>
    public static string Variable => EnvironmentVariables.Simd.Name;

    /// <summary>The best instruction set of this processor.</summary>
    public static SimdKind Supported =>
        Vector512.IsHardwareAccelerated && Avx512F.IsSupported ? SimdKind.Avx512
        : Vector256.IsHardwareAccelerated && Fma.IsSupported ? SimdKind.Avx2
        : SimdKind.Portable;

    /// <summary>The instruction set in use.</summary>
    /// <exception cref="PlatformNotSupportedException">The processor lacks it.</exception>
    public static SimdKind Current
    {
        get => current;
        set => current = value <= Supported
            ? value
            : throw new PlatformNotSupportedException(
                $"This processor has no {value} instructions (best: {Supported}). Choose {Supported} or a weaker level in {Variable}.");
    }

    /// <summary>The level a value of the environment variable asks for, never above what the processor has.</summary>
    /// <exception cref="EnvironmentVariableException">The value is not a level.</exception>
    internal static SimdKind Initial(string? value)
    {
        if (string.IsNullOrWhiteSpace(value))
            return Supported;
        if (!Enum.TryParse(value, ignoreCase: true, out SimdKind kind) || !Enum.IsDefined(kind))
        {
            throw new EnvironmentVariableException(EnvironmentVariables.Simd, value,
                "is not an instruction set. Use portable, avx2 or avx512");
        }
        return kind < Supported ? kind : Supported;
    }
}
