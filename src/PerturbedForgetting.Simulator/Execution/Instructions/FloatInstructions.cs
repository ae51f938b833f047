using System.Runtime.Intrinsics;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>What <c>.ftz</c> and <c>.sat</c> add to a float32 instruction; kept in <see cref="Instruction.Flags"/>.</summary>
[Flags]
enum FloatFlags
{
    None = 0,
    FlushToZero = 1,
    Saturate = 2,
}

/// <summary>Arithmetic of float32 and float64, rounded to nearest even (PTX ISA, "Floating Point Instructions"). The opcodes shared with
/// integers are registered by <see cref="ArithmeticInstructions"/>.</summary>
static unsafe class FloatInstructions
{
    public static delegate*<Warp, Instruction*, uint, void> Binary(string opcode, PtxType type) => (opcode, type) switch
    {
        ("add", PtxType.F32) => &Lanes.VectorBinary<float, AddV<float>>,
        ("sub", PtxType.F32) => &Lanes.VectorBinary<float, SubtractV<float>>,
        ("mul", PtxType.F32) => &Lanes.VectorBinary<float, MultiplyV<float>>,
        ("div", PtxType.F32) => &Lanes.VectorBinary<float, DivideV<float>>,
        ("min", PtxType.F32) => &Lanes.VectorBinary<float, MinimumV<float>>,
        ("max", PtxType.F32) => &Lanes.VectorBinary<float, MaximumV<float>>,
        ("min.NaN", PtxType.F32) => &Lanes.VectorBinary<float, MinimumOrNaN>,
        ("max.NaN", PtxType.F32) => &Lanes.VectorBinary<float, MaximumOrNaN>,
        ("add", PtxType.F64) => &Lanes.VectorBinary<double, AddV<double>>,
        ("sub", PtxType.F64) => &Lanes.VectorBinary<double, SubtractV<double>>,
        ("mul", PtxType.F64) => &Lanes.VectorBinary<double, MultiplyV<double>>,
        ("div", PtxType.F64) => &Lanes.VectorBinary<double, DivideV<double>>,
        ("min", PtxType.F64) => &Lanes.VectorBinary<double, MinimumV<double>>,
        ("max", PtxType.F64) => &Lanes.VectorBinary<double, MaximumV<double>>,
        _ => null,
    };

    public static delegate*<Warp, Instruction*, uint, void> Unary(string opcode, PtxType type) => (opcode, type) switch
    {
        ("neg", PtxType.F32) => &Lanes.Unary<uint, uint, NegateSingle>,
        ("abs", PtxType.F32) => &Lanes.Unary<uint, uint, AbsoluteSingle>,
        ("neg", PtxType.F64) => &Lanes.Unary<ulong, ulong, NegateDouble>,
        ("abs", PtxType.F64) => &Lanes.Unary<ulong, ulong, AbsoluteDouble>,
        _ => null,
    };

    public static delegate*<Warp, Instruction*, uint, void> MultiplyAdd(PtxType type) => type switch
    {
        PtxType.F32 => &Lanes.VectorTernary<float, FusedSingle>,
        PtxType.F64 => &Lanes.VectorTernary<double, FusedDouble>,
        _ => null,
    };

    /// <summary>Emits an instruction; with <c>.ftz</c> its operands are first flushed into scratch registers, and the result after
    /// it.</summary>
    public static void Emit(Lowering context, delegate*<Warp, Instruction*, uint, void> handler, InstructionClass counted, FloatFlags flags,
        long immediate, int destination, ReadOnlySpan<int> sources)
    {
        Span<int> operands = [-1, -1, -1];
        sources.CopyTo(operands);
        for (int s = 0; s < sources.Length && (flags & FloatFlags.FlushToZero) != 0; s++)
        {
            operands[s] = context.Scratch(s);
            ref Instruction flush = ref context.Emit(&Lanes.Unary<float, float, Flush>, InstructionClass.Part);
            (flush.Destination, flush.A) = (operands[s], sources[s]);
        }
        ref Instruction i = ref context.Emit(handler, counted);
        (i.Destination, i.A, i.B, i.C, i.Immediate) = (destination, operands[0], operands[1], operands[2], immediate);
        if ((flags & FloatFlags.FlushToZero) != 0)
            After(context, &Lanes.Unary<float, float, Flush>, destination);
        if ((flags & FloatFlags.Saturate) != 0)
            After(context, &Lanes.Unary<float, float, Saturate>, destination);
    }

    static void After(Lowering context, delegate*<Warp, Instruction*, uint, void> handler, int register)
    {
        ref Instruction i = ref context.Emit(handler, InstructionClass.Part);
        (i.Destination, i.A) = (register, register);
    }

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

    readonly struct DivideV<T> : IVectorBinary<T>
    {
        public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => a / b;
    }

    /// <summary>The number when the other is NaN; -0 is less than 0.</summary>
    readonly struct MinimumV<T> : IVectorBinary<T>
    {
        public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.MinNumber(a, b);
    }

    /// <inheritdoc cref="MinimumV{T}"/>
    readonly struct MaximumV<T> : IVectorBinary<T>
    {
        public static Vector256<T> Apply(Vector256<T> a, Vector256<T> b) => Vector256.MaxNumber(a, b);
    }

    readonly struct MinimumOrNaN : IVectorBinary<float>
    {
        public static Vector256<float> Apply(Vector256<float> a, Vector256<float> b) => Vector256.Min(a, b);
    }

    readonly struct MaximumOrNaN : IVectorBinary<float>
    {
        public static Vector256<float> Apply(Vector256<float> a, Vector256<float> b) => Vector256.Max(a, b);
    }

    readonly struct FusedSingle : IVectorTernary<float>
    {
        public static Vector256<float> Apply(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
            Vector256.FusedMultiplyAdd(a, b, c);
    }

    readonly struct FusedDouble : IVectorTernary<double>
    {
        public static Vector256<double> Apply(Vector256<double> a, Vector256<double> b, Vector256<double> c) =>
            Vector256.FusedMultiplyAdd(a, b, c);
    }

    readonly struct NegateSingle : IUnary<uint, uint>
    {
        public static uint Apply(uint a) => a ^ 0x8000_0000;
    }

    readonly struct AbsoluteSingle : IUnary<uint, uint>
    {
        public static uint Apply(uint a) => a & 0x7fff_ffff;
    }

    readonly struct NegateDouble : IUnary<ulong, ulong>
    {
        public static ulong Apply(ulong a) => a ^ (1ul << 63);
    }

    readonly struct AbsoluteDouble : IUnary<ulong, ulong>
    {
        public static ulong Apply(ulong a) => a & ~(1ul << 63);
    }

    /// <summary>Denormal numbers become zero of their sign.</summary>
    internal readonly struct Flush : IUnary<float, float>
    {
        public static float Apply(float a) => float.IsSubnormal(a) ? float.CopySign(0, a) : a;
    }

    /// <summary>Into [0, 1]; NaN becomes 0.</summary>
    internal readonly struct Saturate : IUnary<float, float>
    {
        public static float Apply(float a) => a > 0 ? Math.Min(a, 1) : 0;
    }
}
