namespace PerturbedForgetting.Tests.Simulator.Instructions;

/// <summary>Transcendental functions: the special cases that the PTX ISA tabulates are exact, everything else is within 0.501 units in the
/// last place of float32 (the ISA allows devices more).</summary>
public class SpecialFunctionTests
{
    static void Verify(string instruction, Func<double, double> function, Func<float, float>? before = null, Func<float,
        float>? after = null)
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        before ??= static x => x;
        after ??= static x => x;
        ulong[] specials = Operands.Specials<float>();
        var rows = new ulong[InstructionRun.BlockThreads * 40][];
        for (int i = 0; i < rows.Length; i++)
        {
            ulong ordinary = Operands.Bits((float)Math.ScaleB((random.NextDouble() * 2) - 1, random.Next(-30, 9)));
            rows[i] = [i < specials.Length ? specials[i] : random.Next(4) == 0 ? Operands.Draw<float>(random)
                : ordinary, (ulong)random.Next(2), 0, 0x4048_0000];
        }
        ulong[][] actual = InstructionRun.Execute($"{instruction} %d0, %s0; setp.ne.u32 %guard, %s1, 0; @%guard {instruction} %d1, %s0;",
            ["b32", "b32"], ["b32", "b32"], rows);
        for (int i = 0; i < rows.Length; i++)
        {
            float x = Operands.From<float>(rows[i][0]), got = Operands.From<float>(actual[i][0]);
            double exact = function(before(x));
            float nearest = after((float)exact);
            bool isExact = !float.IsFinite(nearest) || nearest == 0 || exact == 0;
            bool isRight = float.IsNaN(nearest) ? float.IsNaN(got) : Operands.Bits(got) == Operands.Bits(nearest)
                || (!isExact && Math.Abs(got - exact) <= 0.501 * (MathF.BitIncrement(MathF.Abs(nearest)) - MathF.Abs(nearest)));
            if (!isRight || actual[i][1] != (rows[i][1] != 0 ? actual[i][0] : rows[i][3]))
                Assert.Fail($"{instruction} of {x:r} (0x{rows[i][0]:x}): {got:r}, guarded 0x{actual[i][1]:x}, instead of {exact:r}; seed "
                    + $"{seed}");
        }
    }

    static float Flush(float x) => float.IsSubnormal(x) ? float.CopySign(0, x) : x;

    [Test]
    public void PowersAndLogarithms()
    {
        Verify("ex2.approx.f32", x => Math.Pow(2, x));
        Verify("ex2.approx.ftz.f32", x => Math.Pow(2, x), Flush, Flush);
        Verify("lg2.approx.f32", Math.Log2);
        Verify("lg2.approx.ftz.f32", Math.Log2, Flush, Flush);
        // Whole powers of two are exact.
        Check.One<float, float>("cvt.rni.f32.f32 %d, %s0; ex2.approx.f32 %d, %d", x => (float)Math.Pow(2, Math.Round(x)));
    }

    [Test]
    public void Circle()
    {
        Verify("sin.approx.f32", Math.Sin);
        Verify("cos.approx.f32", Math.Cos);
        Verify("sin.approx.ftz.f32", Math.Sin, Flush, Flush);
        Verify("cos.approx.ftz.f32", Math.Cos, Flush, Flush);
        Verify("tanh.approx.f32", Math.Tanh);
    }

    [Test]
    public void ReciprocalRoots()
    {
        Verify("rsqrt.approx.f32", x => 1 / Math.Sqrt(x));
        Verify("rsqrt.approx.ftz.f32", x => 1 / Math.Sqrt(x), Flush, Flush);
        Check.One<double, double>("rsqrt.approx.f64", x => 1 / Math.Sqrt(x));
        Check.One<double, double>("rcp.approx.ftz.f64", x => 1 / x);
    }

    [Test]
    public void Halves()
    {
        Check.One<Half, Half>("ex2.approx.f16", x => (Half)Math.Pow(2, (double)x));
        Check.One<Half, Half>("tanh.approx.f16", x => (Half)Math.Tanh((double)x));
        Check.One<Brain, Brain>("tanh.approx.bf16", x => Operands.From<Brain>(Nearest(Math.Tanh(x.Value))));
        Check.One<Brain, Brain>("ex2.approx.ftz.bf16", x =>
            Operands.From<Brain>(Format.Brain.Flush(Nearest(double.Exp2(float.IsSubnormal(x.Value) ? 0 : x.Value)))));
        Check.One<uint, uint>("ex2.approx.f16x2", x => Both(x, double.Exp2));
        Check.One<uint, uint>("tanh.approx.f16x2", x => Both(x, Math.Tanh));
    }

    static ulong Nearest(double value) =>
        double.IsNaN(value) ? Format.Brain.NaN : double.IsInfinity(value) ? Format.Brain.Infinite(value < 0)
        : Format.Brain.Round(Format.Double.Value(Operands.Bits(value)), "rn", double.IsNegative(value));

    static uint Both(uint x, Func<double, double> function)
    {
        uint Part(uint bits)
        {
            double value = function((double)BitConverter.UInt16BitsToHalf((ushort)bits));
            return double.IsNaN(value) ? 0x7fffu : BitConverter.HalfToUInt16Bits((Half)value);
        }
        return Part(x) | (Part(x >> 16) << 16);
    }
}
