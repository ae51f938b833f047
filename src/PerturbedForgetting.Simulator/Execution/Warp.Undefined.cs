using System.Numerics;
using PerturbedForgetting.Simulator.Memory;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>
/// Values that are undefined: what local memory holds that was never written, and what a shuffle brings from a lane that has exited or is
/// not in the mask. A compiler may make and move them, so that none is a fault as long as nothing depends on it; a store to memory that
/// others see, an address and a branch do. While a warp has such values, each of its instructions is looked at beforehand; else nothing is.
/// </summary>
sealed unsafe partial class Warp
{
    const string What = "an undefined value: local memory that was never written, or a shuffle from a lane that has exited or is not in "
        + "the mask";

    readonly Dictionary<int, uint> undefined = [];

    /// <summary>Whether any register holds one.</summary>
    public bool HasUndefined => undefined.Count > 0;

    /// <summary>Lanes whose register at an offset is undefined.</summary>
    public uint Undefined(int offset) => undefined.Count > 0 && offset >= 0 ? undefined.GetValueOrDefault(offset) : 0;

    /// <summary>Says which lanes' register at an offset is undefined.</summary>
    /// <param name="offset">The register.</param>
    /// <param name="lanes">Those that are.</param>
    /// <param name="mask">Those of which it is said.</param>
    public void SetUndefined(int offset, uint lanes, uint mask)
    {
        uint now = (Undefined(offset) & ~mask) | (lanes & mask);
        if (now == 0)
        {
            undefined.Remove(offset);
            return;
        }
        // The loop that runs does not look at instructions.
        if (undefined.Count == 0)
            Worker.StopTurn();
        undefined[offset] = now;
    }

    /// <summary>An instruction is about to execute: what it makes of undefined values.</summary>
    void Watch(Instruction* i, int at)
    {
        Require(i, i->Guard, Active, "whether this executes depends on");
        uint mask = i->Guard < 0 ? Active : Active & (*Words(i->Guard) ^ i->GuardFlip);
        RegisterUses uses = Worker.Program.Uses;
        if (mask == 0 || uses.Source(at) is not { } source)
            return;
        uint read = 0;
        foreach ((int offset, bool isWritten) in uses.Of(at))
            read |= isWritten ? 0 : Undefined(offset) & mask;
        uint result = Result(i, source, read, mask);
        // What a shuffle brings, its handler knows.
        if (source.Opcode == "shfl")
            return;
        foreach ((int offset, bool isWritten) in uses.Of(at))
        {
            if (isWritten)
                SetUndefined(offset, result, mask);
        }
    }

    /// <summary>Lanes whose result is undefined.</summary>
    uint Result(Instruction* i, PtxInstruction source, uint read, uint mask)
    {
        if (read == 0)
            return 0;
        switch (source.Opcode)
        {
            case "shfl":
                Require(i, i->B, mask, "the lane depends on");
                Require(i, i->C, mask, "the lane depends on");
                Require(i, i->D, mask, "the member mask is");
                return 0;
            case "ld" or "ldu" or "ldmatrix" or "cp":
                throw Depends(i, read, "the address depends on");
            case "st":
                Require(i, i->A, mask, "the address depends on");
                if ((read & ~ToLocal(i, source)) is var seen and not 0)
                    throw Depends(i, seen, "it stores");
                return 0;
            case "atom" or "red" or "bar" or "barrier" or "brx":
                throw Depends(i, read, "it depends on");
            case "vote" or "match" or "redux" or "mma":
                return mask;
            case "selp":
                uint chosen = *Words(i->C) ^ (uint)i->Immediate;
                return (Undefined(i->C) | (chosen & Undefined(i->A)) | (~chosen & Undefined(i->B))) & mask;
            case "and" or "or":
                return Settled(i, source) & mask;
            default:
                return read;
        }
    }

    /// <summary>Lanes of a conjunction or disjunction that the operand which is defined does not settle.</summary>
    uint Settled(Instruction* i, PtxInstruction source)
    {
        bool isAnd = source.Opcode == "and";
        uint a = Undefined(i->A), b = Undefined(i->B);
        return (a & (b | ~Settling(i, i->B, i->D, source, isAnd))) | (b & (a | ~Settling(i, i->A, i->C, source, isAnd)));
    }

    // Lanes whose operand alone says what the result is: all zeros, or all ones.
    uint Settling(Instruction* i, int operand, int flip, PtxInstruction source, bool isAnd)
    {
        if (source.Modifiers is ["pred"])
        {
            uint value = *Words(operand) ^ (uint)flip;
            return isAnd ? ~value : value;
        }
        uint lanes = 0;
        for (int lane = 0; lane < Lanes && source.Modifiers is ["b32"]; lane++)
            lanes |= Words(operand)[lane] == (isAnd ? 0 : uint.MaxValue) ? 1u << lane : 0;
        return lanes;
    }

    /// <summary>Lanes that store to local memory, which nobody else sees.</summary>
    uint ToLocal(Instruction* i, PtxInstruction source)
    {
        if (source.Modifiers.Contains("global") || source.Modifiers.Contains("shared") || source.Modifiers.Contains("shared::cta"))
            return 0;
        if (source.Modifiers.Contains("local") || source.Modifiers.Contains("param") || i->A < 0)
            return uint.MaxValue;
        uint lanes = 0;
        for (int lane = 0; lane < Lanes; lane++)
            lanes |= AddressWindows.IsLocal(Longs(i->A)[lane] + (ulong)i->Immediate) ? 1u << lane : 0;
        return lanes;
    }

    void Require(Instruction* i, int offset, uint mask, string words)
    {
        if ((Undefined(offset) & mask) is var lanes and not 0)
            throw Depends(i, lanes, words);
    }

    DeviceFault Depends(Instruction* i, uint lanes, string words) =>
        Fault(i, FaultKind.Uninitialized, $"{words} {What}", BitOperations.TrailingZeroCount(lanes));
}
