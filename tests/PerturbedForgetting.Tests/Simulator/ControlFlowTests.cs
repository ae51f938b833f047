using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator;

/// <summary>Lanes that take different ways meet again, whatever the ways are; expected values are computed thread by thread in C#.
/// Where the ways must have met, a vote or shuffle of the whole warp stands, which faults when a lane is missing.</summary>
public class ControlFlowTests
{
    /// <summary>%r4 is the thread's index in the grid, %rd3 the address of its result, %r3 its index in the block.</summary>
    const string Index = """
        .reg .pred %p<8>;
        .reg .b32 %r<20>;
        .reg .b64 %rd<8>;
        ld.param.u64 %rd1, [out];
        mov.u32 %r1, %ctaid.x;
        mov.u32 %r2, %ntid.x;
        mov.u32 %r3, %tid.x;
        mad.lo.s32 %r4, %r1, %r2, %r3;
        mul.wide.s32 %rd2, %r4, 4;
        add.s64 %rd3, %rd1, %rd2;
        """;

    /// <summary>Adds 1000 · the number of lanes that vote here to %r6: only when the warp is whole is it that of its living
    /// lanes.</summary>
    const string Meet = """

        activemask.b32 %r18;
        popc.b32 %r18, %r18;
        mad.lo.u32 %r6, %r18, 1000, %r6;

        """;

    const string Store = "\nst.global.u32 [%rd3], %r6;\nret;\n";

    static uint[] Run(string body, int blocks = 3, int threads = 70, string declarations = "")
    {
        using Device device = Device.OfKernel(".param .u64 out", Index + body, declarations);
        ulong output = device.Allocate(4 * blocks * threads);
        device.Launch("k", new Extent(blocks), new Extent(threads), output);
        return device.Download<uint>(output, blocks * threads);
    }

    static void Check(string body, Func<uint, uint> expected, int blocks = 3, int threads = 70, string declarations = "")
    {
        uint[] found = Run(body, blocks, threads, declarations);
        Assert.That(found, Is.EqualTo(Enumerable.Range(0, found.Length).Select(i => expected((uint)i))));
    }

    /// <summary>Lanes of the warp of a thread, in blocks of 70 threads.</summary>
    static uint LanesOf(uint thread) => thread % 70 >= 64 ? 6u : 32;

    /// <summary>Steps of Collatz's sequence: every lane leaves the loop at a time of its own, and one branch inside diverges too.</summary>
    [Test]
    public void LoopWithABranchInside() => Check($"""
        add.u32 %r5, %r4, 1;
        mov.u32 %r6, 0;
        LOOP:
        setp.eq.u32 %p1, %r5, 1;
        @%p1 bra DONE;
        and.b32 %r7, %r5, 1;
        setp.ne.u32 %p2, %r7, 0;
        @%p2 bra ODD;
        shr.u32 %r5, %r5, 1;
        bra NEXT;
        ODD:
        mad.lo.u32 %r5, %r5, 3, 1;
        NEXT:
        add.u32 %r6, %r6, 1;
        bra LOOP;
        DONE: {Meet} {Store}
        """, thread => Collatz(thread + 1) + (1000 * LanesOf(thread)));

    static uint Collatz(uint n)
    {
        uint steps = 0;
        for (; n != 1; n = n % 2 == 0 ? n / 2 : (3 * n) + 1)
            steps++;
        return steps;
    }

    [Test]
    public void NestedBranchesMeetInsideOut() => Check($"""
        mov.u32 %r6, 0;
        and.b32 %r7, %r4, 1;
        and.b32 %r8, %r4, 2;
        setp.eq.u32 %p1, %r7, 0;
        setp.eq.u32 %p2, %r8, 0;
        @!%p1 bra ODD;
        @%p2 bra FOUR;
        add.u32 %r6, %r6, 1;
        bra.uni EVEN;
        FOUR:
        add.u32 %r6, %r6, 2;
        EVEN: {Meet}
        bra.uni ALL;
        ODD:
        @%p2 bra ALL;
        add.u32 %r6, %r6, 4;
        ALL: {Meet} {Store}
        """, thread => (thread % 4) switch
    {
        0 => 2 + (1000 * (LanesOf(thread) / 2)) + (1000 * LanesOf(thread)),
        2 => 1 + (1000 * (LanesOf(thread) / 2)) + (1000 * LanesOf(thread)),
        1 => 1000 * LanesOf(thread),
        _ => 4 + (1000 * LanesOf(thread)),
    });

    /// <summary>A loop in a loop, both with a trip count of the lane's own; break and continue in the inner one.</summary>
    [Test]
    public void NestedLoops() => Check($"""
        mov.u32 %r6, 0;
        mov.u32 %r7, 0;
        rem.u32 %r10, %r4, 7;
        OUTER:
        setp.ge.u32 %p1, %r7, %r10;
        @%p1 bra DONE;
        mov.u32 %r8, 0;
        INNER:
        add.u32 %r8, %r8, 1;
        setp.gt.u32 %p2, %r8, %r7;
        @%p2 bra BREAK;
        rem.u32 %r9, %r8, 3;
        setp.eq.u32 %p3, %r9, 1;
        @%p3 bra INNER;
        mad.lo.u32 %r6, %r8, 5, %r6;
        bra INNER;
        BREAK:
        add.u32 %r7, %r7, 1;
        xor.b32 %r6, %r6, %r7;
        bra OUTER;
        DONE: {Meet} {Store}
        """, thread =>
        {
            uint value = 0;
            for (uint outer = 0; outer < thread % 7;)
            {
                for (uint inner = 1; inner <= outer; inner++)
                    value += inner % 3 == 1 ? 0 : inner * 5;
                value ^= ++outer;
            }
            return value + (1000 * LanesOf(thread));
        });

    /// <summary>Lanes that leave the kernel in the middle of a nested branch: the others still meet behind it.</summary>
    [TestCase("ret")]
    [TestCase("exit")]
    public void EarlyReturnInANestedBranch(string leave) => Check($"""
        mov.u32 %r6, 7;
        st.global.u32 [%rd3], %r6;
        and.b32 %r7, %r4, 1;
        setp.ne.u32 %p1, %r7, 0;
        @%p1 bra BEHIND;
        and.b32 %r8, %r4, 2;
        setp.ne.u32 %p2, %r8, 0;
        @!%p2 bra STAY;
        {leave};
        STAY:
        add.u32 %r6, %r6, 100;
        BEHIND: {Meet}
        @%p1 {leave};
        add.u32 %r6, %r6, 1; {Store}
        """, thread => (thread % 4) switch
    {
        0 => 108 + (1000 * AliveOf(thread)),
        _ => 7,
    });

    static uint AliveOf(uint thread) =>
        (uint)Enumerable.Range(0, (int)LanesOf(thread)).Count(lane => (thread - (thread % 70 % 32) + lane) % 4 != 2);

    /// <summary>Two ways through the kernel that end in a return of their own, each with ways that part and meet inside.</summary>
    [Test]
    public void SeveralExits() => Check($"""
        mov.u32 %r6, 0;
        setp.lt.u32 %p1, %r1, 1;
        and.b32 %r7, %r4, 1;
        setp.ne.u32 %p2, %r7, 0;
        @%p1 bra FIRST;
        @%p2 bra A;
        add.u32 %r6, %r6, 1;
        A: {Meet} {Store}
        FIRST:
        @%p2 bra B;
        add.u32 %r6, %r6, 2;
        B: {Meet} {Store}
        """, thread => (thread % 2 != 0 ? 0u : thread < 70 ? 2u : 1) + (1000 * LanesOf(thread)));

    /// <summary>A check whose failure stops the kernel, laid out behind the return as compilers do, does not keep lanes from
    /// meeting.</summary>
    [Test]
    public void TrapBehindTheReturn() => Check($"""
        mov.u32 %r6, 0;
        rem.u32 %r7, %r4, 5;
        LOOP:
        setp.gt.u32 %p1, %r6, 1000;
        @%p1 bra FAILED;
        add.u32 %r6, %r6, 1;
        setp.lt.u32 %p2, %r6, %r7;
        @%p2 bra LOOP; {Meet}
        and.b32 %r8, %r4, 1;
        setp.ne.u32 %p3, %r8, 0;
        @%p3 bra ODD;
        add.u32 %r6, %r6, 50;
        ODD: {Meet} {Store}
        FAILED:
        trap;
        """, thread => Math.Max(thread % 5, 1) + (thread % 2 == 0 ? 50u : 0) + (2000 * LanesOf(thread)));

    [Test]
    public void Trap()
    {
        DeviceFault fault = Assert.Throws<DeviceFault>(() => Run("setp.eq.u32 %p1, %r4, 71;\n@%p1 trap;\nret;"))!;
        Assert.That((fault.Kind, fault.Message),
            Is.EqualTo((FaultKind.Trap, "k: test.ptx:17: block (1, 0, 0), thread (1, 0, 0): the kernel stopped itself")));
    }

    /// <summary>A body that ends without ret, behind a guarded branch.</summary>
    [Test]
    public void EndWithoutReturn() => Check("""
        mov.u32 %r6, 0;
        LOOP:
        add.u32 %r6, %r6, 1;
        st.global.u32 [%rd3], %r6;
        setp.lt.u32 %p1, %r6, %r3;
        @%p1 bra LOOP;
        """, thread => Math.Max(thread % 70, 1));

    [TestCase(1)]
    [TestCase(33)]
    public void IndirectBranch(int threads) => Check($$"""
        mov.u32 %r6, 0;
        rem.u32 %r7, %r4, 5;
        table: .branchtargets ZERO, ONE, TWO, ONE;
        setp.ne.u32 %p1, %r7, 4;
        @%p1 brx.idx %r7, table;
        add.u32 %r6, %r6, 40;
        bra DONE;
        ZERO:
        add.u32 %r6, %r6, 1;
        bra DONE;
        ONE:
        add.u32 %r6, %r6, 2;
        TWO:
        add.u32 %r6, %r6, 4;
        DONE: {{Meet}} {{Store}}
        """, thread => (thread % 5) switch { 0 => 1u, 1 or 3 => 6, 2 => 4, _ => 40u }
            + (thread % (uint)threads >= 32 ? 1000 : 1000u * (uint)Math.Min(threads, 32)), threads: threads);

    [Test]
    public void IndirectBranchBeyondItsTable() => Assert.That(
        () => Run("table: .branchtargets A, A;\nbrx.idx %r3, table;\nA: ret;", blocks: 1),
        Throws.TypeOf<DeviceFault>()
            .With.Message.EqualTo("k: test.ptx:17: block (0, 0, 0), thread (2, 0, 0): index 2 is outside the table of 2 labels"));

    const string Functions = """
        .func (.param .b32 result) twice(.param .b32 value)
        {
        .reg .b32 %r<3>;
        ld.param.u32 %r1, [value];
        add.u32 %r2, %r1, %r1;
        st.param.b32 [result], %r2;
        ret;
        }
        .func (.param .b32 result) odd(.param .b32 value)
        {
        .reg .b32 %r<5>;
        .reg .pred %p<2>;
        .local .b32 kept;
        ld.param.u32 %r1, [value];
        and.b32 %r2, %r1, 1;
        setp.eq.u32 %p1, %r2, 0;
        st.param.b32 [result], %r1;
        @%p1 ret;
        st.local.u32 [kept], %r1;
        { .param .b32 p; .param .b32 q;
        st.param.b32 [p], %r1;
        call.uni (q), twice, (p);
        ld.param.b32 %r3, [q]; }
        ld.local.u32 %r4, [kept];
        add.u32 %r3, %r3, %r4;
        st.param.b32 [result], %r3;
        ret;
        }
        """;

    /// <summary>Three times an odd number, from a function that calls another; called twice, once by some lanes only.</summary>
    [Test]
    public void Calls() => Check($$"""
        .param .b32 p;
        .param .b32 q;
        st.param.b32 [p], %r4;
        call.uni (q), odd, (p);
        ld.param.b32 %r6, [q]; {{Meet}}
        st.param.b32 [p], %r6;
        setp.gt.u32 %p1, %r3, 9;
        @%p1 call (q), odd, (p);
        ld.param.b32 %r6, [q]; {{Meet}} {{Store}}
        """, thread =>
        {
            uint first = Odd(thread), second = first + (1000 * LanesOf(thread));
            return (thread % 70 > 9 ? Odd(second) : first) + (1000 * LanesOf(thread));
        }, declarations: Functions);

    static uint Odd(uint value) => value % 2 == 0 ? value : 3 * value;

    /// <summary>Registers that lanes do not write keep their values.</summary>
    [Test]
    public void GuardedInstructions() => Check($$"""
        mov.u32 %r6, 5;
        setp.gt.u32 %p1, %r3, 20;
        setp.lt.and.u32 %p2|%p3, %r3, 40, %p1;
        @%p1 add.u32 %r6, %r6, 1;
        @!%p1 add.u32 %r6, %r6, 2;
        @%p2 mul.lo.u32 %r6, %r6, 3;
        @%p3 mul.lo.u32 %r6, %r6, 7; {{Store}}
        """, thread =>
        {
            uint x = thread % 70;
            return x <= 20 ? 7u : x < 40 ? 18u : 42;
        });

    [Test]
    public void EndlessLoop()
    {
        using Device device = Device.OfKernel(".param .u64 out", "LOOP: bra LOOP;");
        DeviceFault fault = Assert.Throws<DeviceFault>(() => device.LaunchLimited("k", instructions: 1000, 0ul))!;
        Assert.That(fault.Kind, Is.EqualTo(FaultKind.Timeout));
        Assert.That(fault.Message, Does.StartWith("k: test.ptx:7: block (0, 0, 0)").And.Contain("endless loop"));
    }

    /// <summary>Ways made at random, without loops: ladders of guarded jumps forward. Each lane's own run decides what is right.</summary>
    [Test]
    public void RandomJumpsForward()
    {
        int seed = Environment.TickCount;
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (int round = 0; round < 40; round++)
        {
            int length = random.Next(1, 40);
            var jumps = new (int Target, uint Bits)[length];
            for (int i = 0; i < length; i++)
                jumps[i] = (random.Next(i + 1, length + 1), (uint)random.Next());
            string body = "mov.u32 %r6, %r4;\n" + string.Concat(jumps.Select((jump, i) => $"""
                L{i}:
                mad.lo.u32 %r6, %r6, 13, {i + 1};
                and.b32 %r7, %r3, 31;
                shr.u32 %r8, {jump.Bits}, %r7;
                and.b32 %r8, %r8, 1;
                setp.ne.u32 %p1, %r8, 0;
                @%p1 bra L{jump.Target};
                add.u32 %r6, %r6, 17;

                """));
            Check($"{body}\nL{length}: {Meet} {Store}", thread =>
            {
                uint value = thread;
                for (int i = 0; i < length;)
                {
                    value = (value * 13) + (uint)i + 1;
                    bool isTaken = (jumps[i].Bits >> (int)(thread % 70 % 32) & 1) != 0;
                    value += isTaken ? 0u : 17;
                    i = isTaken ? jumps[i].Target : i + 1;
                }
                return value + (1000 * LanesOf(thread));
            });
        }
    }
}
