using System.Numerics;
using System.Runtime.Intrinsics;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Logic, shifts and counts of bits (PTX ISA, "Logic and Shift Instructions" and the bit operations of "Integer
/// Arithmetic").</summary>
static unsafe class LogicInstructions
{
    public static IEnumerable<InstructionFamily> Families =>
    [
        new("and", "and.{pred|b16|b32|b64} d, a, b", LowerTwo),
        new("or", "or.{pred|b16|b32|b64} d, a, b", LowerTwo),
        new("xor", "xor.{pred|b16|b32|b64} d, a, b", LowerTwo),
        new("not", "not.{pred|b16|b32|b64} d, a", LowerOne),
        new("popc", "popc.{b32|b64} d, a", LowerOne),
        new("clz", "clz.{b32|b64} d, a", LowerOne),
        new("brev", "brev.{b32|b64} d, a", LowerOne),
        new("bfind", "bfind{.shiftamt}.{u|s}{32|64} d, a", LowerOne),
        new("shl", "shl.{b16|b32|b64} d, a, b", LowerTwo),
        new("shr", "shr.{b|u|s}{16|32|64} d, a, b", LowerTwo),
        new("shf", "shf.{l|r}.{clamp|wrap}.b32 d, a, b, c", LowerFunnelShift),
        new("lop3", "lop3.b32 d, a, b, c, table", LowerLookup),
    ];

    static void LowerOne(Lowering context, PtxInstruction instruction)
    {
        if (instruction.Mnemonic == "not.pred")
        {
            (int source, uint flip) = context.Predicate(context.Operand(1));
            Predicates(context, &NotPredicate, context.Destination(0, PtxType.Pred), source, flip, source, 0);
            return;
        }
        PtxType type = instruction.Modifiers.Count > 0 ? PtxTypes.Parse(instruction.Modifiers[^1]) : PtxType.None;
        delegate*<Warp, Instruction*, uint, void> handler = instruction.Mnemonic switch
        {
            "not.b16" or "not.b32" => &Lanes.Unary<uint, uint, Not<uint>>,
            "not.b64" => &Lanes.Unary<ulong, ulong, Not<ulong>>,
            "popc.b32" => &Lanes.Unary<uint, uint, Ones<uint>>,
            "popc.b64" => &Lanes.Unary<ulong, uint, Ones<ulong>>,
            "clz.b32" => &Lanes.Unary<uint, uint, LeadingZeros<uint>>,
            "clz.b64" => &Lanes.Unary<ulong, uint, LeadingZeros<ulong>>,
            "brev.b32" => &Lanes.Unary<uint, uint, Reverse32>,
            "brev.b64" => &Lanes.Unary<ulong, ulong, Reverse64>,
            "bfind.u32" => &Lanes.Unary<uint, uint, Highest<uint>>,
            "bfind.s32" => &Lanes.Unary<int, uint, HighestSigned<int>>,
            "bfind.u64" => &Lanes.Unary<ulong, uint, Highest<ulong>>,
            "bfind.s64" => &Lanes.Unary<long, uint, HighestSigned<long>>,
            "bfind.shiftamt.u32" => &Lanes.Unary<uint, uint, ShiftToHighest<uint>>,
            "bfind.shiftamt.s32" => &Lanes.Unary<int, uint, ShiftToHighestSigned<int>>,
            "bfind.shiftamt.s64" => &Lanes.Unary<long, uint, ShiftToHighestSigned<long>>,
            "bfind.shiftamt.u64" => &Lanes.Unary<ulong, uint, ShiftToHighest<ulong>>,
            _ => throw context.Unknown(),
        };
        bool counts = instruction.Opcode is "popc" or "clz" or "bfind";
        int destination = context.Destination(0, counts ? PtxType.U32 : type), a = context.Source(1, type);
        ref Instruction i = ref context.Emit(handler, InstructionClass.Integer);
        (i.Destination, i.A) = (destination, a);
    }

    static void LowerTwo(Lowering context, PtxInstruction instruction)
    {
        if (instruction.Modifiers is ["pred"])
        {
            (int a, uint flipA) = context.Predicate(context.Operand(1));
            (int b, uint flipB) = context.Predicate(context.Operand(2));
            delegate*<Warp, Instruction*, uint, void> logic = instruction.Opcode switch
            {
                "and" => &AndPredicates,
                "or" => &OrPredicates,
                "xor" => &XorPredicates,
                _ => throw context.Unknown(),
            };
            Predicates(context, logic, context.Destination(0, PtxType.Pred), a, flipA, b, flipB);
            return;
        }
        PtxType type = instruction.Modifiers.Count == 1 ? PtxTypes.Parse(instruction.Modifiers[0]) : PtxType.None;
        delegate*<Warp, Instruction*, uint, void> handler = instruction.Mnemonic switch
        {
            "and.b16" or "and.b32" => &Lanes.VectorBinary<uint, AndV<uint>>,
            "and.b64" => &Lanes.VectorBinary<ulong, AndV<ulong>>,
            "or.b16" or "or.b32" => &Lanes.VectorBinary<uint, OrV<uint>>,
            "or.b64" => &Lanes.VectorBinary<ulong, OrV<ulong>>,
            "xor.b16" or "xor.b32" => &Lanes.VectorBinary<uint, XorV<uint>>,
            "xor.b64" => &Lanes.VectorBinary<ulong, XorV<ulong>>,
            "shl.b16" => &Lanes.Binary<ushort, uint, ushort, LeftU16>,
            "shl.b32" => &Lanes.Binary<uint, uint, uint, LeftU32>,
            "shl.b64" => &Lanes.Binary<ulong, uint, ulong, LeftU64>,
            "shr.b16" or "shr.u16" => &Lanes.Binary<ushort, uint, ushort, RightU16>,
            "shr.b32" or "shr.u32" => &Lanes.Binary<uint, uint, uint, RightU32>,
            "shr.b64" or "shr.u64" => &Lanes.Binary<ulong, uint, ulong, RightU64>,
            "shr.s16" => &Lanes.Binary<short, uint, short, RightS16>,
            "shr.s32" => &Lanes.Binary<int, uint, int, RightS32>,
            "shr.s64" => &Lanes.Binary<long, uint, long, RightS64>,
            _ => throw context.Unknown(),
        };
        bool isShift = instruction.Opcode is "shl" or "shr";
        int destination = context.Destination(0, type), first = context.Source(1, type),
            second = context.Source(2, isShift ? PtxType.U32 : type);
        ref Instruction i = ref context.Emit(handler, InstructionClass.Integer);
        (i.Destination, i.A, i.B) = (destination, first, second);
    }

    static void LowerFunnelShift(Lowering context, PtxInstruction instruction)
    {
        delegate*<Warp, Instruction*, uint, void> handler = instruction.Mnemonic switch
        {
            "shf.l.wrap.b32" => &Lanes.Ternary<uint, uint, uint, FunnelLeftWrap>,
            "shf.l.clamp.b32" => &Lanes.Ternary<uint, uint, uint, FunnelLeftClamp>,
            "shf.r.wrap.b32" => &Lanes.Ternary<uint, uint, uint, FunnelRightWrap>,
            "shf.r.clamp.b32" => &Lanes.Ternary<uint, uint, uint, FunnelRightClamp>,
            _ => throw context.Unknown(),
        };
        int destination = context.Destination(0, PtxType.B32), a = context.Source(1, PtxType.B32), b = context.Source(2, PtxType.B32),
            c = context.Source(3, PtxType.B32);
        ref Instruction i = ref context.Emit(handler, InstructionClass.Integer);
        (i.Destination, i.A, i.B, i.C) = (destination, a, b, c);
    }

    static void LowerLookup(Lowering context, PtxInstruction instruction)
    {
        if (instruction.Mnemonic != "lop3.b32"
            || context.Operand(4) is not PtxConstant { Kind: PtxConstantKind.Integer, Bits: <= 255 } table)
            throw context.Unknown();
        int destination = context.Destination(0, PtxType.B32), a = context.Source(1, PtxType.B32), b = context.Source(2, PtxType.B32),
            c = context.Source(3, PtxType.B32);
        ref Instruction i = ref context.Emit(&Lookup, InstructionClass.Integer);
        (i.Destination, i.A, i.B, i.C, i.Immediate) = (destination, a, b, c, (long)table.Bits);
    }

    static void Predicates(Lowering context, delegate*<Warp, Instruction*, uint, void> handler, int destination, int a, uint flipA, int b,
        uint flipB)
    {
        ref Instruction i = ref context.Emit(handler, InstructionClass.Predicate);
        (i.Destination, i.A, i.B, i.C, i.D) = (destination, a, b, (int)flipA, (int)flipB);
    }

    static uint FirstOf(Warp warp, Instruction* i) => *warp.Words(i->A) ^ (uint)i->C;

    static uint SecondOf(Warp warp, Instruction* i) => *warp.Words(i->B) ^ (uint)i->D;

    /// <summary>Sets a predicate in the lanes of a mask.</summary>
    public static void SetPredicate(Warp warp, int register, uint value, uint mask)
    {
        uint* predicate = warp.Words(register);
        *predicate = (*predicate & ~mask) | (value & mask);
    }

    static void NotPredicate(Warp warp, Instruction* i, uint mask) => SetPredicate(warp, i->Destination, ~FirstOf(warp, i), mask);

    static void AndPredicates(Warp warp, Instruction* i, uint mask) =>
        SetPredicate(warp, i->Destination, FirstOf(warp, i) & SecondOf(warp, i), mask);

    static void OrPredicates(Warp warp, Instruction* i, uint mask) =>
        SetPredicate(warp, i->Destination, FirstOf(warp, i) | SecondOf(warp, i), mask);

    static void XorPredicates(Warp warp, Instruction* i, uint mask) =>
        SetPredicate(warp, i->Destination, FirstOf(warp, i) ^ SecondOf(warp, i), mask);

    static void Lookup(Warp warp, Instruction* i, uint mask)
    {
        uint* d = warp.Words(i->Destination), a = warp.Words(i->A), b = warp.Words(i->B), c = warp.Words(i->C);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            uint x = a[lane], y = b[lane], z = c[lane], result = 0;
            for (int t = 0; t < 8; t++)
            {
                if ((i->Immediate >> t & 1) != 0)
                    result |= ((t & 4) != 0 ? x : ~x) & ((t & 2) != 0 ? y : ~y) & ((t & 1) != 0 ? z : ~z);
            }
            d[lane] = result;
        }
    }

    readonly struct AndV<T> : IVectorBinary<T>
    {
        public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a & b;
    }

    readonly struct OrV<T> : IVectorBinary<T>
    {
        public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a | b;
    }

    readonly struct XorV<T> : IVectorBinary<T>
    {
        public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a ^ b;
    }

    readonly struct Not<T> : IUnary<T, T> where T : IBinaryInteger<T>
    {
        public static T Apply(T a) => ~a;
    }

    readonly struct Ones<T> : IUnary<T, uint> where T : IBinaryInteger<T>
    {
        public static uint Apply(T a) => uint.CreateTruncating(T.PopCount(a));
    }

    readonly struct LeadingZeros<T> : IUnary<T, uint> where T : IBinaryInteger<T>
    {
        public static uint Apply(T a) => uint.CreateTruncating(T.LeadingZeroCount(a));
    }

    readonly struct Reverse32 : IUnary<uint, uint>
    {
        public static uint Apply(uint a)
        {
            uint result = 0;
            for (int bit = 0; bit < 32; bit++)
                result |= (a >> bit & 1) << (31 - bit);
            return result;
        }
    }

    readonly struct Reverse64 : IUnary<ulong, ulong>
    {
        public static ulong Apply(ulong a) => ((ulong)Reverse32.Apply((uint)a) << 32) | Reverse32.Apply((uint)(a >> 32));
    }

    /// <summary>Place of the highest one; all ones when there is none.</summary>
    readonly struct Highest<T> : IUnary<T, uint> where T : unmanaged, IBinaryInteger<T>
    {
        public static uint Apply(T a) =>
            T.IsZero(a) ? uint.MaxValue : ((uint)sizeof(T) * 8) - 1 - uint.CreateTruncating(T.LeadingZeroCount(a));
    }

    /// <summary>Place of the highest bit that differs from the sign.</summary>
    readonly struct HighestSigned<T> : IUnary<T, uint> where T : unmanaged, IBinaryInteger<T>
    {
        public static uint Apply(T a) => Highest<T>.Apply(T.IsNegative(a) ? ~a : a);
    }

    /// <summary>By how much to shift left so that the highest one comes to the top.</summary>
    readonly struct ShiftToHighest<T> : IUnary<T, uint> where T : unmanaged, IBinaryInteger<T>
    {
        public static uint Apply(T a) => T.IsZero(a) ? uint.MaxValue : uint.CreateTruncating(T.LeadingZeroCount(a));
    }

    /// <inheritdoc cref="ShiftToHighest{T}"/>
    readonly struct ShiftToHighestSigned<T> : IUnary<T, uint> where T : unmanaged, IBinaryInteger<T>
    {
        public static uint Apply(T a) => ShiftToHighest<T>.Apply(T.IsNegative(a) ? ~a : a);
    }

    readonly struct LeftU16 : IBinary<ushort, uint, ushort>
    {
        public static ushort Apply(ushort a, uint b) => b > 15 ? (ushort)0 : (ushort)(a << (int)b);
    }

    readonly struct LeftU32 : IBinary<uint, uint, uint>
    {
        public static uint Apply(uint a, uint b) => b > 31 ? 0 : a << (int)b;
    }

    readonly struct LeftU64 : IBinary<ulong, uint, ulong>
    {
        public static ulong Apply(ulong a, uint b) => b > 63 ? 0 : a << (int)b;
    }

    readonly struct RightU16 : IBinary<ushort, uint, ushort>
    {
        public static ushort Apply(ushort a, uint b) => b > 15 ? (ushort)0 : (ushort)(a >> (int)b);
    }

    readonly struct RightU32 : IBinary<uint, uint, uint>
    {
        public static uint Apply(uint a, uint b) => b > 31 ? 0 : a >> (int)b;
    }

    readonly struct RightU64 : IBinary<ulong, uint, ulong>
    {
        public static ulong Apply(ulong a, uint b) => b > 63 ? 0 : a >> (int)b;
    }

    readonly struct RightS16 : IBinary<short, uint, short>
    {
        public static short Apply(short a, uint b) => (short)(a >> (int)Math.Min(b, 15));
    }

    readonly struct RightS32 : IBinary<int, uint, int>
    {
        public static int Apply(int a, uint b) => a >> (int)Math.Min(b, 31);
    }

    readonly struct RightS64 : IBinary<long, uint, long>
    {
        public static long Apply(long a, uint b) => a >> (int)Math.Min(b, 63);
    }

    /// <summary>The high word of [b:a] shifted left.</summary>
    readonly struct FunnelLeftWrap : ITernary<uint, uint, uint>
    {
        public static uint Apply(uint a, uint b, uint c) => (uint)(((((ulong)b << 32) | a) << (int)(c & 31)) >> 32);
    }

    readonly struct FunnelLeftClamp : ITernary<uint, uint, uint>
    {
        public static uint Apply(uint a, uint b, uint c) => c >= 32 ? a : FunnelLeftWrap.Apply(a, b, c);
    }

    /// <summary>The low word of [b:a] shifted right.</summary>
    readonly struct FunnelRightWrap : ITernary<uint, uint, uint>
    {
        public static uint Apply(uint a, uint b, uint c) => (uint)((((ulong)b << 32) | a) >> (int)(c & 31));
    }

    readonly struct FunnelRightClamp : ITernary<uint, uint, uint>
    {
        public static uint Apply(uint a, uint b, uint c) => c >= 32 ? b : FunnelRightWrap.Apply(a, b, c);
    }
}
