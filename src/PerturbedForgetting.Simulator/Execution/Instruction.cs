using System.Runtime.InteropServices;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>What an instruction is counted as.</summary>
public enum InstructionClass : byte
{
    Integer,
    Float32,
    Float64,
    Half,
    Special,
    Conversion,
    Move,
    Predicate,
    Load,
    Store,
    Atomic,
    Barrier,
    Warp,
    Matrix,
    Branch,
    Other,
    /// <summary>A step of an instruction that was split in several; not counted.</summary>
    Part,
}

/// <summary>Where control goes behind an instruction.</summary>
enum Flow : byte
{
    Next,
    Branch,
    Table,
    Exit,
    /// <summary>Nowhere: the launch ends with an error.</summary>
    Trap,
}

/// <summary>One decoded instruction. Operands are byte offsets into the warp's register file, where every 32-bit (and narrower)
/// register is 32 lanes of 4 bytes, every 64-bit register 32 lanes of 8 bytes, and every predicate one 32-bit mask.
/// Constants are registers that the compiler filled beforehand, so an operand is always a register.</summary>
[StructLayout(LayoutKind.Sequential)]
unsafe struct Instruction
{
    /// <summary>Executes the instruction for the lanes of a mask that is never empty. A handler of a branch, barrier or exit sets the
    /// warp's state itself.</summary>
    public delegate*<Warp, Instruction*, uint, void> Handler;

    /// <summary>Offsets of the destination and of up to four sources; -1 when absent.</summary>
    public int Destination, A, B, C, D;

    /// <summary>Further operands (elements of vectors, fragments of matrices), owned by the program.</summary>
    public int* Operands;

    /// <summary>Constant offset of an address, immediate of a modifier, or what the handler makes of it.</summary>
    public long Immediate;

    /// <summary>What the handler makes of it.</summary>
    public int Flags;

    /// <summary>Offset of the guarding predicate's mask, or -1.</summary>
    public int Guard;

    /// <summary>0, or all ones when the guard is negated: the executing mask is active &amp; (predicate ^ this).</summary>
    public uint GuardFlip;

    /// <summary>Index of the instruction that a branch goes to.</summary>
    public int Target;

    /// <summary>Index of the immediate post-dominator at which the lanes of a divergent branch meet; int.MaxValue when they only meet
    /// at the exit.</summary>
    public int Reconvergence;

    /// <summary>Index into <see cref="KernelProgram.Locations"/>: the instruction's own index in the program.</summary>
    public int Location;

    public InstructionClass Class;

    public Flow Flow;
}
