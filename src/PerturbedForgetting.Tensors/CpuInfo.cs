using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors;

/// <summary>What the CPU device uses of the processor.</summary>
public static class CpuInfo
{
    /// <summary>The instruction set in use, and the best one of the processor when that is another.</summary>
    public static string InstructionSet => SimdLevel.Current == SimdLevel.Supported
        ? Name(SimdLevel.Current)
        : $"{Name(SimdLevel.Current)} (the processor has {Name(SimdLevel.Supported)}; {SimdLevel.Variable} asks for less)";

    static string Name(SimdKind kind) => kind switch
    {
        SimdKind.Avx512 => "AVX-512",
        SimdKind.Avx2 => "AVX2 and FMA",
        _ => "portable 128-bit vectors",
    };
}
