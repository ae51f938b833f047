using System.Numerics;
using System.Runtime.Intrinsics;
using PerturbedForgetting.Simulator.Memory;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Moves, packing, and addresses of other spaces (PTX ISA, "mov", "cvta", "isspacep").</summary>
static unsafe class MoveInstructions
{
    public static IEnumerable<InstructionFamily> Families =>
    [
        new("mov", "mov.{pred|b16|b32|b64|u..|s..|f32|f64} d, a; mov.b{16|32|64} d, {a, b{, c, d}}; mov.b{16|32|64} {a, b{, c, d}}, d; a: "
            + "register, special register, constant, variable", LowerMove),
        new("cvta", "cvta{.to}.{global|shared|local|const}.u64 d, a", LowerAddress),
        new("isspacep", "isspacep.{global|shared|local} p, a", LowerSpace),
    ];

    static void LowerMove(Lowering context, PtxInstruction instruction)
    {
        if (instruction.Modifiers.Count != 1)
            throw context.Unknown();
        PtxType type = PtxTypes.Parse(instruction.Modifiers[0]);
        if (context.Operand(1) is PtxVector parts)
            LowerPack(context, type, parts.Elements);
        else if (context.Operand(0) is PtxVector targets)
            LowerUnpack(context, type, targets.Elements);
        else if (type == PtxType.Pred)
        {
            int p = context.Destination(0, PtxType.Pred);
            (int source, uint flip) = context.Predicate(context.Operand(1));
            ref Instruction i = ref context.Emit(&CopyPredicate, InstructionClass.Predicate);
            (i.Destination, i.A, i.Immediate) = (p, source, flip);
        }
        else
        {
            int destination = context.Destination(0, type), source = context.Source(1, type);
            ref Instruction i = ref context.Emit(PtxTypes.SizeOf(type) == 8 ? &Copy<ulong> : &Copy<uint>, InstructionClass.Move);
            (i.Destination, i.A) = (destination, source);
        }
    }

    static void LowerPack(Lowering context, PtxType type, IReadOnlyList<PtxOperand> parts)
    {
        PtxType part = Part(context, type, parts.Count);
        int destination = context.Destination(0, type);
        int* sources = context.Operands(parts.Count);
        for (int k = 0; k < parts.Count; k++)
            sources[k] = context.Source(parts[k], part);
        ref Instruction i = ref context.Emit(&Pack, InstructionClass.Move);
        i.Operands = sources;
        (i.Destination, i.C, i.D) = (destination, parts.Count, PtxTypes.SizeOf(part));
    }

    static void LowerUnpack(Lowering context, PtxType type, IReadOnlyList<PtxOperand> parts)
    {
        PtxType part = Part(context, type, parts.Count);
        int source = context.Source(1, type);
        int* targets = context.Operands(parts.Count);
        for (int k = 0; k < parts.Count; k++)
            targets[k] = context.DestinationOrSink(parts[k], part);
        ref Instruction i = ref context.Emit(&Unpack, InstructionClass.Move);
        i.Operands = targets;
        (i.A, i.C, i.D, i.Flags) = (source, parts.Count, PtxTypes.SizeOf(part), PtxTypes.SizeOf(type));
    }

    static PtxType Part(Lowering context, PtxType type, int count) => (PtxTypes.SizeOf(type), count) switch
    {
        (2, 2) or (4, 4) => PtxType.B8,
        (4, 2) or (8, 4) => PtxType.B16,
        (8, 2) => PtxType.B32,
        _ => throw context.Unknown(),
    };

    static void LowerAddress(Lowering context, PtxInstruction instruction)
    {
        bool isTo = instruction.Modifiers is ["to", ..];
        if (instruction.Modifiers.Count != (isTo ? 3 : 2) || instruction.Modifiers[^1] != "u64")
            throw context.Unknown();
        ulong window = instruction.Modifiers[^2] switch
        {
            "global" or "const" => 0,
            "shared" or "shared::cta" => AddressWindows.Shared,
            "local" => AddressWindows.Local,
            _ => throw context.Unknown(),
        };
        int destination = context.Destination(0, PtxType.U64), source = context.Source(1, PtxType.U64),
            offset = context.Constant(isTo ? 0 - window : window, true);
        ref Instruction i = ref context.Emit(IntegerInstructions.Binary("add", PtxType.U64), InstructionClass.Integer);
        (i.Destination, i.A, i.B) = (destination, source, offset);
    }

    static void LowerSpace(Lowering context, PtxInstruction instruction)
    {
        int kind = instruction.Modifiers switch
        {
            ["global"] => 0,
            ["shared"] or ["shared::cta"] => 1,
            ["local"] => 2,
            _ => throw context.Unknown(),
        };
        int destination = context.Destination(0, PtxType.Pred), address = context.Source(1, PtxType.U64);
        ref Instruction i = ref context.Emit(&IsInSpace, InstructionClass.Predicate);
        (i.Destination, i.A, i.Immediate) = (destination, address, kind);
    }

    static void CopyPredicate(Warp warp, Instruction* i, uint mask) =>
        LogicInstructions.SetPredicate(warp, i->Destination, *warp.Words(i->A) ^ (uint)i->Immediate, mask);

    static void Copy<T>(Warp warp, Instruction* i, uint mask) where T : unmanaged
    {
        T* d = (T*)(warp.Registers + i->Destination), a = (T*)(warp.Registers + i->A);
        for (int lane = 0; lane < Warp.Lanes; lane += Vector256<T>.Count)
            Lanes.Store(d + lane, Vector256.Load(a + lane), mask, lane);
    }

    static void Pack(Warp warp, Instruction* i, uint mask)
    {
        int bits = 8 * i->D;
        bool isWide = i->C * i->D == 8;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong value = 0;
            for (int k = 0; k < i->C; k++)
                value |= (warp.Words(i->Operands[k])[lane] & ((1ul << bits) - 1)) << (bits * k);
            if (isWide)
                warp.Longs(i->Destination)[lane] = value;
            else
                warp.Words(i->Destination)[lane] = (uint)value;
        }
    }

    static void Unpack(Warp warp, Instruction* i, uint mask)
    {
        int bits = 8 * i->D;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong value = i->Flags == 8 ? warp.Longs(i->A)[lane] : warp.Words(i->A)[lane];
            for (int k = 0; k < i->C; k++)
            {
                if (i->Operands[k] >= 0)
                    warp.Words(i->Operands[k])[lane] = (uint)(value >> (bits * k) & ((1ul << bits) - 1));
            }
        }
    }

    static void IsInSpace(Warp warp, Instruction* i, uint mask)
    {
        uint found = 0;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            ulong address = warp.Longs(i->A)[lane];
            int kind = AddressWindows.IsShared(address) ? 1 : AddressWindows.IsLocal(address) ? 2 : 0;
            found |= kind == i->Immediate ? 1u << lane : 0;
        }
        LogicInstructions.SetPredicate(warp, i->Destination, found, mask);
    }
}
