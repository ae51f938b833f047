using System.Numerics;
using PerturbedForgetting.Simulator.Memory;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>A copy from global to shared memory that has begun and was not waited for.</summary>
unsafe struct PendingCopy
{
    public fixed byte Data[16];
    public uint Target;
    public int Bytes, Lane, Group;
}

sealed unsafe partial class Warp
{
    /// <summary>Copies under way, and the number of groups that each lane has committed.</summary>
    public readonly List<PendingCopy> Copies = [];
    public readonly int[] CopyGroups = new int[Lanes];
}

/// <summary>Asynchronous copies (PTX ISA, "cp.async"). The bytes are taken at once and appear only when the thread waits for them;
/// whoever touches the target before is at fault.</summary>
static unsafe class AsyncCopyInstructions
{
    public static IEnumerable<InstructionFamily> Families =>
    [
        new("cp", "cp.async.{ca|cg}.shared{::cta}.global{.L2::hint} [dst], [src], 4|8|16{, src-size}; cp.async.commit_group; "
            + "cp.async.wait_group n; cp.async.wait_all", Lower),
    ];

    static void Lower(Lowering context, PtxInstruction instruction)
    {
        switch (instruction.Modifiers)
        {
            case ["async", "commit_group"]:
                context.Emit(&Commit, InstructionClass.Other);
                break;
            case ["async", "wait_group"] when context.Operand(0) is PtxConstant { Kind: PtxConstantKind.Integer } count:
                context.Emit(&Wait, InstructionClass.Other).Immediate = (long)count.Bits;
                break;
            case ["async", "wait_all"]:
                context.Emit(&Wait, InstructionClass.Other).Immediate = -1;
                break;
            case ["async", "ca" or "cg", "shared" or "shared::cta", "global", ..]:
                LowerCopy(context);
                break;
            default:
                throw context.Unknown();
        }
    }

    static void LowerCopy(Lowering context)
    {
        if (context.Operand(2) is not PtxConstant { Bits: 4 or 8 or 16, Kind: PtxConstantKind.Integer } size
            || (context.Current.Modifiers[1] == "cg" && size.Bits != 16))
            throw context.Error("the size must be 4, 8 or 16; with .cg it must be 16");
        int sourceSize = context.Current.Operands.Count > 3 ? context.Source(3, PtxType.U32) : -1;
        (int target, bool isTargetWide, long targetOffset, _) = context.Address(context.Operand(0));
        ref Instruction i = ref context.Emit(&Copy, InstructionClass.Load);
        MemoryAccess.SetAddress(context, ref i, context.Operand(1));
        (i.B, i.C, i.D, i.Destination) = ((int)size.Bits, 1, sourceSize, target);
        i.Operands = context.Operands(2);
        (i.Operands[0], i.Operands[1]) = (isTargetWide ? 1 : 0, checked((int)targetOffset));
    }

    static void Copy(Warp warp, Instruction* i, uint mask)
    {
        ulong* from = stackalloc ulong[Warp.Lanes], to = stackalloc ulong[Warp.Lanes];
        MemoryAccess.Addresses(warp, i, from);
        SharedMemory shared = warp.Worker.Shared;
        uint loaded = 0;
        Allocation? source = null;
        bool isRegular = true;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest), bytes = i->B, taken = Taken(warp, i, lane);
            ulong register = i->Destination < 0 ? 0 : i->Operands[0] != 0 ? warp.Longs(i->Destination)[lane]
                : warp.Words(i->Destination)[lane];
            to[lane] = register + (ulong)i->Operands[1];
            var copy = new PendingCopy
            {
                Target = SharedAccess.Check(warp, i, shared, to[lane], bytes, lane),
                Bytes = bytes,
                Lane = lane,
                Group = warp.CopyGroups[lane]
            };
            if (taken > 0)
            {
                loaded |= 1u << lane;
                if ((from[lane] & (uint)(bytes - 1)) != 0)
                    throw MemoryAccess.Misaligned(warp, i, from[lane], bytes, lane);
                Allocation allocation = MemoryAccess.Find(warp, i, from[lane], taken, lane);
                MemoryAccess.RequireWritten(warp, i, allocation, from[lane], taken, lane);
                MemoryAccess.NoteStream(warp, i, allocation, from[lane], taken, isWrite: false, lane);
                isRegular &= taken == bytes && (source is null || source == allocation);
                source = allocation;
                new Span<byte>((byte*)from[lane], taken).CopyTo(new Span<byte>(copy.Data, 16));
            }
            if (shared.BeginCopy(copy.Target, bytes, warp.Index, lane) is { } problem)
                throw SharedAccess.Problem(warp, i, copy.Target, "writes", problem, lane);
            warp.Copies.Add(copy);
        }
        MemoryAccess.CountBanks(warp, i, to, mask, i->B);
        if (loaded == 0)
            return;
        AccessPattern* pattern = warp.Worker.Pattern(i, from, loaded, i->B, slot: 1);
        warp.Worker.Counters.CountLoad(pattern->Sectors(from[pattern->Lead]), pattern->Distinct);
        if (isRegular && warp.Worker.Watch.TryRead(source!, pattern, from[pattern->Lead], warp.Index, i->B, AccessFlags.None))
            return;
        for (uint rest = loaded; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest), taken = Taken(warp, i, lane);
            MemoryAccess.Note(warp, i, MemoryAccess.Find(warp, i, from[lane], taken, lane), from[lane], taken, isWrite: false, lane);
        }
    }

    /// <summary>Bytes that a lane copies; the rest becomes zero.</summary>
    static int Taken(Warp warp, Instruction* i, int lane) => i->D < 0 ? i->B : (int)Math.Min((uint)i->B, warp.Words(i->D)[lane]);

    static void Commit(Warp warp, Instruction* i, uint mask)
    {
        for (uint rest = mask; rest != 0; rest &= rest - 1)
            warp.CopyGroups[BitOperations.TrailingZeroCount(rest)]++;
    }

    /// <summary>Ends all but the newest <see cref="Instruction.Immediate"/> groups; -1 ends also what is not committed.</summary>
    static void Wait(Warp warp, Instruction* i, uint mask)
    {
        SharedMemory shared = warp.Worker.Shared;
        int kept = 0;
        for (int k = 0; k < warp.Copies.Count; k++)
        {
            PendingCopy copy = warp.Copies[k];
            bool isDone = (mask >> copy.Lane & 1) != 0 && (i->Immediate < 0 || copy.Group < warp.CopyGroups[copy.Lane] - i->Immediate);
            if (!isDone)
            {
                warp.Copies[kept++] = copy;
                continue;
            }
            shared.EndCopy(copy.Target, copy.Bytes, warp.Index, copy.Lane);
            new Span<byte>(copy.Data, copy.Bytes).CopyTo(new Span<byte>(shared.Data + copy.Target, copy.Bytes));
        }
        warp.Copies.RemoveRange(kept, warp.Copies.Count - kept);
    }
}
