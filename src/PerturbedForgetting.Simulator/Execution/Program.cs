using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>A compiled kernel: what <see cref="Lowering"/> made of a <see cref="PtxFunction"/>.</summary>
sealed unsafe class Program
{
    public required string Name { get; init; }
    public required PtxFunction Function { get; init; }

    /// <summary>The code, in native memory that lives as long as the module.</summary>
    public required Instruction* Code { get; init; }
    public required int Length { get; init; }

    /// <summary>Place of each instruction in the PTX text and the CUDA source.</summary>
    public required PtxLocation[] Locations { get; init; }

    /// <summary>Size of a warp's register file in bytes.</summary>
    public required int RegisterBytes { get; init; }

    /// <summary>Constants as they must stand in each warp's register file, with their offset.</summary>
    public required (int Offset, byte[] Bytes)[] Constants { get; init; }

    /// <summary>Special registers that the block's start must fill: name (<c>%tid.x</c>) and offset.</summary>
    public required (string Name, int Offset)[] SpecialRegisters { get; init; }

    /// <summary>Statically declared shared memory; dynamic shared memory follows it, aligned.</summary>
    public required int SharedBytes { get; init; }

    /// <summary>Local memory of a thread in bytes.</summary>
    public required int LocalBytes { get; init; }

    /// <summary>Bytes of the parameters of the kernel, and of each its offset and size.</summary>
    public required int ParameterBytes { get; init; }
    public required (int Offset, int Size)[] Parameters { get; init; }
}
