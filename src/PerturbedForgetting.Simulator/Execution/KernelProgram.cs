using System.Runtime.InteropServices;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>A compiled kernel: what <see cref="Lowering"/> made of a <see cref="PtxFunction"/>. Its native memory lives until it is
/// disposed.</summary>
sealed unsafe class KernelProgram(Instruction* code, IReadOnlyList<nint> operandBlocks, Lazy<RegisterUses> uses) : IDisposable
{
    public required string Name { get; init; }

    /// <summary>Name of the module, for messages.</summary>
    public required string Module { get; init; }
    public required PtxFunction Function { get; init; }

    /// <summary>The instructions.</summary>
    public Instruction* Instructions => code;

    /// <summary>An instruction by its index.</summary>
    public ref Instruction Code(int index) => ref code[index];
    public required int Length { get; init; }

    /// <summary>Place of each instruction in the PTX text and the CUDA source.</summary>
    public required PtxLocation[] Locations { get; init; }

    /// <summary>Which registers each instruction reads and writes; made when it is first asked for.</summary>
    public RegisterUses Uses => uses.Value;

    /// <summary>Size of a warp's register file in bytes.</summary>
    public required int RegisterBytes { get; init; }

    /// <summary>32-bit registers of a thread that are in use at once, at the most: about what a compiler for a real device would give
    /// it.</summary>
    public required int RegisterCount { get; init; }

    /// <summary>Constants as they must stand in each warp's register file, with their offset.</summary>
    public required (int Offset, byte[] Bytes)[] Constants { get; init; }

    /// <summary>Special registers that a block's start must fill: name (<c>%tid.x</c>) and offset.</summary>
    public required (string Name, int Offset)[] SpecialRegisters { get; init; }

    /// <summary>Statically declared shared memory; dynamic shared memory follows it, aligned to 16 bytes.</summary>
    public required int SharedBytes { get; init; }

    /// <summary>Local memory of a thread in bytes.</summary>
    public required int LocalBytes { get; init; }

    /// <summary>There are atomic operations, or loads and stores that others may make at the same time.</summary>
    public required bool HasAtomics { get; init; }

    /// <summary>Bytes of the smallest access of memory, at most 4, as an exponent.</summary>
    public required int GranuleShift { get; init; }

    /// <summary>Bytes of the parameters of the kernel, and of each its offset and size.</summary>
    public required int ParameterBytes { get; init; }
    public required (int Offset, int Size)[] Parameters { get; init; }

    public void Dispose()
    {
        foreach (nint block in operandBlocks)
            NativeMemory.Free((void*)block);
        NativeMemory.Free(code);
    }
}
