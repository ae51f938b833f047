using System.Numerics;

namespace PerturbedForgetting.Tests.Simulator.Instructions;

/// <summary>Conversions between all types against the PTX ISA's definition of cvt, stated over exact numbers.</summary>
public class ConvertTests
{
    /// <summary>An integer or floating-point type: its width, its format, and how operands are drawn.</summary>
    sealed record Number(string Name, int Width, bool IsSigned, Format? Format, Func<Random, ulong> Draw, ulong[] Specials)
    {
        public string Register => $"b{Math.Max(Width, 16)}";

        public ulong Mask => ulong.MaxValue >> (64 - Width);

        public BigInteger Integer(ulong bits) =>
            IsSigned && (bits >> (Width - 1) & 1) != 0 ? (BigInteger)(bits & Mask) - (BigInteger.One << Width) : bits & Mask;

        public BigInteger Least => IsSigned ? -(BigInteger.One << (Width - 1)) : 0;

        public BigInteger Most => (BigInteger.One << (IsSigned ? Width - 1 : Width)) - 1;
    }

    static Number Of<T>(string name, Format? format = null) where T : unmanaged =>
        new(name, 8 * System.Runtime.CompilerServices.Unsafe.SizeOf<T>(), name[0] == 's', format, Operands.Draw<T>, Operands.Specials<T>());

    static readonly Number[] integers =
    [
        Of<byte>("u8"), Of<sbyte>("s8"), Of<ushort>("u16"), Of<short>("s16"), Of<uint>("u32"), Of<int>("s32"), Of<ulong>("u64"),
            Of<long>("s64"),
    ];

    static readonly Number half = Of<Half>("f16", Format.Half), brain = Of<Brain>("bf16", Format.Brain),
        single = Of<float>("f32", Format.Single), wide = Of<double>("f64", Format.Double);

    static readonly Number[] floats = [half, brain, single, wide];

    /// <summary>Runs a conversion and compares each result, as it stands in the destination's register.</summary>
    static void Verify(string modifiers, Number to, Number from, Func<ulong, ulong> expected, string? toRegister = null)
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        string register = toRegister ?? to.Register, instruction = $"cvt{modifiers}.{to.Name}.{from.Name}";
        var rows = new ulong[InstructionRun.BlockThreads * 8][];
        for (int i = 0; i < rows.Length; i++)
            rows[i] = [i < from.Specials.Length ? from.Specials[i] : from.Draw(random), (ulong)random.Next(2), 0, 0x5a5a_5a5a];
        ulong[][] actual = InstructionRun.Execute($"{instruction} %d0, %s0; setp.ne.u32 %guard, %s1, 0; @%guard {instruction} %d1, %s0;",
            [register, register], [from.Register, "b32"], rows);
        ulong kept = register == "b16" ? 0x5a5aul : 0x5a5a_5a5a;
        for (int i = 0; i < rows.Length; i++)
        {
            ulong wanted = expected(rows[i][0]), guarded = rows[i][1] != 0 ? wanted : kept;
            bool AreSame(ulong a, ulong b) => a == b || (to.Format is { } f && f.IsNaN(a) && f.IsNaN(b));
            if (!AreSame(wanted, actual[i][0]) || !AreSame(guarded, actual[i][1]))
                Assert.Fail($"{instruction} of 0x{rows[i][0]:x}: 0x{actual[i][0]:x}, guarded ({rows[i][1]}) 0x{actual[i][1]:x}, instead of "
                    + $"0x{wanted:x}; seed {seed}");
        }
    }

    /// <summary>An integer in a register of that many bits, extended by its sign.</summary>
    static ulong Held(BigInteger value, string register) => (ulong)(value & ((BigInteger.One << int.Parse(register[1..])) - 1));

    [Test]
    public void IntegersToIntegers()
    {
        foreach (Number from in integers)
        {
            foreach (Number to in integers)
            {
                Verify("", to, from, bits => Held(to.Integer(Held(from.Integer(bits), "b64")), to.Register));
                Verify(".sat", to, from, bits => Held(BigInteger.Clamp(from.Integer(bits), to.Least, to.Most), to.Register));
                // A destination wider than its type is extended too.
                if (to.Width < 64)
                    Verify("", to, from, bits => Held(to.Integer(Held(from.Integer(bits), "b64")), "b64"), "b64");
            }
        }
    }

    [Test]
    public void IntegersToFloats()
    {
        foreach (Number from in integers)
        {
            foreach (Number to in floats)
            {
                foreach (string rounding in (string[])["rn", "rz", "rm", "rp"])
                    Verify($".{rounding}", to, from, bits => to.Format!.Round(new Exact(from.Integer(bits), 0), rounding));
                Verify(".rn.sat", to, from, bits => Ieee.Saturate(to.Format!, to.Format!.Round(new Exact(from.Integer(bits), 0), "rn")));
            }
        }
    }

    /// <summary>Beyond the range the nearest number of the type; NaN is 0, but with 64 bits on one side the number with only its highest
    /// bit set.</summary>
    [Test]
    public void FloatsToIntegers()
    {
        foreach (Number from in floats)
        {
            foreach (Number to in integers)
            {
                foreach (string rounding in (string[])["rni", "rzi", "rmi", "rpi"])
                {
                    Verify($".{rounding}", to, from, bits =>
                    {
                        if (from.Format!.IsNaN(bits))
                            return from == wide || to.Width == 64 ? Held(to.Integer(1ul << (to.Width - 1)), to.Register) : 0;
                        bool isNegative = from.Format.IsNegative(bits);
                        BigInteger value = from.Format.IsInfinite(bits) ? isNegative ? to.Least : to.Most
                            : from.Format.Value(bits).Integer(rounding);
                        return Held(BigInteger.Clamp(value, to.Least, to.Most), to.Register);
                    });
                }
            }
        }
        Verify(".rzi.ftz", Of<int>("s32"), single, bits => Format.Single.IsNaN(bits)
            ? 0
            : Held(Integer(Format.Single.Flush(bits), "rzi"), "b32"));
        Verify(".rpi.ftz", Of<int>("s32"), single, bits => Format.Single.IsNaN(bits)
            ? 0
            : Held(Integer(Format.Single.Flush(bits), "rpi"), "b32"));
    }

    static BigInteger Integer(ulong bits, string rounding) =>
        Format.Single.IsInfinite(bits) ? Format.Single.IsNegative(bits) ? int.MinValue : int.MaxValue
        : BigInteger.Clamp(Format.Single.Value(bits).Integer(rounding), int.MinValue, int.MaxValue);

    static ulong Converted(Format to, Format from, ulong bits, string rounding) =>
        from.IsNaN(bits) ? to.NaN : from.IsInfinite(bits) ? to.Infinite(from.IsNegative(bits))
        : to.Round(from.Value(bits), rounding, from.IsNegative(bits));

    [Test]
    public void FloatsToFloats()
    {
        foreach (Number from in floats)
        {
            foreach (Number to in floats)
            {
                bool isNarrower = to.Format!.Precision < from.Format!.Precision || to.Format.Exponent < from.Format.Exponent;
                foreach (string rounding in isNarrower ? (string[])["rn", "rz", "rm", "rp"] : [""])
                {
                    string written = rounding.Length == 0 ? "" : $".{rounding}";
                    Verify(written, to, from, bits => Converted(to.Format, from.Format, bits, rounding));
                    Verify($"{written}.sat", to, from, bits => Ieee.Saturate(to.Format, Converted(to.Format, from.Format, bits, rounding)));
                }
            }
        }
        foreach (Number type in floats)
        {
            foreach (string rounding in (string[])["rni", "rzi", "rmi", "rpi"])
                Verify($".{rounding}", type, type, bits => !type.Format!.IsFinite(bits)
                    ? bits
                    : type.Format.Round(new Exact(type.Format.Value(bits).Integer(rounding), 0), "rn", type.Format.IsNegative(bits)));
        }
        Verify(".rn.ftz", single, wide, bits => Format.Single.Flush(Converted(Format.Single, Format.Double, bits, "rn")));
        Verify(".ftz", wide, single, bits => Converted(Format.Double, Format.Single, Format.Single.Flush(bits), "rn"));
        Verify(".ftz", single, single, bits => Format.Single.Flush(bits));
        foreach (Number to in (Number[])[half, brain])
        {
            // Not a number is 0x7fff with .relu.
            foreach (string rounding in (string[])["rn", "rz"])
                Verify($".{rounding}.relu", to, single, bits => Format.Single.IsNaN(bits)
                    ? 0x7fff
                    : Ieee.Clamp(to.Format!, Converted(to.Format!, Format.Single, bits, rounding)));
        }
    }

    [Test]
    public void TensorFloat()
    {
        Check.One<float, float>("cvt.rna.tf32.f32", a =>
        {
            // The bits that tf32 lacks are zero in its float32.
            ulong rounded = Converted(Format.Tensor, Format.Single, Operands.Bits(a), "rna");
            return Operands.From<float>(rounded << 13);
        });
        Check.One<float, float>("cvt.rn.tf32.f32", a =>
            Operands.From<float>(Converted(Format.Tensor, Format.Single, Operands.Bits(a), "rn") << 13));
        Check.One<float, float>("cvt.rz.tf32.f32", a => float.IsInfinity(a)
            ? a
            : Operands.From<float>(Converted(Format.Tensor, Format.Single, Operands.Bits(a), "rz") << 13));
    }

    /// <summary>The first source goes to the upper half.</summary>
    [Test]
    public void PairsOfFloats()
    {
        foreach ((string name, Format format) in (ReadOnlySpan<(string, Format)>)[("f16x2", Format.Half), ("bf16x2", Format.Brain)])
        {
            foreach (string modifier in (string[])["rn", "rz", "rn.relu", "rz.relu"])
            {
                Check.Two<uint, float, float>($"cvt.{modifier}.{name}.f32", (a, b) => (Part(a) << 16) | Part(b));

                uint Part(float value)
                {
                    ulong bits = Operands.Bits(value), result = Converted(format, Format.Single, bits, modifier[..2]);
                    return format.IsNaN(result) ? 0x7fffu : (uint)(modifier.Contains("relu") ? Ieee.Clamp(format, result) : result);
                }
            }
        }
    }

    [TestCase("cvt.f32.f64", "rounding")]
    [TestCase("cvt.f32.s32", "rounding")]
    [TestCase("cvt.s32.f32", "rounding")]
    [TestCase("cvt.rn.f64.f32", "not known")]
    [TestCase("cvt.rni.f32.f64", "rounding")]
    [TestCase("cvt.rm.bf16x2.f32", "not known")]
    [TestCase("cvt.rn.tf32.f32", "sm_90")]
    public void WhatADriverRefusesIsRefused(string instruction, string message)
    {
        string[] words = instruction.Split('.');
        string Register(string type) => type is "f64" ? "b64" : "b32";
        var error = Assert.Throws<PerturbedForgetting.Simulator.Ptx.PtxException>(() =>
            InstructionRun.Execute($"{instruction} %d0, %s0{(words[^2].EndsWith("x2") ? ", %s0" : "")};", [Register(words[^2])],
                [Register(words[^1])], [[0, 0]], 1, "sm_80"));
        Assert.That(error!.Message, Does.Contain(message).And.Contain(instruction));
    }
}
