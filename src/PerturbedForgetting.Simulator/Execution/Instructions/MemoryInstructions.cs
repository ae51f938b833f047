using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Loads, stores and fences (PTX ISA, "Data Movement and Conversion Instructions": ld, st; "membar", "fence").</summary>
static unsafe class MemoryInstructions
{
    public static IEnumerable<InstructionFamily> Families =>
    [
        new("ld", "ld{.weak|.volatile|.relaxed|.acquire}{.scope}{.global|.shared|.local|.const|.param}{.nc}{.cache}{.v2|.v4}.type d, [a]",
            Load),
        new("ldu", "ldu{.global}{.v2|.v4}.type d, [a]", Load),
        new("st", "st{.weak|.volatile|.relaxed|.release}{.scope}{.global|.shared|.local|.param}{.cache}{.v2|.v4}.type [a], b", Store),
        new("membar", "membar.{cta|gl|sys}", Fence),
        new("fence", "fence{.sc|.acq_rel}.{cta|gpu|sys}", Fence),
        new("prefetch", "prefetch{.global|.local}.{L1|L2} [a]", Prefetch),
    ];

    static void Prefetch(Lowering context, PtxInstruction instruction) => context.Emit(&Nothing, InstructionClass.Other);

    static void Nothing(Warp warp, Instruction* i, uint mask)
    {
    }

    static void Fence(Lowering context, PtxInstruction instruction) =>
        context.Emit(&Order, InstructionClass.Other).Immediate = instruction.Modifiers.Contains("cta") ? 1 : 0;

    // A block is one thread of the host, so that only other blocks can see another order.
    static void Order(Warp warp, Instruction* i, uint mask)
    {
        Thread.MemoryBarrier();
        warp.Worker.Watch.Fence(warp.Index, mask, isBlockScope: i->Immediate != 0);
    }

    static AccessFlags Ordering(IReadOnlyList<string> words)
    {
        AccessFlags flags = AccessFlags.None;
        foreach (string word in words)
            flags |= word switch
            {
                "volatile" or "relaxed" or "mmio" => AccessFlags.Strong,
                "acquire" => AccessFlags.Strong | AccessFlags.Acquire,
                "release" => AccessFlags.Strong | AccessFlags.Release,
                "cta" => AccessFlags.BlockScope,
                "nc" => AccessFlags.ReadOnly,
                _ => AccessFlags.None,
            };
        return flags;
    }

    /// <summary>The words that say how an access is made: its order among threads (see <see cref="Ordering"/>), and hints.</summary>
    static bool IsHint(string word) =>
        word is "weak" or "volatile" or "relaxed" or "acquire" or "release" or "mmio" or "cta" or "cluster" or "gpu" or "sys"
        or "nc" or "ca" or "cg" or "cs" or "lu" or "cv" or "wb" or "wt" || word.StartsWith("L1::", StringComparison.Ordinal)
        || word.StartsWith("L2::", StringComparison.Ordinal);

    static (StateSpace Space, int Count, PtxType Type) Form(Lowering context, PtxInstruction instruction)
    {
        var space = StateSpace.Generic;
        int count = 1;
        var type = PtxType.None;
        foreach (string word in instruction.Modifiers)
        {
            if (IsHint(word))
                continue;
            StateSpace? named = word switch
            {
                "global" => StateSpace.Global,
                "shared" or "shared::cta" => StateSpace.Shared,
                "local" => StateSpace.Local,
                "const" => StateSpace.Const,
                "param" or "param::entry" or "param::func" => StateSpace.Param,
                _ => null,
            };
            if (named is { } found)
                space = found;
            else if (word is "v2" or "v4")
                count = word[1] - '0';
            else if (PtxTypes.Parse(word) is not PtxType.None and not PtxType.Pred and not PtxType.B128 and var parsed
                && type == PtxType.None)
                type = parsed;
            else
                throw context.Unknown();
        }
        if (type == PtxType.None || PtxTypes.SizeOf(type) * count > 16)
            throw context.Unknown();
        return (space, count, type);
    }

    /// <summary>The space where a named variable really lives: parameters of inlined functions are local memory.</summary>
    static StateSpace Actual(Lowering context, StateSpace space, PtxOperand address)
    {
        StateSpace? named = context.Address(address).Space;
        if (named is not { } actual)
            return space;
        if (actual != space && space != StateSpace.Generic && !(space == StateSpace.Param && actual == StateSpace.Local))
            throw context.Error($"the variable is in .{actual.ToString().ToLowerInvariant()}");
        return actual;
    }

    static void Load(Lowering context, PtxInstruction instruction)
    {
        (StateSpace space, int count, PtxType type) = Form(context, instruction);
        space = Actual(context, space, context.Operand(1));
        int* registers = Elements(context, context.Operand(0), count, type, isWritten: true, out bool isWide);
        ref Instruction i = ref context.Emit(space switch
        {
            StateSpace.Global => &GlobalAccess.Load,
            StateSpace.Const => &GlobalAccess.LoadConstant,
            StateSpace.Shared => &SharedAccess.LoadShared,
            StateSpace.Local => &SharedAccess.LoadLocal,
            StateSpace.Param => &SharedAccess.LoadParameter,
            _ => &SharedAccess.LoadGeneric,
        }, InstructionClass.Load);
        Set(context, ref i, space, context.Operand(1), registers, count, type, isWide);
    }

    static void Store(Lowering context, PtxInstruction instruction)
    {
        (StateSpace space, int count, PtxType type) = Form(context, instruction);
        space = Actual(context, space, context.Operand(0));
        int* registers = Elements(context, context.Operand(1), count, type, isWritten: false, out bool isWide);
        ref Instruction i = ref context.Emit(space switch
        {
            StateSpace.Global => &GlobalAccess.Store,
            StateSpace.Shared => &SharedAccess.StoreShared,
            StateSpace.Local => &SharedAccess.StoreLocal,
            StateSpace.Generic => &SharedAccess.StoreGeneric,
            _ => throw context.Error($".{space.ToString().ToLowerInvariant()} cannot be written"),
        }, InstructionClass.Store);
        Set(context, ref i, space, context.Operand(0), registers, count, type, isWide);
        i.Flags |= space is StateSpace.Global or StateSpace.Generic && context.Arrivals.Holds(instruction) ? (int)AccessFlags.ByArrival : 0;
    }

    static void Set(Lowering context, ref Instruction i, StateSpace space, PtxOperand address, int* registers, int count, PtxType type,
        bool isWide)
    {
        MemoryAccess.SetAddress(context, ref i, address);
        i.Operands = registers;
        (i.B, i.C) = (PtxTypes.SizeOf(type), count);
        if (space is StateSpace.Global or StateSpace.Generic)
            context.Touches(i.B * i.C);
        bool isSigned = type is PtxType.S8 or PtxType.S16 or PtxType.S32;
        i.Flags |= (int)((isWide ? AccessFlags.WideData : 0) | (isSigned ? AccessFlags.Signed : 0) | Ordering(context.Current.Modifiers));
    }

    static int* Elements(Lowering context, PtxOperand operand, int count, PtxType type, bool isWritten, out bool isWide)
    {
        IReadOnlyList<PtxOperand> elements = operand is PtxVector vector ? vector.Elements : [operand];
        if (elements.Count != count)
            throw context.Error($"{elements.Count} registers stand where {count} must");
        int* registers = context.Operands(count);
        isWide = PtxTypes.SizeOf(type) == 8;
        foreach (PtxOperand element in elements)
            isWide |= PtxTypes.SizeOf(context.DeclaredType(element)) == 8;
        for (int e = 0; e < count; e++)
        {
            PtxType used = isWide ? PtxType.B64 : type;
            registers[e] = isWritten
                ? context.DestinationOrSink(elements[e], used)
                : context.Source(elements[e], elements[e] is PtxConstant ? type : used);
        }
        return registers;
    }
}
