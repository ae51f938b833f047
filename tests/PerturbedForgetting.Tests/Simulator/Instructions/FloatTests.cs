namespace PerturbedForgetting.Tests.Simulator.Instructions;

/// <summary>Floating-point arithmetic of every type, rounding and modifier against IEEE 754 stated over exact numbers.</summary>
public class FloatTests
{
    static readonly string[] roundings = ["rn", "rz", "rm", "rp"];

    /// <summary>A type with the modifiers that its instructions take.</summary>
    sealed class Type<T>(string name, Format format) where T : unmanaged
    {
        /// <summary>One instruction with a modifier, stated on bits: operands are flushed before, the result is changed after.</summary>
        void Two(string opcode, string modifier, Func<ulong, ulong, ulong> expected) =>
            Check.Two<T, T, T>($"{opcode}{modifier}.{name}", (a, b) =>
            Operands.From<T>(After(modifier, expected(Before(modifier, a), Before(modifier, b)))));

        void Three(string opcode, string modifier, Func<ulong, ulong, ulong, ulong> expected) =>
            Check.Three<T, T, T, T>($"{opcode}{modifier}.{name}", (a, b, c) =>
            Operands.From<T>(After(modifier, expected(Before(modifier, a), Before(modifier, b), Before(modifier, c)))));

        void One(string opcode, string modifier, Func<ulong, ulong> expected) => Check.One<T, T>($"{opcode}{modifier}.{name}", a =>
            Operands.From<T>(After(modifier, expected(Before(modifier, a)))));

        ulong Before(string modifier, T value) => modifier.Contains("ftz") ? format.Flush(Operands.Bits(value)) : Operands.Bits(value);

        ulong After(string modifier, ulong result)
        {
            if (modifier.Contains("ftz"))
                result = format.Flush(result);
            if (modifier.Contains("sat"))
                result = Ieee.Saturate(format, result);
            return modifier.Contains("relu") ? Ieee.Clamp(format, result) : result;
        }

        public void Sums(string rounding, string written, string modifier)
        {
            Two("add", written + modifier, (a, b) => Ieee.Add(format, a, b, rounding));
            Two("sub", written + modifier, (a, b) => Ieee.Add(format, a, Ieee.Negate(format, b), rounding));
            Two("mul", written + modifier, (a, b) => Ieee.Multiply(format, a, b, rounding));
        }

        public void Fused(string opcode, string rounding, string modifier) =>
            Three(opcode, $".{rounding}{modifier}", (a, b, c) => Ieee.Fused(format, a, b, c, rounding));

        public void Quotients(string written, string rounding, string modifier) =>
            Two("div", $".{written}{modifier}", (a, b) => Ieee.Divide(format, a, b, rounding));

        public void Roots(string written, string rounding, string modifier)
        {
            ulong one = format.Round(new Exact(1, 0), "rn");
            One("rcp", $".{written}{modifier}", a => Ieee.Divide(format, one, a, rounding));
            One("sqrt", $".{written}{modifier}", a => Ieee.Root(format, a, rounding));
        }

        public void Extremes(string modifier)
        {
            Two("min", modifier, (a, b) => Ieee.Extreme(format, a, b, false, modifier.Contains("NaN")));
            Two("max", modifier, (a, b) => Ieee.Extreme(format, a, b, true, modifier.Contains("NaN")));
        }

        public void Signs(string modifier)
        {
            One("neg", modifier, a => Ieee.Negate(format, a));
            One("abs", modifier, a => a & ~format.Zero(true));
        }

        /// <summary>Both halves of a register, each as the type alone.</summary>
        public void Pairs(params string[] forms)
        {
            foreach (string form in forms)
            {
                string modifier = form[(form.IndexOf('.') < 0 ? form.Length : form.IndexOf('.'))..], opcode = form[..^modifier.Length];
                Check.Three<uint, uint, uint,
                    uint>($"{form}.{name}x2 %d, %s0{(opcode is "neg" or "abs" ? "" : ", %s1")}{(opcode == "fma" ? ", %s2" : "")}",
                        (a, b, c) =>
                    (uint)(Part((ushort)a, (ushort)b, (ushort)c) | (Part(a >> 16, b >> 16, c >> 16) << 16)));

                ulong Part(ulong a, ulong b, ulong c)
                {
                    if (modifier.Contains("ftz"))
                        (a, b, c) = (format.Flush(a), format.Flush(b), format.Flush(c));
                    ulong result = After(modifier, opcode switch
                    {
                        "add" => Ieee.Add(format, a, b, "rn"),
                        "sub" => Ieee.Add(format, a, Ieee.Negate(format, b), "rn"),
                        "mul" => Ieee.Multiply(format, a, b, "rn"),
                        "fma" => Ieee.Fused(format, a, b, c, "rn"),
                        "min" => Ieee.Extreme(format, a, b, false, modifier.Contains("NaN")),
                        "max" => Ieee.Extreme(format, a, b, true, modifier.Contains("NaN")),
                        "neg" => Ieee.Negate(format, a),
                        _ => a & 0x7fff,
                    });
                    // The canonical NaN, but for instructions that only touch the sign.
                    return format.IsNaN(result) && opcode is not ("neg" or "abs") ? 0x7ffful : result;
                }
            }
        }
    }

    static readonly Type<float> single = new("f32", Format.Single);
    static readonly Type<double> wide = new("f64", Format.Double);
    static readonly Type<Half> half = new("f16", Format.Half);
    static readonly Type<Brain> brain = new("bf16", Format.Brain);

    [Test]
    public void SingleToNearest()
    {
        foreach (string modifier in (string[])["", ".ftz", ".sat", ".ftz.sat"])
        {
            single.Sums("rn", modifier.Length == 0 ? "" : ".rn", modifier);
            single.Fused("fma", "rn", modifier);
        }
        single.Fused("mad", "rn", "");
    }

    [Test]
    public void SingleDirected()
    {
        foreach (string rounding in roundings.Skip(1))
        {
            single.Sums(rounding, $".{rounding}", rounding == "rz" ? ".ftz" : "");
            single.Fused("fma", rounding, rounding == "rm" ? ".sat" : "");
        }
    }

    [Test]
    public void DoubleInEveryRounding()
    {
        foreach (string rounding in roundings)
        {
            wide.Sums(rounding, rounding == "rn" ? "" : $".{rounding}", "");
            wide.Fused("fma", rounding, "");
        }
    }

    /// <summary>.full and .approx may differ from the quotient by two units; here they are rounded like .rn.</summary>
    [Test]
    public void Quotients()
    {
        foreach (string rounding in roundings)
        {
            single.Quotients(rounding, rounding, "");
            wide.Quotients(rounding, rounding, "");
            single.Roots(rounding, rounding, "");
            wide.Roots(rounding, rounding, "");
        }
        single.Quotients("full", "rn", "");
        single.Quotients("approx", "rn", ".ftz");
        single.Roots("approx", "rn", ".ftz");
        single.Quotients("rn", "rn", ".ftz");
    }

    [Test]
    public void ExtremesAndSigns()
    {
        foreach (string modifier in (string[])["", ".ftz", ".NaN", ".ftz.NaN"])
        {
            single.Extremes(modifier);
            half.Extremes(modifier);
        }
        wide.Extremes("");
        brain.Extremes("");
        brain.Extremes(".NaN");
        single.Signs("");
        single.Signs(".ftz");
        wide.Signs("");
        half.Signs("");
        half.Signs(".ftz");
        brain.Signs("");
    }

    [Test]
    public void Halves()
    {
        foreach (string modifier in (string[])["", ".ftz", ".sat", ".ftz.sat"])
        {
            half.Sums("rn", modifier.Length == 0 ? "" : ".rn", modifier);
            half.Fused("fma", "rn", modifier);
        }
        half.Fused("fma", "rn", ".relu");
        half.Fused("fma", "rn", ".ftz.relu");
        brain.Sums("rn", "", "");
        brain.Fused("fma", "rn", "");
        brain.Fused("fma", "rn", ".relu");
    }

    [Test]
    public void PairsOfHalves()
    {
        half.Pairs("add", "sub.ftz", "mul", "mul.rn.sat", "fma.rn", "fma.rn.relu", "min", "max.NaN", "neg", "abs", "min.ftz");
        brain.Pairs("add", "sub.rn", "mul", "fma.rn", "fma.rn.relu", "min", "max", "min.NaN", "neg", "abs");
    }

    /// <summary>Sums and products of bfloat16 came with sm_90; for sm_80 the compiler of the real driver refuses them too.</summary>
    [Test]
    public void ATargetWithoutTheInstructionIsTold()
    {
        var error = Assert.Throws<PerturbedForgetting.Simulator.Ptx.PtxException>(() =>
            InstructionRun.Execute("add.bf16 %d0, %s0, %s0;", ["b16"], ["b16"], [[0, 0]], 1, "sm_80"));
        Assert.That(error!.Message, Does.Contain("add.bf16").And.Contain("sm_90"));
    }

    [Test]
    public void CopySignAndClass()
    {
        Check.Two<float, float, float>("copysign.f32", (a, b) => float.CopySign(b, a));
        Check.Two<double, double, double>("copysign.f64", (a, b) => double.CopySign(b, a));
        Classes<float>("f32", Format.Single);
        Classes<double>("f64", Format.Double);
    }

    static void Classes<T>(string type, Format format) where T : unmanaged
    {
        void Test(string name, Func<ulong, bool> expected) => Check.One<bool, T>($"testp.{name}.{type}", a => expected(Operands.Bits(a)));
        bool IsSmall(ulong a) => (format.Flush(a) & ~format.Zero(true)) == 0;
        Test("finite", format.IsFinite);
        Test("infinite", format.IsInfinite);
        Test("number", a => !format.IsNaN(a));
        Test("notanumber", format.IsNaN);
        Test("subnormal", a => IsSmall(a) && (a & ~format.Zero(true)) != 0);
        Test("normal", a => format.IsFinite(a) && !IsSmall(a));
    }
}
