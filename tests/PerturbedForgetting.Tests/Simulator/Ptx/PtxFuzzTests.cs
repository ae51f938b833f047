using System.Text;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Memory;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Tests.Simulator.Ptx;

/// <summary>Hostile text gives a module or a <see cref="PtxException"/>: never another exception, and never much memory or time.</summary>
public class PtxFuzzTests
{
    /// <summary>Every construct once, so that a mutation of it meets every part of the parser and of the compiler.</summary>
    static string Whole { get; } = PtxParserTests.Head + """
        .file 1 "a.cu"
        .const .align 4 .f32 table[4] = {0f3F800000, 1.5, -2.0, 0};
        .global .align 8 .b8 bytes[6] = {1, 0x2, 03, 0b100};
        .extern .shared .align 16 .b8 dynamic[];
        .func (.param .b32 result) twice(.param .b32 value)
        {
        .reg .b32 %r<3>;
        ld.param.u32 %r1, [value];
        add.s32 %r2, %r1, %r1;
        st.param.b32 [result], %r2;
        ret;
        }
        .visible .entry k(.param .u64 .ptr .align 1 out, .param .align 4 .b8 s[12])
        .maxntid 128, 1, 1
        {
        .local .align 8 .b8 depot[16];
        .shared .align 4 .f32 tile[64];
        .reg .pred %p<4>;
        .reg .b32 %r<12>;
        .reg .f32 %f<8>;
        .reg .b64 %rd<6>;
        .loc 1 3 1, function_name $L__info_string0, inlined_at 1 2 1
        ld.param.u64 %rd1, [out];
        cvta.to.global.u64 %rd2, %rd1;
        mov.u32 %r1, %tid.x;
        mul.wide.u32 %rd3, %r1, 4;
        mov.u64 %rd4, table;
        ld.const.v2.f32 {%f1, _}, [%rd4+8];
        ld.const.f32 %f2, [table+4];
        setp.lt.and.f32 %p1|%p2, %f1, 0f00000000, !%p3;
        { .reg .b32 t; mov.b32 t, 7; L: add.s32 %r2, t, -1; @!%p1 bra L; }
        shfl.sync.bfly.b32 %r3|%p3, %r2, 1, 31, -1;
        fma.rn.f32 %f3, %f1, %f2, 0f3F800000;
        mov.b64 %rd5, {%r1, %r2};
        { .param .b32 param0; .param .b32 retval0;
        st.param.b32 [param0+0], %r1;
        call.uni (retval0), twice, (param0);
        ld.param.b32 %r4, [retval0]; }
        targets: .branchtargets A, B;
        brx.idx %r4, targets;
        A: bar.sync 0;
        B: st.shared.f32 [tile+-4], %f3;
        @%p2 st.global.u8 [%rd2+-8], %r3;
        red.global.add.u32 [%rd2], 1;
        cp.async.ca.shared.global [tile], [%rd2], 4;
        ret;
        }
        .section .debug_str { .b8 0 { } }
        """;

    static void Load(string text)
    {
        using var memory = new DeviceMemory(1 << 24);
        try
        {
            DeviceModule.Load("fuzz", text, memory).Dispose();
        }
        catch (PtxException)
        {
        }
        Assert.That(memory.Count, Is.Zero, "the module's memory is given back");
    }

    static void Check(int cases, Func<string> next)
    {
        for (int i = 0; i < cases; i++)
        {
            string text = next();
            try
            {
                Load(text);
            }
            catch (Exception error) when (error is not AssertionException)
            {
                Assert.Fail($"{error}\n{text}");
            }
        }
    }

    static Random NewRandom()
    {
        int seed = Environment.TickCount;
        TestContext.Out.WriteLine($"seed {seed}");
        return new Random(seed);
    }

    [Test]
    public void WholeModuleLoads()
    {
        using var memory = new DeviceMemory(1 << 24);
        using DeviceModule module = DeviceModule.Load("whole", Whole, memory);
        Assert.That(module.Kernels, Is.EqualTo(new[] { "k" }));
    }

    [Test]
    public void TruncatedAnywhere()
    {
        for (int length = 0; length < Whole.Length; length++)
            Load(Whole[..length]);
    }

    [Test]
    public void RandomBytes()
    {
        Random random = NewRandom();
        Check(1000, () =>
        {
            var bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            return (random.Next(2) == 0 ? "" : PtxParserTests.Head) + Encoding.Latin1.GetString(bytes);
        });
    }

    [Test]
    public void RandomTokens()
    {
        Random random = NewRandom();
        string[] words = Whole.Split([' ', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries);
        Check(1000, () => PtxParserTests.Head + (random.Next(2) == 0 ? ".entry k() { .reg .b32 %r<9>; .reg .pred %p<4>; " : "")
            + string.Join(' ', Enumerable.Range(0, random.Next(60)).Select(_ => words[random.Next(words.Length)])));
    }

    /// <summary>Characters, words and lines of a right module are cut, doubled, exchanged or replaced.</summary>
    [Test]
    public void MutatedModule()
    {
        Random random = NewRandom();
        string[] extremes = ["0", "-1", "4294967295", "18446744073709551615", "99999999999999999999", "0x", "{", "}", "[", "]", "(", ")",
            ";", ",", ":", "<", ">", ".", "%", "\"", "/*", "_", "=", "|", "!", "@", "\0", "é"];
        Check(3000, () =>
        {
            var text = new StringBuilder(Whole);
            for (int m = random.Next(1, 4); m > 0; m--)
            {
                int at = random.Next(text.Length), length = Math.Min(random.Next(1, 30), text.Length - at);
                switch (random.Next(4))
                {
                    case 0: text.Remove(at, Math.Min(length, random.Next(1, 4))); break;
                    case 1: text.Insert(random.Next(text.Length), text.ToString(at, length)); break;
                    case 2: text.Insert(at, extremes[random.Next(extremes.Length)]); break;
                    default: Replace(text, random, extremes); break;
                }
            }
            return text.ToString();
        });
    }

    static void Replace(StringBuilder text, Random random, string[] extremes)
    {
        string[] lines = text.ToString().Split('\n');
        int line = random.Next(lines.Length);
        string[] words = lines[line].Split(' ');
        words[random.Next(words.Length)] = random.Next(2) == 0
            ? extremes[random.Next(extremes.Length)]
            : lines[random.Next(lines.Length)].Split(' ')[^1];
        lines[line] = string.Join(' ', words);
        text.Clear().Append(string.Join('\n', lines));
    }

    static IEnumerable<TestCaseData> Large()
    {
        static TestCaseData Case(string name, string text) => new TestCaseData(text).SetArgDisplayNames(name);
        static string Body(string body) => $".entry k() {{ {body} }}";
        static string Many(int count, Func<int, string> part) => string.Concat(Enumerable.Range(0, count).Select(part));
        yield return Case("A thousand million registers", Body(".reg .b32 %r<1000000000>; ret;"));
        yield return Case("A million registers, often", Many(100, i => $".entry k{i}() {{ .reg .b64 %r<1000000>; ret; }}\n"));
        yield return Case("Many functions with many registers", Many(1000, i => $".entry k{i}() {{ .reg .b64 %r<200000>; ret; }}\n"));
        yield return Case("Braces", Body(new string('{', 1_000_000)));
        yield return Case("Initial braces", ".global .b8 x[4] = " + new string('{', 1_000_000));
        yield return Case("Section braces", ".section .debug " + new string('{', 1_000_000));
        yield return Case("Parentheses", Body("call " + new string('(', 1_000_000)));
        yield return Case("Brackets", Body("ld.u32 %r1, " + new string('[', 1_000_000)));
        yield return Case("Dimensions", ".global .b8 x" + Many(100_000, _ => "[2]") + ";");
        yield return Case("Dimensions that overflow", ".global .b8 x[4294967295][4294967296][16];");
        yield return Case("A variable of 4 GiB", ".global .b8 x[4294967296];");
        yield return Case("Shared variables of 4 GiB", ".shared .b8 x[4294967296];\n.shared .b8 y[4294967296];\n" + Body("ret;"));
        yield return Case("Local variables of 4 GiB", Body(".local .b128 x[4294967296]; .local .b128 y[4294967296]; ret;"));
        yield return Case("A parameter of 4 GiB", ".entry k(.param .b8 x[4294967296], .param .b8 y[4294967296]) { ret; }");
        yield return Case("Threads", ".entry k() .maxntid 1000000, 1000000, 1000000 { ret; }");
        yield return Case("A long name", ".global .b32 " + new string('x', 1_000_000) + ";");
        yield return Case("A long number", ".global .b32 x = " + new string('9', 1_000_000) + ";");
        yield return Case("A long octal number", ".global .b32 x = 0" + new string('7', 1_000_000) + ";");
        yield return Case("Modifiers", Body("add" + Many(100_000, _ => ".rn") + " %r1, %r2, %r3;"));
        yield return Case("Operands", Body("add.s32 " + Many(100_000, _ => "%r1,") + " %r1;"));
        yield return Case("Functions", Many(30_000, i => $".func f{i}();\n"));
        yield return Case("Labels", Body(Many(50_000, i => $"L{i}: bra L{i * 7919 % 50_000};\n") + "ret;"));
        yield return Case("Exits", Body(".reg .pred %p;" + Many(20_000, i => $"@%p bra L{i}; ret; L{i}:\n") + "ret;"));
        yield return Case("Ladders",
            Body(".reg .pred %p;" + Many(10_000, i => $"L{i}: @%p bra L{(i + 3) % 10_000}; @%p bra L{i / 2};\n") + "ret;"));
        yield return Case("Tables",
            Body(".reg .b32 %r1;" + Many(2_000, i =>
                $"T{i}: .branchtargets {string.Join(',', Enumerable.Repeat("E", 2_000))}; brx.idx %r1, T{i};\n") + "E: ret;"));
        yield return Case("Constants", Body(".reg .b64 %r1;" + Many(100_000, i => $"mov.u64 %r1, {i};\n") + "ret;"));
        yield return Case("Scopes", Body(Many(20_000, _ => "{ .reg .b32 t; L: bra L; }\n") + "ret;"));
    }

    [TestCaseSource(nameof(Large))]
    public void LargeText(string text) => Load(PtxParserTests.Head + text);
}
