using System.Runtime.Intrinsics;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Roots, reciprocals and transcendental functions. Where the ISA allows an error (<c>.approx</c>), the result here is that of
/// double precision rounded to float32: nearer to the truth than a device's, whose last bits differ.</summary>
static unsafe class SpecialFunctionInstructions
{
    public static IEnumerable<InstructionFamily> Families =>
    [
        new("rcp", "rcp.{rn|rz|rm|rp|approx}{.ftz}.f32, rcp.{rn|rz|rm|rp}.f64, rcp.approx.ftz.f64 d, a", Lower),
        new("sqrt", "sqrt.{rn|rz|rm|rp|approx}{.ftz}.f32, sqrt.{rn|rz|rm|rp}.f64 d, a", Lower),
        new("rsqrt", "rsqrt.approx{.ftz}.f32, rsqrt.approx{.ftz}.f64 d, a", Lower),
        new("ex2", "ex2.approx{.ftz}.f32, ex2.approx.{f16|f16x2}, ex2.approx.ftz.{bf16|bf16x2} d, a", Lower),
        new("lg2", "lg2.approx{.ftz}.f32 d, a", Lower),
        new("sin", "sin.approx{.ftz}.f32 d, a", Lower),
        new("cos", "cos.approx{.ftz}.f32 d, a", Lower),
        new("tanh", "tanh.approx.{f32|f16|f16x2|bf16|bf16x2} d, a", Lower),
        new("copysign", "copysign.{f32|f64} d, a, b", LowerCopySign),
        new("testp", "testp.{finite|infinite|number|notanumber|normal|subnormal}.{f32|f64} p, a", LowerTest),
    ];

    static void Lower(Lowering context, PtxInstruction instruction)
    {
        List<string> words = [.. instruction.Modifiers];
        if (words.Count > 0 && HalfInstructions.IsHalf(PtxTypes.Parse(words[^1])))
        {
            HalfInstructions.Lower(context, instruction);
            return;
        }
        bool flush = words.Remove("ftz");
        if (words.Count != 2)
            throw context.Unknown();
        Rounding rounding = words[0] switch
        {
            "rz" => Rounding.Zero,
            "rm" => Rounding.Down,
            "rp" => Rounding.Up,
            _ => Rounding.NearestEven,
        };
        PtxType type = PtxTypes.Parse(words[1]);
        long immediate = 0;
        delegate*<Warp, Instruction*, uint, void> handler = rounding == Rounding.NearestEven
            ? Nearest(instruction.Opcode, words[0], type, flush)
            : DirectedInstructions.Handler(instruction.Opcode, type, rounding, out immediate);
        if (handler == null)
            throw context.Unknown();
        FloatInstructions.Emit(context, handler, InstructionClass.Special, flush && type == PtxType.F32
            ? FloatFlags.FlushToZero
            : FloatFlags.None, immediate,
            context.Destination(0, type), [context.Source(1, type)]);
    }

    static delegate*<Warp, Instruction*, uint, void> Nearest(string opcode, string precision, PtxType type, bool flush) =>
        (opcode, precision, type) switch
        {
            ("rcp", "rn" or "approx", PtxType.F32) => &Lanes.Unary<float, float, Reciprocal>,
            ("rcp", "rn", PtxType.F64) when !flush => &Lanes.Unary<double, double, ReciprocalDouble>,
            ("rcp", "approx", PtxType.F64) when flush => &Lanes.Unary<double, double, ReciprocalDouble>,
            ("sqrt", "rn" or "approx", PtxType.F32) => &Lanes.Unary<float, float, Root>,
            ("sqrt", "rn", PtxType.F64) when !flush => &Lanes.Unary<double, double, RootDouble>,
            ("rsqrt", "approx", PtxType.F32) => &Lanes.Unary<float, float, ReciprocalRoot>,
            ("rsqrt", "approx", PtxType.F64) => &Lanes.Unary<double, double, ReciprocalRootDouble>,
            ("ex2", "approx", PtxType.F32) => &Exponential,
            ("lg2", "approx", PtxType.F32) => &Logarithm,
            ("sin", "approx", PtxType.F32) => &Lanes.Unary<float, float, Sine>,
            ("cos", "approx", PtxType.F32) => &Lanes.Unary<float, float, Cosine>,
            ("tanh", "approx", PtxType.F32) when !flush => &Lanes.Unary<float, float, HyperbolicTangent>,
            _ => null,
        };

    static void LowerCopySign(Lowering context, PtxInstruction instruction)
    {
        delegate*<Warp, Instruction*, uint, void> handler = instruction.Mnemonic switch
        {
            "copysign.f32" => &Lanes.Binary<uint, uint, uint, SignSingle>,
            "copysign.f64" => &Lanes.Binary<ulong, ulong, ulong, SignDouble>,
            _ => throw context.Unknown(),
        };
        PtxType type = PtxTypes.Parse(instruction.Modifiers[0]);
        int destination = context.Destination(0, type), a = context.Source(1, type), b = context.Source(2, type);
        ref Instruction i = ref context.Emit(handler, type == PtxType.F32 ? InstructionClass.Float32 : InstructionClass.Float64);
        (i.Destination, i.A, i.B) = (destination, a, b);
    }

    static readonly string[] tests = ["finite", "infinite", "number", "notanumber", "normal", "subnormal"];

    static void LowerTest(Lowering context, PtxInstruction instruction)
    {
        int test = instruction.Modifiers.Count == 2 ? Array.IndexOf(tests, instruction.Modifiers[0]) : -1;
        if (test < 0 || instruction.Modifiers[1] is not ("f32" or "f64"))
            throw context.Unknown();
        PtxType type = PtxTypes.Parse(instruction.Modifiers[1]);
        int destination = context.Destination(0, PtxType.Pred), a = context.Source(1, type);
        ref Instruction i = ref context.Emit(type == PtxType.F32 ? &TestSingle : &TestDouble, InstructionClass.Predicate);
        (i.Destination, i.A, i.Immediate) = (destination, a, test);
    }

    static bool Test(long test, double a, bool isSubnormal) => test switch
    {
        0 => double.IsFinite(a),
        1 => double.IsInfinity(a),
        2 => !double.IsNaN(a),
        3 => double.IsNaN(a),
        4 => double.IsFinite(a) && !isSubnormal && a != 0,
        _ => isSubnormal,
    };

    static void TestSingle(Warp warp, Instruction* i, uint mask)
    {
        uint found = 0;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            float a = ((float*)warp.Words(i->A))[lane];
            found |= Test(i->Immediate, a, float.IsSubnormal(a)) ? 1u << lane : 0;
        }
        LogicInstructions.SetPredicate(warp, i->Destination, found, mask);
    }

    static void TestDouble(Warp warp, Instruction* i, uint mask)
    {
        uint found = 0;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            double a = ((double*)warp.Longs(i->A))[lane];
            found |= Test(i->Immediate, a, double.IsSubnormal(a)) ? 1u << lane : 0;
        }
        LogicInstructions.SetPredicate(warp, i->Destination, found, mask);
    }

    static void Exponential(Warp warp, Instruction* i, uint mask)
    {
        float* d = (float*)warp.Words(i->Destination), a = (float*)warp.Words(i->A);
        for (int lane = 0; lane < Warp.Lanes; lane += 8)
        {
            (Vector256<double> low, Vector256<double> high) = Vector256.Widen(Vector256.Load(a + lane));
            Lanes.Store(d + lane, Vector256.Narrow(Power(low), Power(high)), mask, lane);
        }
    }

    /// <summary>2^x, exact for whole x: a power of two times one of the rest. Beyond 200 float32 has overflown.</summary>
    static Vector256<double> Power(Vector256<double> x)
    {
        // Added to 1.5·2^52, a small number's nearest integer stands in the low bits.
        Vector256<double> magic = Vector256.Create(6755399441055744.0), limit = Vector256.Create(200.0);
        x = Vector256.Min(Vector256.Max(x, -limit), limit);
        Vector256<double> shifted = x + magic, rest = x - (shifted - magic);
        Vector256<double> whole = (Vector256.ShiftLeft(shifted.AsInt64(), 52) + Vector256<double>.One.AsInt64()).AsDouble();
        return Vector256.Exp(rest * Vector256.Create(0.693147180559945309417)) * whole;
    }

    static void Logarithm(Warp warp, Instruction* i, uint mask)
    {
        float* d = (float*)warp.Words(i->Destination), a = (float*)warp.Words(i->A);
        for (int lane = 0; lane < Warp.Lanes; lane += 8)
        {
            (Vector256<double> low, Vector256<double> high) = Vector256.Widen(Vector256.Load(a + lane));
            Lanes.Store(d + lane, Vector256.Narrow(Vector256.Log2(low), Vector256.Log2(high)), mask, lane);
        }
    }

    readonly struct Reciprocal : IUnary<float, float>
    {
        public static float Apply(float a) => 1 / a;
    }

    readonly struct ReciprocalDouble : IUnary<double, double>
    {
        public static double Apply(double a) => 1 / a;
    }

    readonly struct Root : IUnary<float, float>
    {
        public static float Apply(float a) => MathF.Sqrt(a);
    }

    readonly struct RootDouble : IUnary<double, double>
    {
        public static double Apply(double a) => Math.Sqrt(a);
    }

    readonly struct ReciprocalRoot : IUnary<float, float>
    {
        public static float Apply(float a) => (float)(1 / Math.Sqrt(a));
    }

    readonly struct ReciprocalRootDouble : IUnary<double, double>
    {
        public static double Apply(double a) => 1 / Math.Sqrt(a);
    }

    readonly struct Sine : IUnary<float, float>
    {
        public static float Apply(float a) => (float)Math.Sin(a);
    }

    readonly struct Cosine : IUnary<float, float>
    {
        public static float Apply(float a) => (float)Math.Cos(a);
    }

    readonly struct HyperbolicTangent : IUnary<float, float>
    {
        public static float Apply(float a) => (float)Math.Tanh(a);
    }

    /// <summary>The magnitude of b with the sign of a.</summary>
    readonly struct SignSingle : IBinary<uint, uint, uint>
    {
        public static uint Apply(uint a, uint b) => (a & 0x8000_0000) | (b & 0x7fff_ffff);
    }

    /// <inheritdoc cref="SignSingle"/>
    readonly struct SignDouble : IBinary<ulong, ulong, ulong>
    {
        public static ulong Apply(ulong a, ulong b) => (a & (1ul << 63)) | (b & ~(1ul << 63));
    }
}
