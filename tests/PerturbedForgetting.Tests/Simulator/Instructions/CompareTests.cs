namespace PerturbedForgetting.Tests.Simulator.Instructions;

/// <summary>Comparisons and selections against the PTX ISA's definitions.</summary>
public class CompareTests
{
    static readonly string[] words = ["and", "or", "xor"];

    static readonly string[] ordered = ["eq", "ne", "lt", "le", "gt", "ge"],
        unordered = ["equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"];

    /// <summary>Of a comparison that is not defined for NaN only the ordered ones; <paramref name="order"/> is null when one is
    /// NaN.</summary>
    static bool Compare(string comparison, int? order) => comparison switch
    {
        "num" => order is not null,
        "nan" => order is null,
        "lo" or "ls" or "hi" or "hs" => Compare(comparison switch { "lo" => "lt", "ls" => "le", "hi" => "gt", _ => "ge" }, order),
        _ when order is null => comparison is "equ" or "neu" or "ltu" or "leu" or "gtu" or "geu",
        _ => comparison[..2] switch
        {
            "eq" => order == 0,
            "ne" => order != 0,
            "lt" => order < 0,
            "le" => order <= 0,
            "gt" => order > 0,
            _ =>
            order >= 0
        },
    };

    static bool Combine(string word, bool a, bool c) => word switch { "and" => a && c, "or" => a || c, "xor" => a != c, _ => a };

    static void Verify<T>(string type, string[] comparisons, Func<T, T, int?> order, string modifier = "") where T : unmanaged
    {
        foreach (string comparison in comparisons)
        {
            Check.Two<bool, T, T>($"setp.{comparison}{modifier}.{type}", (a, b) => Compare(comparison, order(a, b)));
            string word = words[Random.Shared.Next(words.Length)], form = $"setp.{comparison}.{word}{modifier}.{type}",
                not = Random.Shared.Next(2) == 0 ? "!" : "";
            Check.Three<bool, T, T, bool>($"{form} %d, %s0, %s1, {not}%s2", (a, b, c) =>
                Combine(word, Compare(comparison, order(a, b)), c != (not.Length > 0)));
            // The second result is that of the opposite comparison.
            Check.Three<bool, T, T, bool>($"{form} _|%d, %s0, %s1, %s2", (a, b, c) => Combine(word, !Compare(comparison, order(a, b)), c));
            Check.Two<bool, T, T>($"setp.{comparison}{modifier}.{type} %other|%d, %s0, %s1", (a, b) => !Compare(comparison, order(a, b)));
        }
    }

    static int? Order(Format format, ulong a, ulong b) => format.IsNaN(a) || format.IsNaN(b) ? null
        : ((a | b) & ~format.Zero(true)) == 0 ? 0 : Ieee.Order(format, a).CompareTo(Ieee.Order(format, b));

    [Test]
    public void Integers()
    {
        string[] unsigned = [.. ordered, "lo", "ls", "hi", "hs"];
        Verify<ushort>("u16", unsigned, (a, b) => a.CompareTo(b));
        Verify<short>("s16", ordered, (a, b) => a.CompareTo(b));
        Verify<uint>("u32", unsigned, (a, b) => a.CompareTo(b));
        Verify<int>("s32", ordered, (a, b) => a.CompareTo(b));
        Verify<ulong>("u64", unsigned, (a, b) => a.CompareTo(b));
        Verify<long>("s64", ordered, (a, b) => a.CompareTo(b));
        Verify<ushort>("b16", ["eq", "ne"], (a, b) => a.CompareTo(b));
        Verify<uint>("b32", ["eq", "ne"], (a, b) => a.CompareTo(b));
        Verify<ulong>("b64", ["eq", "ne"], (a, b) => a.CompareTo(b));
    }

    [Test]
    public void Floats()
    {
        string[] all = [.. ordered, .. unordered];
        Verify<float>("f32", all, (a, b) => Order(Format.Single, Operands.Bits(a), Operands.Bits(b)));
        Verify<double>("f64", all, (a, b) => Order(Format.Double, Operands.Bits(a), Operands.Bits(b)));
        Verify<Half>("f16", all, (a, b) => Order(Format.Half, Operands.Bits(a), Operands.Bits(b)));
        Verify<Brain>("bf16", all, (a, b) => Order(Format.Brain, a.Bits, b.Bits));
        Verify<float>("f32", ["eq", "lt", "geu"], (a, b) =>
            Order(Format.Single, Format.Single.Flush(Operands.Bits(a)), Format.Single.Flush(Operands.Bits(b))), ".ftz");
    }

    [Test]
    public void Sets()
    {
        Check.Two<uint, float, float>("set.lt.u32.f32", (a, b) => a < b ? uint.MaxValue : 0);
        Check.Two<float, float, float>("set.geu.f32.f32", (a, b) => a < b ? 0 : 1);
        Check.Two<int, int, int>("set.ne.s32.s32", (a, b) => a != b ? -1 : 0);
        Check.Two<uint, ulong, ulong>("set.hi.u32.u64", (a, b) => a > b ? uint.MaxValue : 0);
        Check.Three<uint, double, double, bool>("set.eq.xor.u32.f64", (a, b, c) => (a == b) != c ? uint.MaxValue : 0);
        Check.Three<float, short, short, bool>("set.gt.and.f32.s16 %d, %s0, %s1, !%s2", (a, b, c) => a > b && !c ? 1 : 0);
        Check.Two<uint, float, float>("set.eq.ftz.u32.f32", (a, b) =>
            Order(Format.Single, Format.Single.Flush(Operands.Bits(a)), Format.Single.Flush(Operands.Bits(b))) == 0 ? uint.MaxValue : 0);
    }

    static void Selects<T>(string type) where T : unmanaged
    {
        Check.Three<T, T, T, bool>($"selp.{type}", (a, b, p) => p ? a : b);
        Check.Three<T, T, T, bool>($"selp.{type} %d, %s0, %s1, !%s2", (a, b, p) => p ? b : a);
    }

    [Test]
    public void Selections()
    {
        Selects<ushort>("b16");
        Selects<short>("s16");
        Selects<uint>("u32");
        Selects<float>("f32");
        Selects<ulong>("b64");
        Selects<double>("f64");
    }

    [Test]
    public void Moves()
    {
        Check.One<ushort, ushort>("mov.b16", a => a);
        Check.One<uint, uint>("mov.b32", a => a);
        Check.One<float, float>("mov.f32", a => a);
        Check.One<ulong, ulong>("mov.u64", a => a);
        Check.One<bool, bool>("mov.pred", a => a);
        Check.Two<uint, ushort, ushort>("mov.b32 %d, {%s0, %s1}", (a, b) => a | ((uint)b << 16));
        Check.Two<ulong, uint, uint>("mov.b64 %d, {%s0, %s1}", (a, b) => a | ((ulong)b << 32));
        Check.Four<ulong, ushort, ushort, ushort,
            ushort>("mov.b64 %d, {%s0, %s1, %s2, %s3}", (a, b, c, d) => a | ((ulong)b << 16) | ((ulong)c << 32) | ((ulong)d << 48));
        Check.Four<uint, ushort, ushort, ushort,
            ushort>("mov.b32 %d, {%s0, %s1, %s2, %s3}", (a, b, c, d) =>
                (uint)((byte)a | ((byte)b << 8) | ((byte)c << 16) | ((byte)d << 24)));
        Check.One<ushort, uint>("mov.b32 {_, %d}, %s0", a => (ushort)(a >> 16));
        Check.One<uint, ulong>("mov.b64 {%d, _}, %s0", a => (uint)a);
        Check.One<ushort, ulong>("mov.b64 {_, _, %d, _}, %s0", a => (ushort)(a >> 32));
        Check.One<ushort, uint>("mov.b32 {_, _, %d, _}, %s0", a => (byte)(a >> 16));
        Check.One<float, uint>("mov.f32 %d, 0fBFC00000", _ => -1.5f);
        Check.One<double, uint>("mov.f64 %d, -2.5", _ => -2.5);
        Check.One<uint, uint>("mov.u32 %d, -1", _ => uint.MaxValue);
    }
}
