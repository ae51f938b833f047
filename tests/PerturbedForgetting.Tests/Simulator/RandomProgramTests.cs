using System.Numerics;
using System.Text;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator;

/// <summary>Programs made at random, with jumps forward and backward into the middle of anything, executed by warps on the software GPU and
/// thread by thread in C#: control flow, guards, and the places of registers are right, and the lanes have met at the end.</summary>
public class RandomProgramTests
{
    const int Registers = 12, Threads = 70;

    enum Kind
    {
        Operate,
        GuardedOperate,
        Temporaries,
        JumpForward,
        JumpBack,
        Table,
    }

    readonly record struct Step(Kind Kind, int D, int A, int B, int Bit, int Target, int Other);

    static Step[] NewProgram(Random random)
    {
        var steps = new Step[random.Next(1, 60)];
        for (int i = 0; i < steps.Length; i++)
        {
            var kind = (Kind)random.Next(6);
            int target = kind == Kind.JumpBack ? random.Next(i + 1) : random.Next(i + 1, steps.Length + 1);
            steps[i] = new Step(kind, random.Next(Registers), random.Next(Registers), random.Next(Registers), random.Next(32), target,
                random.Next(i + 1, steps.Length + 1));
        }
        return steps;
    }

    static string Text(Step[] steps)
    {
        var text = new StringBuilder($"""
            .reg .pred %p<4>;
            .reg .b32 %r<20>, %x<{Registers}>, %t<{(3 * steps.Length) + 1}>;
            .reg .b64 %rd<8>;
            ld.param.u64 %rd1, [out];
            mov.u32 %r1, %tid.x;
            mul.wide.u32 %rd2, %r1, 4;
            add.s64 %rd3, %rd1, %rd2;
            mov.u32 %r2, 40;

            """);
        for (int r = 0; r < Registers; r++)
            text.Append($"mad.lo.u32 %x{r}, %r1, {(r * 7919) + 1}, {r};\n");
        for (int i = 0; i < steps.Length; i++)
        {
            Step s = steps[i];
            text.Append($"L{i}:\n");
            text.Append(s.Kind switch
            {
                Kind.Operate => $"mad.lo.u32 %x{s.D}, %x{s.A}, 13, %x{s.B};\n",
                Kind.GuardedOperate => $"{Test(s)}@!%p1 xor.b32 %x{s.D}, %x{s.A}, %x{s.B};\n",
                Kind.Temporaries => $"add.u32 %t{3 * i}, %x{s.A}, {s.Bit};\nxor.b32 %t{(3 * i) + 1}, %t{3 * i}, %x{s.B};\nadd.u32 "
                    + $"%t{(3 * i) + 2}, %t{3 * i}, %t{(3 * i) + 1};\nsub.u32 %x{s.D}, %t{(3 * i) + 2}, %t{(3 * i) + 1};\n",
                Kind.JumpForward => $"{Test(s)}@%p1 bra L{s.Target};\n",
                Kind.JumpBack => $"sub.s32 %r2, %r2, 1;\nsetp.gt.s32 %p2, %r2, 0;\n@%p2 bra L{s.Target};\n",
                _ => $"and.b32 %r3, %x{s.A}, 1;\nT{i}: .branchtargets L{s.Target}, L{s.Other};\n{Test(s)}@%p1 brx.idx %r3, T{i};\n",
            });
        }
        return text.Append($$"""
            L{{steps.Length}}:
            activemask.b32 %r18;
            popc.b32 %r4, %r18;
            {{string.Concat(Enumerable.Range(0, Registers).Select(r => $"mad.lo.u32 %r4, %r4, 31, %x{r};\n"))}}
            mad.lo.u32 %r4, %r4, 31, %r2;
            st.global.u32 [%rd3], %r4;
            ret;
            """).ToString();

        static string Test(Step s) =>
            $"shr.u32 %r3, %x{s.B}, {s.Bit};\nand.b32 %r3, %r3, 1;\nsetp.ne.u32 %p1, %r3, 0;\nand.b32 %r3, %x{s.A}, 1;\n";
    }

    static uint Run(Step[] steps, uint thread)
    {
        var x = new uint[Registers];
        for (int r = 0; r < Registers; r++)
            x[r] = (thread * (((uint)r * 7919) + 1)) + (uint)r;
        int fuel = 40;
        for (int i = 0; i < steps.Length;)
        {
            Step s = steps[i++];
            bool test = (x[s.B] >> s.Bit & 1) != 0;
            switch (s.Kind)
            {
                case Kind.Operate: x[s.D] = (x[s.A] * 13) + x[s.B]; break;
                case Kind.GuardedOperate: x[s.D] = test ? x[s.D] : x[s.A] ^ x[s.B]; break;
                case Kind.Temporaries: x[s.D] = x[s.A] + (uint)s.Bit; break;
                case Kind.JumpForward: i = test ? s.Target : i; break;
                case Kind.JumpBack: i = --fuel > 0 ? s.Target : i; break;
                default: i = !test ? i : (x[s.A] & 1) == 0 ? s.Target : s.Other; break;
            }
        }
        uint result = (uint)Math.Min(Threads - (thread / 32 * 32), 32);
        foreach (uint value in x)
            result = (result * 31) + value;
        return (result * 31) + (uint)fuel;
    }

    [Test]
    public void LikeThreadByThread()
    {
        int seed = Environment.TickCount;
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (int round = 0; round < 150; round++)
        {
            Step[] steps = NewProgram(random);
            string text = Text(steps);
            using Device device = Device.OfKernel(".param .u64 out", text);
            ulong output = device.Allocate(4 * Threads);
            device.Launch("k", new Extent(1), new Extent(Threads), output);
            Assert.That(device.Download<uint>(output, Threads), Is.EqualTo(Enumerable.Range(0, Threads).Select(t => Run(steps, (uint)t))),
                text);
        }
    }

    /// <summary>A thousand values, each in a register of its own as compilers write them, of which few are alive at once.</summary>
    [TestCase("b32", "u32", 1)]
    [TestCase("b64", "u64", 2)]
    public void RegistersShareTheirPlaces(string type, string operation, int units)
    {
        string chain = string.Concat(Enumerable.Range(2, 998).Select(i => $"add.{operation} %v{i}, %v{i - 1}, %v{i - 2};\n"));
        using Device device = Device.OfKernel(".param .u64 out", $"""
            .reg .{type} %v<1000>;
            .reg .b64 %rd<2>;
            ld.param.u64 %rd1, [out];
            mov.{operation} %v0, 1;
            mov.{operation} %v1, 2;
            {chain}
            st.global.{operation} [%rd1], %v999;
            """);
        ulong output = device.Allocate(8);
        device.Launch("k", new Extent(1), new Extent(1), output);
        BigInteger a = 1, b = 2;
        for (int i = 2; i < 1000; i++)
            (a, b) = (b, a + b);
        Assert.That(device.Download<uint>(output, 1)[0], Is.EqualTo((uint)(b & uint.MaxValue)));
        KernelProgram program = device.Program("k");
        Assert.That(program.RegisterCount, Is.EqualTo((3 * units) + 2));
        Assert.That(program.RegisterBytes, Is.LessThanOrEqualTo(16 * 256));
    }
}
