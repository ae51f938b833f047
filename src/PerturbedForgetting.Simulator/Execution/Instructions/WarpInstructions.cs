using System.Numerics;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Exchange and agreement among the lanes of a warp (PTX ISA, "shfl.sync", "vote.sync", "match.sync", "redux.sync",
/// "activemask").</summary>
static unsafe class WarpInstructions
{
    /// <summary>Stands for a value that the PTX ISA leaves undefined: NaN, if it is a number.</summary>
    const uint Undefined = uint.MaxValue;

    enum Shuffle
    {
        Up,
        Down,
        Butterfly,
        Index,
    }

    public static IEnumerable<InstructionFamily> Families =>
    [
        new("shfl", "shfl.sync.{up|down|bfly|idx}.b32 d{|p}, a, b, c, membermask", LowerShuffle),
        new("vote", "vote.sync.{all|any|uni}.pred p, {!}a, membermask; vote.sync.ballot.b32 d, {!}a, membermask", LowerVote),
        new("match", "match.any.sync.{b32|b64} d, a, membermask; match.all.sync.{b32|b64} d|p, a, membermask", LowerMatch),
        new("redux", "redux.sync.{add|min|max}.{u32|s32}, redux.sync.{and|or|xor}.b32 d, a, membermask", LowerReduce),
        new("activemask", "activemask.b32 d", static (context, _) =>
            context.Emit(&ActiveMask, InstructionClass.Warp).Destination = context.Destination(0, PtxType.B32)),
    ];

    static void LowerShuffle(Lowering context, PtxInstruction instruction)
    {
        Shuffle mode = instruction.Mnemonic switch
        {
            "shfl.sync.up.b32" => Shuffle.Up,
            "shfl.sync.down.b32" => Shuffle.Down,
            "shfl.sync.bfly.b32" => Shuffle.Butterfly,
            "shfl.sync.idx.b32" => Shuffle.Index,
            _ => throw context.Unknown(),
        };
        (PtxOperand value, PtxOperand? predicate) = context.Operand(0) is PtxPair pair
            ? (pair.First, pair.Second)
            : (context.Operand(0), null);
        int destination = context.DestinationOrSink(value, PtxType.B32),
            p = predicate is null ? -1 : context.DestinationOrSink(predicate, PtxType.Pred);
        int a = context.Source(1, PtxType.B32), b = context.Source(2, PtxType.B32), c = context.Source(3, PtxType.B32),
            members = context.Source(4, PtxType.B32);
        ref Instruction i = ref context.Emit(&Exchange, InstructionClass.Warp);
        (i.Destination, i.A, i.B, i.C, i.D, i.Immediate, i.Flags) = (destination, a, b, c, members, (int)mode, p);
    }

    static void LowerVote(Lowering context, PtxInstruction instruction)
    {
        delegate*<Warp, Instruction*, uint, void> handler = instruction.Mnemonic switch
        {
            "vote.sync.all.pred" => &All,
            "vote.sync.any.pred" => &Any,
            "vote.sync.uni.pred" => &Uniform,
            "vote.sync.ballot.b32" => &Ballot,
            _ => throw context.Unknown(),
        };
        bool isBallot = instruction.Modifiers[1] == "ballot";
        int destination = context.Destination(0, isBallot ? PtxType.B32 : PtxType.Pred), members = context.Source(2, PtxType.B32);
        (int a, uint flip) = context.Predicate(context.Operand(1));
        ref Instruction i = ref context.Emit(handler, InstructionClass.Warp);
        (i.Destination, i.A, i.D, i.Immediate) = (destination, a, members, flip);
    }

    static void LowerMatch(Lowering context, PtxInstruction instruction)
    {
        (bool isAll, bool isWide) = instruction.Mnemonic switch
        {
            "match.any.sync.b32" => (false, false),
            "match.any.sync.b64" => (false, true),
            "match.all.sync.b32" => (true, false),
            "match.all.sync.b64" => (true, true),
            _ => throw context.Unknown(),
        };
        (PtxOperand value, PtxOperand? predicate) = context.Operand(0) is PtxPair pair
            ? (pair.First, pair.Second)
            : (context.Operand(0), null);
        int destination = context.DestinationOrSink(value, PtxType.B32),
            p = predicate is null ? -1 : context.DestinationOrSink(predicate, PtxType.Pred);
        int a = context.Source(1, isWide ? PtxType.B64 : PtxType.B32), members = context.Source(2, PtxType.B32);
        ref Instruction i = ref context.Emit(&Match, InstructionClass.Warp);
        (i.Destination, i.A, i.B, i.C, i.D, i.Flags) = (destination, a, isWide ? 8 : 4, isAll ? 1 : 0, members, p);
    }

    static void LowerReduce(Lowering context, PtxInstruction instruction)
    {
        delegate*<Warp, Instruction*, uint, void> handler = instruction.Mnemonic switch
        {
            "redux.sync.add.u32" or "redux.sync.add.s32" => &Reduce<uint, Sum>,
            "redux.sync.min.u32" => &Reduce<uint, Least<uint>>,
            "redux.sync.min.s32" => &Reduce<int, Least<int>>,
            "redux.sync.max.u32" => &Reduce<uint, Greatest<uint>>,
            "redux.sync.max.s32" => &Reduce<int, Greatest<int>>,
            "redux.sync.and.b32" => &Reduce<uint, And>,
            "redux.sync.or.b32" => &Reduce<uint, Or>,
            "redux.sync.xor.b32" => &Reduce<uint, Xor>,
            _ => throw context.Unknown(),
        };
        int destination = context.Destination(0, PtxType.B32), a = context.Source(1, PtxType.B32), members = context.Source(2, PtxType.B32);
        ref Instruction i = ref context.Emit(handler, InstructionClass.Warp);
        (i.Destination, i.A, i.D) = (destination, a, members);
    }

    /// <summary>Executes an instruction for each group of lanes of one member mask in turn. Every lane must name itself, and all lanes that
    /// it names must be here with the same mask, except those that have exited (PTX ISA, "shfl.sync": it waits for non-exited threads
    /// only).</summary>
    public static void InGroups(Warp warp, Instruction* i, uint mask, delegate*<Warp, Instruction*, uint, void> execute)
    {
        uint* members = warp.Words(i->D);
        if (mask == uint.MaxValue && Lanes.AreAll(members, uint.MaxValue))
        {
            execute(warp, i, mask);
            return;
        }
        for (uint rest = mask; rest != 0;)
        {
            int first = BitOperations.TrailingZeroCount(rest);
            uint group = Group(rest, members, members[first]);
            RequireWhole(warp, i, mask, group, members[first]);
            execute(warp, i, group);
            rest &= ~group;
        }
    }

    static uint Group(uint mask, uint* members, uint common)
    {
        uint group = 0;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            group |= members[lane] == common ? 1u << lane : 0;
        }
        return group;
    }

    static void RequireWhole(Warp warp, Instruction* i, uint mask, uint group, uint members)
    {
        int first = BitOperations.TrailingZeroCount(group);
        if ((group & ~members) is var unnamed && unnamed != 0)
        {
            int lane = BitOperations.TrailingZeroCount(unnamed);
            throw warp.Fault(i, FaultKind.WrongShuffle,
                $"lane {lane} executes with member mask 0x{members:x8}, which does not name it", lane);
        }
        uint absent = members & warp.Alive & ~group;
        if ((absent & mask) is var others && others != 0)
        {
            int lane = BitOperations.TrailingZeroCount(others);
            throw warp.Fault(i, FaultKind.WrongShuffle,
                $"lanes {first} and {lane} have different member masks, 0x{members:x8} and 0x{warp.Words(i->D)[lane]:x8}", lane);
        }
        if (absent != 0)
            throw warp.Fault(i, FaultKind.WrongShuffle,
                $"member mask 0x{members:x8} names lanes 0x{absent:x8}, which are not at this instruction",
                BitOperations.TrailingZeroCount(absent));
    }

    static void Exchange(Warp warp, Instruction* i, uint mask) => InGroups(warp, i, mask, &ExchangeGroup);

    static void ExchangeGroup(Warp warp, Instruction* i, uint mask)
    {
        uint found = 0, lost = 0, undefined = warp.Undefined(i->A);
        uint* a = warp.Words(i->A), b = warp.Words(i->B), c = warp.Words(i->C), values = stackalloc uint[Warp.Lanes];
        if (mask == uint.MaxValue && (Shuffle)i->Immediate == Shuffle.Butterfly && i->Destination >= 0 && i->Flags < 0
            && !warp.HasUndefined && Lanes.AreAll(c, 31) && Lanes.AreAll(b, b[0]))
        {
            // The step of a reduction over the warp: every lane finds its partner.
            for (uint lane = 0; lane < Warp.Lanes; lane++)
                values[lane] = a[lane ^ (b[0] & 31)];
            new Span<uint>(values, Warp.Lanes).CopyTo(new Span<uint>(warp.Words(i->Destination), Warp.Lanes));
            return;
        }
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest), by = (int)(b[lane] & 31), clamp = (int)(c[lane] & 31),
                segment = (int)(c[lane] >> 8 & 31);
            int most = (lane & segment) | (clamp & ~segment), least = lane & segment;
            (int from, bool isInside) = (Shuffle)i->Immediate switch
            {
                Shuffle.Up => (lane - by, lane - by >= most),
                Shuffle.Down => (lane + by, lane + by <= most),
                Shuffle.Butterfly => (lane ^ by, (lane ^ by) <= most),
                _ => (least | (by & ~segment), (least | (by & ~segment)) <= most),
            };
            if (!isInside)
                from = lane;
            else
                found |= 1u << lane;
            // What comes from a lane that does not take part is undefined.
            bool isHere = (mask >> from & 1) != 0;
            values[lane] = isHere ? a[from] : Undefined;
            lost |= isHere && (undefined >> from & 1) == 0 ? 0 : 1u << lane;
        }
        if (i->Destination >= 0)
        {
            for (uint rest = mask; rest != 0; rest &= rest - 1)
            {
                int lane = BitOperations.TrailingZeroCount(rest);
                warp.Words(i->Destination)[lane] = values[lane];
            }
            if (lost != 0 || warp.HasUndefined)
                warp.SetUndefined(i->Destination, lost, mask);
        }
        if (i->Flags >= 0)
            LogicInstructions.SetPredicate(warp, i->Flags, found, mask);
    }

    static uint Votes(Warp warp, Instruction* i, uint group) => (*warp.Words(i->A) ^ (uint)i->Immediate) & group;

    static void All(Warp warp, Instruction* i, uint mask) => InGroups(warp, i, mask, &AllOfGroup);

    static void AllOfGroup(Warp warp, Instruction* i, uint group) =>
        LogicInstructions.SetPredicate(warp, i->Destination, Votes(warp, i, group) == group ? uint.MaxValue : 0, group);

    static void Any(Warp warp, Instruction* i, uint mask) => InGroups(warp, i, mask, &AnyOfGroup);

    static void AnyOfGroup(Warp warp, Instruction* i, uint group) =>
        LogicInstructions.SetPredicate(warp, i->Destination, Votes(warp, i, group) != 0 ? uint.MaxValue : 0, group);

    static void Uniform(Warp warp, Instruction* i, uint mask) => InGroups(warp, i, mask, &UniformOfGroup);

    static void UniformOfGroup(Warp warp, Instruction* i, uint group)
    {
        uint votes = Votes(warp, i, group);
        LogicInstructions.SetPredicate(warp, i->Destination, votes == group || votes == 0 ? uint.MaxValue : 0, group);
    }

    static void Ballot(Warp warp, Instruction* i, uint mask) => InGroups(warp, i, mask, &BallotOfGroup);

    static void BallotOfGroup(Warp warp, Instruction* i, uint group) => Fill(warp, i->Destination, Votes(warp, i, group), group);

    static void ActiveMask(Warp warp, Instruction* i, uint mask) => Fill(warp, i->Destination, mask, mask);

    static void Match(Warp warp, Instruction* i, uint mask) => InGroups(warp, i, mask, &MatchGroup);

    static void MatchGroup(Warp warp, Instruction* i, uint mask)
    {
        uint same = 0;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            uint equal = 0;
            for (uint others = mask; others != 0; others &= others - 1)
            {
                int other = BitOperations.TrailingZeroCount(others);
                bool isEqual = i->B == 8
                    ? warp.Longs(i->A)[lane] == warp.Longs(i->A)[other]
                    : warp.Words(i->A)[lane] == warp.Words(i->A)[other];
                equal |= isEqual ? 1u << other : 0;
            }
            same |= equal == mask ? 1u << lane : 0;
            if (i->Destination >= 0)
                warp.Words(i->Destination)[lane] = i->C == 0 || equal == mask ? equal : 0;
        }
        if (i->Flags >= 0)
            LogicInstructions.SetPredicate(warp, i->Flags, same, mask);
    }

    static void Fill(Warp warp, int register, uint value, uint mask)
    {
        for (uint rest = mask; rest != 0; rest &= rest - 1)
            warp.Words(register)[BitOperations.TrailingZeroCount(rest)] = value;
    }

    static void Reduce<T, TOperation>(Warp warp, Instruction* i, uint mask)
        where T : unmanaged where TOperation : struct, IBinary<T, T, T> =>
        InGroups(warp, i, mask, &ReduceGroup<T, TOperation>);

    static void ReduceGroup<T, TOperation>(Warp warp, Instruction* i, uint mask)
        where T : unmanaged where TOperation : struct, IBinary<T, T, T>
    {
        T* a = (T*)warp.Words(i->A);
        T result = a[BitOperations.TrailingZeroCount(mask)];
        for (uint rest = mask & (mask - 1); rest != 0; rest &= rest - 1)
            result = TOperation.Apply(result, a[BitOperations.TrailingZeroCount(rest)]);
        Fill(warp, i->Destination, *(uint*)&result, mask);
    }

    readonly struct Sum : IBinary<uint, uint, uint>
    {
        public static uint Apply(uint a, uint b) => a + b;
    }

    readonly struct Least<T> : IBinary<T, T, T> where T : INumber<T>
    {
        public static T Apply(T a, T b) => T.Min(a, b);
    }

    readonly struct Greatest<T> : IBinary<T, T, T> where T : INumber<T>
    {
        public static T Apply(T a, T b) => T.Max(a, b);
    }

    readonly struct And : IBinary<uint, uint, uint>
    {
        public static uint Apply(uint a, uint b) => a & b;
    }

    readonly struct Or : IBinary<uint, uint, uint>
    {
        public static uint Apply(uint a, uint b) => a | b;
    }

    readonly struct Xor : IBinary<uint, uint, uint>
    {
        public static uint Apply(uint a, uint b) => a ^ b;
    }
}
