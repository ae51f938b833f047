using System.Numerics;
using System.Runtime.Intrinsics;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Comparison and selection (PTX ISA, "Comparison and Selection Instructions"). A comparison is made of four questions, less,
/// equal, greater, unordered, and of a choice among them.</summary>
static unsafe class CompareInstructions
{
    /// <summary>Which outcomes make a comparison true; in the low bits of <see cref="Instruction.Immediate"/>.</summary>
    [Flags]
    enum Outcome
    {
        Less = 1,
        Equal = 2,
        Greater = 4,
        Unordered = 8,
    }

    enum Combination
    {
        None,
        And,
        Or,
        Xor,
    }

    public static IEnumerable<InstructionFamily> Families =>
    [
        new("setp", "setp.cmp{.and|.or|.xor}{.ftz}.type p{|q}, a, b{, {!}c}; cmp: eq ne lt le gt ge lo ls hi hs equ neu ltu leu gtu geu "
            + "num nan; type: b|u|s 16|32|64, f16, bf16, f32, f64", LowerPredicate),
        new("set", "set.cmp{.and|.or|.xor}{.ftz}.{u32|s32|f32}.type d, a, b{, {!}c}", LowerSet),
        new("selp", "selp.{b|u|s}{16|32|64}, selp.f32, selp.f64 d, a, b, p", LowerSelect),
    ];

    static Outcome Parse(Lowering context, string word, PtxType type)
    {
        bool isFloat = type is PtxType.F32 or PtxType.F64 or PtxType.F16 or PtxType.BF16;
        return word switch
        {
            "eq" => Outcome.Equal,
            "ne" => Outcome.Less | Outcome.Greater,
            "lt" => Outcome.Less,
            "le" => Outcome.Less | Outcome.Equal,
            "gt" => Outcome.Greater,
            "ge" => Outcome.Greater | Outcome.Equal,
            "lo" when !isFloat => Outcome.Less,
            "ls" when !isFloat => Outcome.Less | Outcome.Equal,
            "hi" when !isFloat => Outcome.Greater,
            "hs" when !isFloat => Outcome.Greater | Outcome.Equal,
            "equ" when isFloat => Outcome.Equal | Outcome.Unordered,
            "neu" when isFloat => Outcome.Less | Outcome.Greater | Outcome.Unordered,
            "ltu" when isFloat => Outcome.Less | Outcome.Unordered,
            "leu" when isFloat => Outcome.Less | Outcome.Equal | Outcome.Unordered,
            "gtu" when isFloat => Outcome.Greater | Outcome.Unordered,
            "geu" when isFloat => Outcome.Greater | Outcome.Equal | Outcome.Unordered,
            "num" when isFloat => Outcome.Less | Outcome.Equal | Outcome.Greater,
            "nan" when isFloat => Outcome.Unordered,
            _ => throw context.Unknown(),
        };
    }

    static delegate*<Warp, Instruction*, uint, void> Handler(Lowering context, PtxType type) => type switch
    {
        PtxType.U32 or PtxType.B32 => &Compare<uint>,
        PtxType.S32 => &Compare<int>,
        PtxType.U64 or PtxType.B64 => &Compare<ulong>,
        PtxType.S64 => &Compare<long>,
        PtxType.F32 => &Compare<float>,
        PtxType.F64 => &Compare<double>,
        PtxType.U16 or PtxType.B16 => &CompareNarrow<ushort>,
        PtxType.S16 => &CompareNarrow<short>,
        PtxType.F16 => &CompareNarrow<Half>,
        PtxType.BF16 => &CompareBrain,
        _ => throw context.Unknown(),
    };

    static void LowerPredicate(Lowering context, PtxInstruction instruction)
    {
        List<string> words = [.. instruction.Modifiers];
        bool flush = words.Remove("ftz");
        PtxType type = words.Count > 0 ? PtxTypes.Parse(words[^1]) : PtxType.None;
        delegate*<Warp, Instruction*, uint, void> handler = Handler(context, type);
        if (type == PtxType.BF16)
            context.Require(90);
        Combination combination = words.Count == 3 ? Combined(context, words[1]) : words.Count == 2 ? Combination.None
            : throw context.Unknown();
        Outcome outcome = Parse(context, words[0], type);
        (PtxOperand first, PtxOperand? second) = context.Operand(0) is PtxPair pair
            ? (pair.First, pair.Second)
            : (context.Operand(0), null);
        int p = context.DestinationOrSink(first, PtxType.Pred), q = second is null ? -1 : context.DestinationOrSink(second, PtxType.Pred);
        (int a, int b) = Operands(context, 1, type, flush);
        (int c, uint flip) = combination == Combination.None ? (-1, 0) : context.Predicate(context.Operand(3));
        ref Instruction i = ref context.Emit(handler, InstructionClass.Predicate);
        (i.Destination, i.A, i.B, i.C, i.D) = (p, a, b, c, q);
        i.Immediate = Choice(outcome, combination, flip);
    }

    static long Choice(Outcome outcome, Combination combination, uint flip) =>
        (uint)outcome | ((uint)combination << 8) | ((long)flip << 32);

    static Combination Combined(Lowering context, string word) => word switch
    {
        "and" => Combination.And,
        "or" => Combination.Or,
        "xor" => Combination.Xor,
        _ => throw context.Unknown(),
    };

    static (int A, int B) Operands(Lowering context, int first, PtxType type, bool flush)
    {
        int a = context.Source(first, type), b = context.Source(first + 1, type);
        if (!flush || type != PtxType.F32)
            return (a, b);
        int x = context.Scratch(0), y = context.Scratch(1);
        Flush(context, x, a);
        Flush(context, y, b);
        return (x, y);
    }

    static void Flush(Lowering context, int to, int from)
    {
        ref Instruction i = ref context.Emit(&Lanes.Unary<float, float, FloatInstructions.Flush>, InstructionClass.Part);
        (i.Destination, i.A) = (to, from);
    }

    static void LowerSet(Lowering context, PtxInstruction instruction)
    {
        List<string> words = [.. instruction.Modifiers];
        bool flush = words.Remove("ftz");
        if (words.Count is not (3 or 4) || words[^2] is not ("u32" or "s32" or "f32"))
            throw context.Unknown();
        PtxType type = PtxTypes.Parse(words[^1]);
        Combination combination = words.Count == 4 ? Combined(context, words[1]) : Combination.None;
        (int c, uint flip) = combination == Combination.None ? (-1, 0) : context.Predicate(context.Operand(3));
        delegate*<Warp, Instruction*, uint, void> handler = Handler(context, type);
        Outcome outcome = Parse(context, words[0], type);
        int destination = context.Destination(0, PtxTypes.Parse(words[^2])), predicate = context.ScratchPredicate();
        (int a, int b) = Operands(context, 1, type, flush);
        ref Instruction compare = ref context.Emit(handler, InstructionClass.Predicate);
        (compare.Destination, compare.A, compare.B, compare.C, compare.Immediate) =
            (predicate, a, b, c, Choice(outcome, combination, flip));
        Select(context, destination, context.Constant(words[^2] == "f32" ? BitConverter.SingleToUInt32Bits(1) : uint.MaxValue, false),
            context.Constant(0, false), predicate, 0, PtxType.B32, InstructionClass.Part);
    }

    static void LowerSelect(Lowering context, PtxInstruction instruction)
    {
        PtxType type = instruction.Modifiers.Count == 1 ? PtxTypes.Parse(instruction.Modifiers[0]) : PtxType.None;
        if (PtxTypes.SizeOf(type) is not (2 or 4 or 8))
            throw context.Unknown();
        (int p, uint flip) = context.Predicate(context.Operand(3));
        Select(context, context.Destination(0, type), context.Source(1, type), context.Source(2, type), p, flip, type,
            InstructionClass.Move);
    }

    static void Select(Lowering context, int destination, int a, int b, int p, uint flip, PtxType type, InstructionClass counted)
    {
        ref Instruction i = ref context.Emit(PtxTypes.SizeOf(type) == 8 ? &Select<ulong> : &Select<uint>, counted);
        (i.Destination, i.A, i.B, i.C, i.Immediate) = (destination, a, b, p, flip);
    }

    static void Compare<T>(Warp warp, Instruction* i, uint mask) where T : unmanaged
    {
        T* a = (T*)(warp.Registers + i->A), b = (T*)(warp.Registers + i->B);
        var outcome = (Outcome)(i->Immediate & 15);
        uint less = 0, equal = 0, greater = 0;
        for (int lane = 0; lane < Warp.Lanes; lane += Vector256<T>.Count)
        {
            Vector256<T> x = Vector256.Load(a + lane), y = Vector256.Load(b + lane);
            less |= Vector256.LessThan(x, y).ExtractMostSignificantBits() << lane;
            equal |= Vector256.Equals(x, y).ExtractMostSignificantBits() << lane;
            greater |= Vector256.GreaterThan(x, y).ExtractMostSignificantBits() << lane;
        }
        Write(warp, i, mask, Choose(outcome, less, equal, greater));
    }

    static void CompareNarrow<T>(Warp warp, Instruction* i, uint mask) where T : unmanaged, INumber<T>
    {
        byte* a = warp.Registers + i->A, b = warp.Registers + i->B;
        uint less = 0, equal = 0, greater = 0;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            T x = *(T*)(a + (4 * lane)), y = *(T*)(b + (4 * lane));
            less |= x < y ? 1u << lane : 0;
            equal |= x == y ? 1u << lane : 0;
            greater |= x > y ? 1u << lane : 0;
        }
        Write(warp, i, mask, Choose((Outcome)(i->Immediate & 15), less, equal, greater));
    }

    static void CompareBrain(Warp warp, Instruction* i, uint mask)
    {
        uint* a = warp.Words(i->A), b = warp.Words(i->B);
        uint less = 0, equal = 0, greater = 0;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            double x = FloatFormat.Widen(PtxType.BF16, a[lane]), y = FloatFormat.Widen(PtxType.BF16, b[lane]);
            less |= x < y ? 1u << lane : 0;
            equal |= x == y ? 1u << lane : 0;
            greater |= x > y ? 1u << lane : 0;
        }
        Write(warp, i, mask, Choose((Outcome)(i->Immediate & 15), less, equal, greater));
    }

    static uint Choose(Outcome outcome, uint less, uint equal, uint greater)
    {
        uint result = 0;
        if ((outcome & Outcome.Less) != 0)
            result |= less;
        if ((outcome & Outcome.Equal) != 0)
            result |= equal;
        if ((outcome & Outcome.Greater) != 0)
            result |= greater;
        if ((outcome & Outcome.Unordered) != 0)
            result |= ~(less | equal | greater);
        return result;
    }

    /// <summary>p becomes the comparison combined with c, q its negation combined with c.</summary>
    static void Write(Warp warp, Instruction* i, uint mask, uint result)
    {
        uint other = ~result, c = i->C < 0 ? 0 : *warp.Words(i->C) ^ (uint)(i->Immediate >> 32);
        (result, other) = (Combination)(i->Immediate >> 8 & 3) switch
        {
            Combination.And => (result & c, other & c),
            Combination.Or => (result | c, other | c),
            Combination.Xor => (result ^ c, other ^ c),
            _ => (result, other),
        };
        if (i->Destination >= 0)
            LogicInstructions.SetPredicate(warp, i->Destination, result, mask);
        if (i->D >= 0)
            LogicInstructions.SetPredicate(warp, i->D, other, mask);
    }

    static void Select<T>(Warp warp, Instruction* i, uint mask) where T : unmanaged
    {
        T* d = (T*)(warp.Registers + i->Destination), a = (T*)(warp.Registers + i->A), b = (T*)(warp.Registers + i->B);
        uint chosen = *warp.Words(i->C) ^ (uint)i->Immediate;
        for (int lane = 0; lane < Warp.Lanes; lane += Vector256<T>.Count)
            Lanes.Store(d + lane, Vector256.ConditionalSelect(Lanes.Selected<T>(chosen >> lane), Vector256.Load(a + lane),
                Vector256.Load(b + lane)), mask, lane);
    }
}
