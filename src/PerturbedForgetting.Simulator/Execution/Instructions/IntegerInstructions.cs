using System.Numerics;
using System.Runtime.Intrinsics;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Integer arithmetic (PTX ISA, "Integer Arithmetic Instructions"). The opcodes shared with floating point are registered by
/// <see cref="ArithmeticInstructions"/>.</summary>
static unsafe class IntegerInstructions
{
    /// <summary>Handler of a two-operand instruction on integers; null when there is none.</summary>
    public static delegate*<Warp, Instruction*, uint, void> Binary(string opcode, PtxType type) => (opcode, type) switch
    {
        ("add", PtxType.U32 or PtxType.S32) => &Lanes.VectorBinary<uint, AddV<uint>>,
        ("add", PtxType.U64 or PtxType.S64) => &Lanes.VectorBinary<ulong, AddV<ulong>>,
        ("add", PtxType.U16 or PtxType.S16) => &Lanes.Binary<ushort, ushort, ushort, Add<ushort>>,
        ("sub", PtxType.U32 or PtxType.S32) => &Lanes.VectorBinary<uint, SubtractV<uint>>,
        ("sub", PtxType.U64 or PtxType.S64) => &Lanes.VectorBinary<ulong, SubtractV<ulong>>,
        ("sub", PtxType.U16 or PtxType.S16) => &Lanes.Binary<ushort, ushort, ushort, Subtract<ushort>>,
        ("mul.lo", PtxType.U32 or PtxType.S32) => &Lanes.VectorBinary<uint, MultiplyV<uint>>,
        ("mul.lo", PtxType.U64 or PtxType.S64) => &Lanes.Binary<ulong, ulong, ulong, Multiply<ulong>>,
        ("mul.lo", PtxType.U16 or PtxType.S16) => &Lanes.Binary<ushort, ushort, ushort, Multiply<ushort>>,
        ("mul.hi", PtxType.U16) => &Lanes.Binary<ushort, ushort, ushort, HighU16>,
        ("mul.hi", PtxType.S16) => &Lanes.Binary<short, short, short, HighS16>,
        ("mul.hi", PtxType.U32) => &Lanes.Binary<uint, uint, uint, HighU32>,
        ("mul.hi", PtxType.S32) => &Lanes.Binary<int, int, int, HighS32>,
        ("mul.hi", PtxType.U64) => &Lanes.Binary<ulong, ulong, ulong, HighU64>,
        ("mul.hi", PtxType.S64) => &Lanes.Binary<long, long, long, HighS64>,
        ("mul.wide", PtxType.U32) => &Lanes.Binary<uint, uint, ulong, WideU32>,
        ("mul.wide", PtxType.S32) => &Lanes.Binary<int, int, long, WideS32>,
        ("mul.wide", PtxType.U16) => &Lanes.Binary<ushort, ushort, uint, WideU16>,
        ("mul.wide", PtxType.S16) => &Lanes.Binary<short, short, int, WideS16>,
        ("div", PtxType.U16) => &Lanes.Binary<ushort, ushort, ushort, Divide<ushort>>,
        ("div", PtxType.S16) => &Lanes.Binary<short, short, short, Divide<short>>,
        ("div", PtxType.U32) => &Lanes.Binary<uint, uint, uint, Divide<uint>>,
        ("div", PtxType.S32) => &Lanes.Binary<int, int, int, Divide<int>>,
        ("div", PtxType.U64) => &Lanes.Binary<ulong, ulong, ulong, Divide<ulong>>,
        ("div", PtxType.S64) => &Lanes.Binary<long, long, long, Divide<long>>,
        ("rem", PtxType.U16) => &Lanes.Binary<ushort, ushort, ushort, Remainder<ushort>>,
        ("rem", PtxType.S16) => &Lanes.Binary<short, short, short, Remainder<short>>,
        ("rem", PtxType.U32) => &Lanes.Binary<uint, uint, uint, Remainder<uint>>,
        ("rem", PtxType.S32) => &Lanes.Binary<int, int, int, Remainder<int>>,
        ("rem", PtxType.U64) => &Lanes.Binary<ulong, ulong, ulong, Remainder<ulong>>,
        ("rem", PtxType.S64) => &Lanes.Binary<long, long, long, Remainder<long>>,
        ("min", PtxType.U16) => &Lanes.Binary<ushort, ushort, ushort, Minimum<ushort>>,
        ("min", PtxType.S16) => &Lanes.Binary<short, short, short, Minimum<short>>,
        ("min", PtxType.U32) => &Lanes.VectorBinary<uint, MinimumV<uint>>,
        ("min", PtxType.S32) => &Lanes.VectorBinary<int, MinimumV<int>>,
        ("min", PtxType.U64) => &Lanes.Binary<ulong, ulong, ulong, Minimum<ulong>>,
        ("min", PtxType.S64) => &Lanes.Binary<long, long, long, Minimum<long>>,
        ("max", PtxType.U16) => &Lanes.Binary<ushort, ushort, ushort, Maximum<ushort>>,
        ("max", PtxType.S16) => &Lanes.Binary<short, short, short, Maximum<short>>,
        ("max", PtxType.U32) => &Lanes.VectorBinary<uint, MaximumV<uint>>,
        ("max", PtxType.S32) => &Lanes.VectorBinary<int, MaximumV<int>>,
        ("max", PtxType.U64) => &Lanes.Binary<ulong, ulong, ulong, Maximum<ulong>>,
        ("max", PtxType.S64) => &Lanes.Binary<long, long, long, Maximum<long>>,
        _ => null,
    };

    /// <summary>Handler of a one-operand instruction on integers; null when there is none.</summary>
    public static delegate*<Warp, Instruction*, uint, void> Unary(string opcode, PtxType type) => (opcode, type) switch
    {
        ("neg", PtxType.S16) => &Lanes.Unary<ushort, ushort, Negate<ushort>>,
        ("neg", PtxType.S32) => &Lanes.Unary<uint, uint, Negate<uint>>,
        ("neg", PtxType.S64) => &Lanes.Unary<ulong, ulong, Negate<ulong>>,
        ("abs", PtxType.S16) => &Lanes.Unary<short, short, Absolute<short>>,
        ("abs", PtxType.S32) => &Lanes.Unary<int, int, Absolute<int>>,
        ("abs", PtxType.S64) => &Lanes.Unary<long, long, Absolute<long>>,
        _ => null,
    };

    /// <summary>Handler of mad; null when there is none.</summary>
    public static delegate*<Warp, Instruction*, uint, void> MultiplyAdd(string half, PtxType type) => (half, type) switch
    {
        ("lo", PtxType.U16 or PtxType.S16) => &Lanes.Ternary<ushort, ushort, ushort, LowAdd<ushort>>,
        ("lo", PtxType.U32 or PtxType.S32) => &Lanes.VectorTernary<uint, LowAddV>,
        ("lo", PtxType.U64 or PtxType.S64) => &Lanes.Ternary<ulong, ulong, ulong, LowAdd<ulong>>,
        ("hi", PtxType.U16) => &Lanes.Ternary<ushort, ushort, ushort, HighAdd<ushort, HighU16>>,
        ("hi", PtxType.S16) => &Lanes.Ternary<short, short, short, HighAdd<short, HighS16>>,
        ("hi", PtxType.U32) => &Lanes.Ternary<uint, uint, uint, HighAdd<uint, HighU32>>,
        ("hi", PtxType.S32) => &Lanes.Ternary<int, int, int, HighAdd<int, HighS32>>,
        ("hi", PtxType.U64) => &Lanes.Ternary<ulong, ulong, ulong, HighAdd<ulong, HighU64>>,
        ("hi", PtxType.S64) => &Lanes.Ternary<long, long, long, HighAdd<long, HighS64>>,
        ("wide", PtxType.U32) => &Lanes.Ternary<uint, ulong, ulong, WideAddU32>,
        ("wide", PtxType.S32) => &Lanes.Ternary<int, long, long, WideAddS32>,
        ("wide", PtxType.U16) => &Lanes.Ternary<ushort, uint, uint, WideAddU16>,
        ("wide", PtxType.S16) => &Lanes.Ternary<short, int, int, WideAddS16>,
        _ => null,
    };

    readonly struct AddV<T> : IVectorBinary<T>
    {
        public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a + b;
    }

    readonly struct SubtractV<T> : IVectorBinary<T>
    {
        public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a - b;
    }

    readonly struct MultiplyV<T> : IVectorBinary<T>
    {
        public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a * b;
    }

    readonly struct MinimumV<T> : IVectorBinary<T>
    {
        public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.Min(a, b);
    }

    readonly struct MaximumV<T> : IVectorBinary<T>
    {
        public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.Max(a, b);
    }

    readonly struct LowAddV : IVectorTernary<uint>
    {
        public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b, Vector256<uint> c) => (a * b) + c;
    }

    readonly struct Add<T> : IBinary<T, T, T> where T : IBinaryInteger<T>
    {
        public static T Apply(T a, T b) => unchecked(a + b);
    }

    readonly struct Subtract<T> : IBinary<T, T, T> where T : IBinaryInteger<T>
    {
        public static T Apply(T a, T b) => unchecked(a - b);
    }

    readonly struct Multiply<T> : IBinary<T, T, T> where T : IBinaryInteger<T>
    {
        public static T Apply(T a, T b) => unchecked(a * b);
    }

    readonly struct HighU16 : IBinary<ushort, ushort, ushort>
    {
        public static ushort Apply(ushort a, ushort b) => (ushort)(((uint)a * b) >> 16);
    }

    readonly struct HighS16 : IBinary<short, short, short>
    {
        public static short Apply(short a, short b) => (short)((a * b) >> 16);
    }

    internal readonly struct HighU32 : IBinary<uint, uint, uint>
    {
        public static uint Apply(uint a, uint b) => (uint)(((ulong)a * b) >> 32);
    }

    internal readonly struct HighS32 : IBinary<int, int, int>
    {
        public static int Apply(int a, int b) => (int)(((long)a * b) >> 32);
    }

    internal readonly struct HighU64 : IBinary<ulong, ulong, ulong>
    {
        public static ulong Apply(ulong a, ulong b) => Math.BigMul(a, b, out _);
    }

    internal readonly struct HighS64 : IBinary<long, long, long>
    {
        public static long Apply(long a, long b) => Math.BigMul(a, b, out _);
    }

    readonly struct WideU32 : IBinary<uint, uint, ulong>
    {
        public static ulong Apply(uint a, uint b) => (ulong)a * b;
    }

    readonly struct WideS32 : IBinary<int, int, long>
    {
        public static long Apply(int a, int b) => (long)a * b;
    }

    readonly struct WideU16 : IBinary<ushort, ushort, uint>
    {
        public static uint Apply(ushort a, ushort b) => (uint)a * b;
    }

    readonly struct WideS16 : IBinary<short, short, int>
    {
        public static int Apply(short a, short b) => a * b;
    }

    /// <summary>Division by zero gives all ones, as devices do; the ISA leaves it open.</summary>
    readonly struct Divide<T> : IBinary<T, T, T> where T : unmanaged, IBinaryInteger<T>
    {
        public static T Apply(T a, T b) => b == T.Zero ? ~T.Zero : b == ~T.Zero && T.IsNegative(b) ? unchecked(T.Zero - a) : a / b;
    }

    /// <summary>The remainder has the dividend's sign; by zero it is the dividend.</summary>
    readonly struct Remainder<T> : IBinary<T, T, T> where T : unmanaged, IBinaryInteger<T>
    {
        public static T Apply(T a, T b) => b == T.Zero ? a : b == ~T.Zero && T.IsNegative(b) ? T.Zero : a % b;
    }

    readonly struct Minimum<T> : IBinary<T, T, T> where T : INumber<T>
    {
        public static T Apply(T a, T b) => T.Min(a, b);
    }

    readonly struct Maximum<T> : IBinary<T, T, T> where T : INumber<T>
    {
        public static T Apply(T a, T b) => T.Max(a, b);
    }

    readonly struct Negate<T> : IUnary<T, T> where T : IBinaryInteger<T>
    {
        public static T Apply(T a) => unchecked(T.Zero - a);
    }

    /// <summary>The absolute value of the least number is that number.</summary>
    readonly struct Absolute<T> : IUnary<T, T> where T : IBinaryInteger<T>
    {
        public static T Apply(T a) => T.IsNegative(a) ? unchecked(T.Zero - a) : a;
    }

    readonly struct LowAdd<T> : ITernary<T, T, T> where T : IBinaryInteger<T>
    {
        public static T Apply(T a, T b, T c) => unchecked((a * b) + c);
    }

    readonly struct HighAdd<T, THigh> : ITernary<T, T, T> where T : IBinaryInteger<T> where THigh : struct, IBinary<T, T, T>
    {
        public static T Apply(T a, T b, T c) => unchecked(THigh.Apply(a, b) + c);
    }

    readonly struct WideAddU32 : ITernary<uint, ulong, ulong>
    {
        public static ulong Apply(uint a, uint b, ulong c) => ((ulong)a * b) + c;
    }

    readonly struct WideAddS32 : ITernary<int, long, long>
    {
        public static long Apply(int a, int b, long c) => ((long)a * b) + c;
    }

    readonly struct WideAddU16 : ITernary<ushort, uint, uint>
    {
        public static uint Apply(ushort a, ushort b, uint c) => ((uint)a * b) + c;
    }

    readonly struct WideAddS16 : ITernary<short, int, int>
    {
        public static int Apply(short a, short b, int c) => (a * b) + c;
    }
}
