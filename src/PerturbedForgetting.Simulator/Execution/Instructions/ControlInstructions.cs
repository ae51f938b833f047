using System.Numerics;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Branches, calls, exits and barriers (PTX ISA, "Control Flow Instructions", "Parallel Synchronization Instructions").</summary>
static unsafe class ControlInstructions
{
    public static IEnumerable<InstructionFamily> Families =>
    [
        new("bra", "bra{.uni} label", LowerBranch),
        new("brx", "brx.idx{.uni} index, table", LowerTable),
        new("call", "call{.uni} (results), function, (arguments) of a function of the module, of vprintf or of __assertfail", LowerCall),
        new("ret", "ret{.uni}", static (context, _) => context.ReturnOrExit()),
        new("exit", "exit", static (context, _) => context.Emit(&Exit, InstructionClass.Branch).Flow = Flow.Exit),
        new("trap", "trap", static (context, _) => context.Emit(&Trap, InstructionClass.Other).Flow = Flow.Trap),
        new("brkpt", "brkpt", static (context, _) => context.Emit(&Trap, InstructionClass.Other).Flow = Flow.Trap),
        new("nanosleep", "nanosleep.u32 t", static (context, _) => context.Emit(&Nothing, InstructionClass.Other)),
        new("bar", "bar{.cta}.sync a{, b}; bar.arrive a, b; bar.red.popc.u32 d, a{, b}, p; bar.red.and/or.pred d, a{, b}, p; bar.warp.sync "
            + "mask", LowerBarrier),
        new("barrier", "barrier{.cta}{.sync|.arrive|.red}{.aligned} as bar", LowerBarrier),
    ];

    static void LowerBranch(Lowering context, PtxInstruction instruction)
    {
        if (context.Operand(0) is not PtxName label)
            throw context.Error("the operand is not a label");
        context.Emit(&Branch, InstructionClass.Branch).Flow = Flow.Branch;
        context.JumpTo(label.Name);
    }

    static void LowerTable(Lowering context, PtxInstruction instruction)
    {
        int index = context.Source(0, PtxType.U32);
        IReadOnlyList<string> labels = context.Table(context.Operand(1) is PtxName name ? name.Name : "");
        ref Instruction i = ref context.Emit(&BranchTable, InstructionClass.Branch);
        i.Flow = Flow.Table;
        i.A = index;
        i.Immediate = labels.Count;
        i.Operands = context.Operands(labels.Count);
        for (int t = 0; t < labels.Count; t++)
            context.JumpTo(labels[t], t);
    }

    static void LowerCall(Lowering context, PtxInstruction instruction)
    {
        IReadOnlyList<PtxOperand> operands = instruction.Operands;
        int at = 0;
        IReadOnlyList<PtxOperand> results = operands.Count > 0 && operands[0] is PtxList list ? list.Elements : [];
        at += operands.Count > 0 && operands[0] is PtxList ? 1 : 0;
        if (at >= operands.Count || operands[at] is not PtxName name || context.DeclaredType(name) != PtxType.None)
            throw context.Error("only calls of named functions are supported");
        IReadOnlyList<PtxOperand> arguments = at + 1 < operands.Count && operands[at + 1] is PtxList given ? given.Elements : [];
        if (DeviceCalls.TryLower(context, name.Name, results, arguments))
            return;
        string behind = context.NewLabel();
        if (instruction.Guard is not null)
        {
            ref Instruction skip = ref context.Emit(&Branch, InstructionClass.Branch);
            skip.Flow = Flow.Branch;
            skip.GuardFlip = ~skip.GuardFlip;
            context.JumpTo(behind);
        }
        context.Inline(name.Name, results, arguments);
        context.Mark(behind);
    }

    static void LowerBarrier(Lowering context, PtxInstruction instruction)
    {
        string[] words = [.. instruction.Modifiers.Where(m => m is not ("cta" or "aligned"))];
        if (words is ["warp", "sync"])
        {
            int members = context.Source(0, PtxType.B32);
            context.Emit(&WarpSync, InstructionClass.Warp).D = members;
            return;
        }
        int first = words is ["red", ..] ? 1 : 0, last = words is ["red", ..] ? instruction.Operands.Count - 1 : instruction.Operands.Count;
        int id = context.Source(first, PtxType.U32), threads = last - first > 1 ? context.Source(first + 1, PtxType.U32) : -1;
        switch (words)
        {
            case ["sync"] or []:
                Emit(context, &Sync, id, threads, -1);
                break;
            case ["arrive"] when threads >= 0:
                Emit(context, &Arrive, id, threads, -1);
                break;
            case ["red", "popc", "u32"]:
                EmitVote(context, &CountVote, context.Destination(0, PtxType.U32), id, threads, context.Operand(last));
                break;
            case ["red", "and", "pred"]:
                EmitVote(context, &AllVote, context.Destination(0, PtxType.Pred), id, threads, context.Operand(last));
                break;
            case ["red", "or", "pred"]:
                EmitVote(context, &AnyVote, context.Destination(0, PtxType.Pred), id, threads, context.Operand(last));
                break;
            default:
                throw context.Unknown();
        }
    }

    static void EmitVote(Lowering context, delegate*<Warp, Instruction*, uint, void> handler, int destination, int id, int threads,
        PtxOperand vote)
    {
        (int offset, uint flip) = context.Predicate(vote);
        ref Instruction i = ref Emit(context, handler, id, threads, destination);
        i.C = offset;
        i.Immediate = flip;
    }

    static ref Instruction Emit(Lowering context, delegate*<Warp, Instruction*, uint, void> handler, int id, int threads, int destination)
    {
        ref Instruction i = ref context.Emit(handler, InstructionClass.Barrier);
        (i.A, i.B, i.Destination) = (id, threads, destination);
        return ref i;
    }

    public static void Branch(Warp warp, Instruction* i, uint mask) => warp.Split(mask, i->Target, i->Reconvergence);

    public static void BranchTable(Warp warp, Instruction* i, uint mask)
    {
        uint* index = warp.Words(i->A);
        // Each turn sends the lanes of one target off; the rest waits behind the instruction and comes back to it.
        int lane = BitOperations.TrailingZeroCount(mask);
        uint target = index[lane];
        if (target >= i->Immediate)
            throw warp.Fault(i, FaultKind.OutOfBounds, $"index {target} is outside the table of {i->Immediate} labels", lane);
        uint same = 0;
        for (; lane < Warp.Lanes; lane++)
            same |= (mask >> lane & 1) != 0 && index[lane] == target ? 1u << lane : 0;
        if (same != warp.Active)
            warp.Next--;
        warp.Split(same, i->Operands[target], i->Reconvergence);
    }

    public static void Exit(Warp warp, Instruction* i, uint mask) => warp.Exit(mask);

    static void Trap(Warp warp, Instruction* i, uint mask) =>
        throw warp.Fault(i, FaultKind.Trap, "the kernel stopped itself", BitOperations.TrailingZeroCount(mask));

    static void Nothing(Warp warp, Instruction* i, uint mask)
    {
    }

    static void Sync(Warp warp, Instruction* i, uint mask) => Wait(warp, i, mask, BarrierResult.None);

    static void CountVote(Warp warp, Instruction* i, uint mask) => Wait(warp, i, mask, BarrierResult.Count);

    static void AllVote(Warp warp, Instruction* i, uint mask) => Wait(warp, i, mask, BarrierResult.All);

    static void AnyVote(Warp warp, Instruction* i, uint mask) => Wait(warp, i, mask, BarrierResult.Any);

    static void Wait(Warp warp, Instruction* i, uint mask, BarrierResult result)
    {
        (int id, int threads) = Arguments(warp, i, mask);
        uint vote = i->C < 0 ? 0 : (*warp.Words(i->C) ^ (uint)i->Immediate) & mask;
        warp.Wait(new BarrierWait { Id = id, Threads = threads, Vote = vote, Result = result, At = i });
    }

    static void Arrive(Warp warp, Instruction* i, uint mask) => warp.Arrive(Arguments(warp, i, mask).Id);

    static (int Id, int Threads) Arguments(Warp warp, Instruction* i, uint mask)
    {
        int lane = BitOperations.TrailingZeroCount(mask);
        if (mask != warp.Alive)
            throw warp.Fault(i, FaultKind.DivergentBarrier,
                $"only lanes 0x{mask:x8} of warp {warp.Index} reach the barrier, its living lanes are 0x{warp.Alive:x8}",
                BitOperations.TrailingZeroCount(warp.Alive & ~mask));
        uint id = warp.Words(i->A)[lane], threads = i->B < 0 ? 0 : warp.Words(i->B)[lane];
        if (id > 15 || threads % Warp.Lanes != 0 || threads > (uint)((warp.Block.Threads + 31) & ~31))
            throw warp.Fault(i, FaultKind.DivergentBarrier,
                $"barrier {id} with {threads} threads does not exist; there are barriers 0 to 15 for a multiple of 32 threads of the block",
                lane);
        return ((int)id, (int)threads);
    }

    static void WarpSync(Warp warp, Instruction* i, uint mask) => WarpInstructions.InGroups(warp, i, mask, &Meet);

    static void Meet(Warp warp, Instruction* i, uint group)
    {
        if (group == warp.Alive)
            warp.Worker.Shared.Order.Meet(warp.Index);
        else
            warp.Worker.Shared.Order.Meet(warp.Index, group);
    }
}
