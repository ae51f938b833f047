using System.Numerics;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Tests.Simulator;

/// <summary>Small CUDA programs, compiled by clang, that use every instruction the software GPU knows: what they compute is what C#
/// computes.</summary>
public class ProgramTests
{
    const int Threads = 128;

    static string Folder { get; } = Path.Combine(TestContext.CurrentContext.TestDirectory, "Simulator", "Programs");

    static string Read(string program) => File.ReadAllText(Path.Combine(Folder, program + ".ptx"));

    /// <summary>Runs a program on one block and hands each column with the function that gives it.</summary>
    static uint[][] Run(string file, string program, uint[] a, uint[] b, int columns)
    {
        using var device = new Device(Read(file));
        ulong output = device.Allocate(4 * columns * Threads);
        device.Launch(program, new Extent(1), new Extent(Threads), device.Upload<uint>(a), device.Upload<uint>(b), output, Threads);
        return [.. device.Download<uint>(output, columns * Threads).Chunk(Threads)];
    }

    static void Check(string file, string program, uint[] a, uint[] b, params Func<uint, uint, uint>[] columns)
    {
        uint[][] found = Run(file, program, a, b, columns.Length);
        for (int c = 0; c < columns.Length; c++)
            Assert.That(found[c], Is.EqualTo(a.Zip(b, columns[c])), $"{program}, column {c}");
    }

    static uint[] Numbers(Random random) =>
        [.. Enumerable.Range(0, Threads).Select(i => i % 9 == 0
            ? (uint)random.Next(3) - 1
            : (uint)random.NextInt64(1L << 32) >> random.Next(20))];

    static uint[] Floats(Random random) =>
        [.. Enumerable.Range(0, Threads).Select(_ => Bits((float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-3, 4)))))];

    static uint Bits(float x) => BitConverter.SingleToUInt32Bits(x);

    static float Float(uint bits) => BitConverter.UInt32BitsToSingle(bits);

    static Func<uint, uint, uint> Floats(Func<float, float, float> operation) => (x, y) => Bits(operation(Float(x), Float(y)));

    [Test]
    public void EveryInstructionIsUsed()
    {
        HashSet<string> used = [.. Directory.GetFiles(Folder, "*.ptx")
            .SelectMany(file => PtxParser.Parse(file, File.ReadAllText(file)).Functions)
            .SelectMany(function => function.Statements).OfType<PtxInstruction>().Select(instruction => instruction.Opcode)];
        Assert.That(InstructionSet.Families.Select(family => family.Opcode).Except(used), Is.Empty, "these stand in no program");
    }

    [Test]
    public void Integers()
    {
        Random random = Device.Random();
        Check("integer", "integer", Numbers(random), Numbers(random),
            (x, y) => x + y,
            (x, y) => x - y,
            (x, y) => x * y,
            (x, y) => (uint)((ulong)x * y >> 32),
            (x, y) => (x * y) + (7 * x),
            (x, y) => x / (y | 1),
            (x, y) => (uint)((long)(int)x / ((int)y | 1)),
            (x, y) => (uint)((long)(int)x % ((int)y | 1)),
            Math.Min,
            (x, y) => (uint)Math.Max((int)x, (int)y),
            (x, _) => 0 - x,
            (x, _) => (int)x < 0 ? 0 - x : x,
            (x, y) => (x > y ? x - y : y - x) + 5,
            (x, y) => (x & 0xffffff) * (y & 0xffffff),
            (x, y) => 9 + (uint)Enumerable.Range(0, 4).Sum(k => (long)(byte)(x >> (8 * k)) * (byte)(y >> (8 * k))),
            (x, y) => 9 + ((uint)(ushort)x * (byte)y) + ((x >> 16) * (byte)(y >> 8)),
            (x, y) => x + y,
            (x, y) => x + y + (uint)(((ulong)x + y) >> 32),
            (x, y) => x - y,
            (x, y) => x - y - (x < y ? 1u : 0),
            (x, y) => (x * y) + x,
            (x, y) => (uint)((ulong)x * y >> 32) + y + (uint)(((ulong)(x * y) + x) >> 32));
    }

    [Test]
    public void Logic()
    {
        Random random = Device.Random();
        static int Shift(uint y) => (int)(y & 31);
        Check("logic", "logic", Numbers(random), Numbers(random),
            (x, y) => x & y,
            (x, y) => x | y,
            (x, y) => x ^ y,
            (x, _) => ~x,
            (x, _) => (uint)BitOperations.PopCount(x),
            (x, y) => (uint)BitOperations.LeadingZeroCount(x >> Shift(y)),
            (x, _) => (uint)Enumerable.Range(0, 32).Aggregate(0u, (r, k) => r | ((x >> k & 1) << (31 - k))),
            (x, y) => x >> Shift(y) == 0 ? uint.MaxValue : (uint)BitOperations.Log2(x >> Shift(y)),
            (x, y) => x << Shift(y),
            (x, y) => x >> Shift(y),
            (x, y) => (uint)((int)x >> Shift(y)),
            (x, y) => (y << 11) | (x >> 21),
            (x, y) => (x & y) | (~x & 0x0f0f3355),
            (x, y) => (byte)(y >> 24) | ((uint)(byte)(y >> 8) << 8) | ((uint)(byte)(x >> 24) << 16) | ((uint)(byte)(x >> 8) << 24),
            (x, _) => x >> 5 & 0x1ff,
            (x, y) => (y & 0xfff000ff) | ((x & 0xfff) << 8));
    }

    [Test]
    public void FloatingPoint()
    {
        Random random = Device.Random();
        Check("floating", "floating", Floats(random), Floats(random),
            Floats((f, g) => f + g),
            Floats((f, g) => f - g),
            Floats((f, g) => f * g),
            Floats((f, g) => f / g),
            Floats((f, g) => MathF.FusedMultiplyAdd(f, g, 1.5f)),
            Floats((f, _) => MathF.Sqrt(MathF.Abs(f))),
            Floats((f, _) => 1 / f),
            Floats((f, _) => -f),
            Floats(MathF.Min),
            Floats(MathF.Max),
            Floats((f, g) => MathF.CopySign(g, f)),
            (x, _) => float.IsInfinity(Float(x) * 3e38f) ? 1u : 0,
            Floats((f, g) => f < g ? 1 : 0),
            (x, y) => Float(x) < Float(y) ? x : y,
            (x, _) => (uint)(int)Float(x),
            (x, _) => Bits((float)(int)x),
            Floats((f, g) => (float)((double)f * g)));
    }

    /// <summary>Within the bounds that the PTX ISA gives, or a little beyond where it gives none in these terms.</summary>
    [Test]
    public void ApproximateFunctions()
    {
        Random random = Device.Random();
        uint[] a = [.. Floats(random).Select(x => Bits(Float(x) % 3))], b = Floats(random);
        (Func<double, double, double> Exact, double Relative, double Absolute)[] columns =
        [
            ((f, _) => Math.Pow(2, f), 2.4e-7, 0),
            ((_, g) => Math.Log2(g), 2.4e-7, 2.4e-7),
            ((f, _) => Math.Sin(f), 0, 6e-7),
            ((f, _) => Math.Cos(f), 0, 6e-7),
            ((f, _) => Math.Tanh(f), 5e-4, 0),
            ((_, g) => 1 / Math.Sqrt(g), 2.4e-7, 0),
        ];
        uint[][] found = Run("floating", "approximate", a, b, columns.Length);
        for (int c = 0; c < columns.Length; c++)
        {
            for (int i = 0; i < Threads; i++)
            {
                double exact = columns[c].Exact(Float(a[i]), Math.Abs(Float(b[i])));
                Assert.That(Float(found[c][i]), Is.EqualTo(exact).Within((columns[c].Relative * Math.Abs(exact)) + columns[c].Absolute),
                    $"column {c}, {Float(a[i])}, {Float(b[i])}");
            }
        }
    }

    [Test]
    public void ControlFlow()
    {
        Random random = Device.Random();
        uint[] a = Numbers(random), b = Numbers(random);
        using var device = new Device(Read("control"));
        // Lanes that have exited write nothing; 256 threads stand at the barriers before those beyond n leave.
        ulong output = device.Upload<uint>(new uint[6 * Threads]);
        device.Launch("control", new Extent(1), new Extent(256), device.Upload<uint>(a), device.Upload<uint>(b), output, Threads);
        uint[][] found = [.. device.Download<uint>(output, 6 * Threads).Chunk(Threads)];
        Func<uint, uint, int, uint>[] columns =
        [
            (_, _, i) => 255 - (uint)i,
            (x, _, _) => Collatz(x & 0xffff),
            (x, y, _) => (x & 3) switch { 0 or 2 => x + y, 1 => (x * y) - y, _ => x - y },
            (x, y, _) => y - x,
            (_, _, _) => Bits(3),
            (x, _, _) => (x & 4) != 0 ? 0u : 1,
        ];
        for (int c = 0; c < columns.Length; c++)
            Assert.That(found[c], Is.EqualTo(Enumerable.Range(0, Threads).Select(i => columns[c](a[i], b[i], i))), $"column {c}");
    }

    static uint Collatz(uint n)
    {
        uint steps = 0;
        for (; n > 1; steps++)
            n = n % 2 == 0 ? n / 2 : (3 * n) + 1;
        return steps;
    }

    /// <summary>What kernels print, and how they end themselves: the functions that the driver gives them.</summary>
    [Test]
    public void Printing()
    {
        uint[] a = new uint[Threads], b = new uint[Threads];
        (a[5], b[5], a[69]) = (1000, 255, 1234567);
        using var device = new Device(Read("calls"));
        ulong output = device.Allocate(4 * Threads);
        device.Launch("prints", new Extent(1), new Extent(Threads), device.Upload<uint>(a), device.Upload<uint>(b), output, Threads);
        string[] lines = device.Printed.ToString().Split('\n');
        // As the host's printf writes it.
        Assert.That(lines, Is.EqualTo((string[])
        [
            "5:  1000|ff    |0350 fbc -3000 125.000 2.550000e+02 0.5 -0007.50 +5%", "end",
            "69: 1234567|0     |0207 rbc -3703701 154320.875 0.000000e+00 6.9 -0103.50 +69%", "end", "",
        ]));
        Assert.That(device.Download<uint>(output, Threads), Is.EqualTo(Enumerable.Range(0, Threads).Select(i => i % 64 == 5 ? 12u : 7)));
    }

    [Test]
    public void Assertions()
    {
        uint[] a = new uint[Threads];
        using var device = new Device(Read("calls"));
        void Launch() => device.Launch("asserts", new Extent(1), new Extent(Threads), device.Upload<uint>(a), device.Upload<uint>(a),
            device.Allocate(4 * Threads), Threads);
        Assert.DoesNotThrow(Launch);
        a[70] = 2_000_000_000;
        var fault = Assert.Throws<DeviceFault>(() => device.Launch("asserts", new Extent(1), new Extent(Threads), device.Upload<uint>(a),
            device.Upload<uint>(new uint[Threads]), device.Allocate(4 * Threads), Threads));
        Assert.That((fault!.Kind, fault.Message.Split("thread ")[1]), Is.EqualTo((FaultKind.Assert,
            "(70, 0, 0): calls.cu:42: asserts: assertion `x is small` failed")));
    }

    [Test]
    public void Memory()
    {
        Random random = Device.Random();
        uint[] a = Numbers(random), b = Numbers(random), table = [2, 3, 5, 7, 11, 13, 17, 19];
        uint[][] found = Run("memory", "memory", a, b, 9);
        uint count = (uint)a.Sum(x => x & 15);
        Func<int, uint>[] columns =
        [
            i => ((b[i] & 15) ^ (a[i] & 15)) * b[i],
            i => table[a[i] & 7],
            i => b[127 - i],
            i => (a[i] & 1) != 0 ? a[127 - i] : b[127 - i],
            _ => 2,
            _ => count,
            _ => 1,
            i => a[i ^ 1],
            i => b[(i & ~31) + (i % 32)],
        ];
        for (int c = 0; c < columns.Length; c++)
            Assert.That(found[c], Is.EqualTo(Enumerable.Range(0, Threads).Select(columns[c])), $"column {c}");
    }

    [Test]
    public void Warps()
    {
        Random random = Device.Random();
        uint[] a = Numbers(random), b = Numbers(random);
        uint[][] found = Run("warp", "warp", a, b, 7);
        static uint Ballot(Func<int, bool> holds) =>
            Enumerable.Range(0, 32).Aggregate(0u, (mask, lane) => mask | (holds(lane) ? 1u << lane : 0));
        Func<int, int, uint>[] columns =
        [
            (w, lane) => a[w + (lane ^ 5)],
            (w, _) => Ballot(k => a[w + k] < b[w + k]),
            (w, lane) => Ballot(k => (a[w + k] & 3) == (a[w + lane] & 3)),
            (w, _) => Enumerable.Range(w, 32).Aggregate(0u, (sum, i) => sum + a[i]),
            (w, lane) => (a[w + lane] & 1) != 0 ? Ballot(k => (a[w + k] & 1) != 0) : 0,
            (w, lane) => Bits(16 + (a[w + lane] & 255)),
            (w, lane) => Bits(16 + (a[w + lane] & 255)),
        ];
        for (int c = 0; c < columns.Length; c++)
            Assert.That(found[c], Is.EqualTo(Enumerable.Range(0, Threads).Select(i => columns[c](i & ~31, i & 31))), $"column {c}");
    }
}
