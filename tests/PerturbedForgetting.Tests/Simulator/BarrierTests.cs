using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator;

/// <summary>Barriers of a block, and what is wrong with the ways to miss one.</summary>
public class BarrierTests
{
    /// <summary>%r1 is the thread, %r2 its warp, %rd2 the address of its result, %r3 the address of its word of shared memory.</summary>
    const string Index = """
        .reg .pred %p<8>;
        .reg .b32 %r<20>;
        .reg .b64 %rd<8>;
        .shared .b32 words[1024];
        ld.param.u64 %rd1, [out];
        mov.u32 %r1, %tid.x;
        shr.u32 %r2, %r1, 5;
        mul.wide.u32 %rd2, %r1, 4;
        add.s64 %rd2, %rd1, %rd2;
        mov.u32 %r3, words;
        mad.lo.u32 %r3, %r1, 4, %r3;

        """;

    static uint[] Run(string body, int threads)
    {
        using Device device = Device.OfKernel(".param .u64 out", Index + body);
        ulong output = device.Allocate(4 * threads);
        device.Launch("k", new Extent(1), new Extent(threads), output);
        return device.Download<uint>(output, threads);
    }

    static DeviceFault Fault(string body, int threads) => Assert.Throws<DeviceFault>(() => Run(body, threads))!;

    /// <summary>Every thread reads what the thread across the block wrote, again and again.</summary>
    [TestCase("bar.sync 0;", 1)]
    [TestCase("bar.sync 0;", 33)]
    [TestCase("barrier.sync.aligned 15;", 256)]
    [TestCase("barrier.cta.sync 3, 1024;", 1024)]
    [TestCase("bar.sync 0, 96;", 70)]
    public void ValuesPassABarrier(string barrier, int threads)
    {
        uint[] found = Run($"""
            mov.u32 %r4, %ntid.x;
            mov.u32 %r5, words;
            sub.u32 %r6, %r4, %r1;
            sub.u32 %r6, %r6, 1;
            mad.lo.u32 %r6, %r6, 4, %r5;
            mov.u32 %r7, %r1;
            mov.u32 %r8, 0;
            LOOP:
            st.shared.u32 [%r3], %r7;
            {barrier}
            ld.shared.u32 %r9, [%r6];
            mad.lo.u32 %r7, %r9, 3, 1;
            {barrier}
            add.u32 %r8, %r8, 1;
            setp.lt.u32 %p1, %r8, 5;
            @%p1 bra LOOP;
            st.global.u32 [%rd2], %r7;
            """, threads);
        uint[] expected = [.. Enumerable.Range(0, threads).Select(i => (uint)i)];
        for (int round = 0; round < 5; round++)
            expected = [.. expected.Reverse().Select(value => (value * 3) + 1)];
        Assert.That(found, Is.EqualTo(expected));
    }

    [Test]
    public void Votes()
    {
        uint[] found = Run("""
            setp.lt.u32 %p1, %r1, 37;
            setp.lt.u32 %p2, %r1, 500;
            setp.gt.u32 %p3, %r1, 500;
            bar.red.popc.u32 %r4, 0, %p1;
            bar.red.popc.u32 %r5, 0, !%p1;
            mad.lo.u32 %r4, %r5, 1000, %r4;
            bar.red.and.pred %p4, 0, %p2;
            bar.red.and.pred %p5, 0, %p1;
            bar.red.or.pred %p6, 0, %p1;
            bar.red.or.pred %p7, 1, 96, %p3;
            @%p4 add.u32 %r4, %r4, 100000;
            @%p5 add.u32 %r4, %r4, 200000;
            @%p6 add.u32 %r4, %r4, 400000;
            @%p7 add.u32 %r4, %r4, 800000;
            st.global.u32 [%rd2], %r4;
            """, 70);
        Assert.That(found, Is.All.EqualTo(37 + (33 * 1000) + 100_000 + 400_000));
    }

    /// <summary>Warp 0 produces without waiting, the others wait for it; then the other way round.</summary>
    [Test]
    public void ProducerAndConsumers()
    {
        uint[] found = Run("""
            setp.eq.u32 %p1, %r2, 0;
            @!%p1 bra CONSUME;
            add.u32 %r4, %r1, 5;
            st.shared.u32 [%r3], %r4;
            bar.arrive 1, 128;
            bar.sync 2, 128;
            ld.shared.u32 %r5, [words+256];
            bra DONE;
            CONSUME:
            bar.sync 1, 128;
            and.b32 %r4, %r1, 31;
            mov.u32 %r6, words;
            mad.lo.u32 %r4, %r4, 4, %r6;
            ld.shared.u32 %r5, [%r4];
            st.shared.u32 [%r3], %r1;
            bar.arrive 2, 128;
            DONE:
            st.global.u32 [%rd2], %r5;
            """, 128);
        Assert.That(found, Is.EqualTo(Enumerable.Range(0, 128).Select(i => i < 32 ? 64u : (uint)(i % 32) + 5)));
    }

    /// <summary>Half of the block synchronises under a number of its own while the other half does not.</summary>
    [Test]
    public void BarrierOfSomeWarps()
    {
        uint[] found = Run("""
            mov.u32 %r5, 9;
            setp.lt.u32 %p1, %r2, 2;
            @!%p1 bra DONE;
            st.shared.u32 [%r3], %r1;
            bar.sync 4, 64;
            xor.b32 %r4, %r1, 32;
            mov.u32 %r6, words;
            mad.lo.u32 %r4, %r4, 4, %r6;
            ld.shared.u32 %r5, [%r4];
            DONE:
            bar.sync 0;
            st.global.u32 [%rd2], %r5;
            """, 128);
        Assert.That(found, Is.EqualTo(Enumerable.Range(0, 128).Select(i => i < 64 ? (uint)i ^ 32 : 9)));
    }

    [Test]
    public void OnlySomeLanesReachTheBarrier()
    {
        DeviceFault fault = Fault("setp.lt.u32 %p1, %r1, 40;\n@!%p1 bra BEHIND;\nbar.sync 0;\nBEHIND: ret;", 64);
        Assert.That((fault.Kind, fault.Message), Is.EqualTo((FaultKind.DivergentBarrier,
            "k: test.ptx:20: block (0, 0, 0), thread (40, 0, 0): only lanes 0x000000ff of warp 1 reach the barrier, its living lanes are "
            + "0xffffffff")));
    }

    [Test]
    public void GuardedBarrier() =>
        Assert.That(Fault("setp.lt.u32 %p1, %r1, 7;\n@%p1 bar.sync 0;", 64).Kind, Is.EqualTo(FaultKind.DivergentBarrier));

    /// <summary>Lanes of one warp that wait at two barriers, one on each side of a branch, never meet.</summary>
    [Test]
    public void ABarrierOnEachSide() => Assert.That(
        Fault("setp.lt.u32 %p1, %r1, 7;\n@%p1 bra A;\nbar.sync 0;\nbra B;\nA: bar.sync 0;\nB: ret;", 32).Kind,
        Is.EqualTo(FaultKind.DivergentBarrier));

    /// <summary>Lanes that have left the kernel do not count: the rest of their warp may synchronise.</summary>
    [Test]
    public void LanesThatLeftDoNotCount() => Assert.That(Run("""
        st.global.u32 [%rd2], 1;
        setp.gt.u32 %p1, %r1, 40;
        @%p1 ret;
        bar.sync 0;
        st.global.u32 [%rd2], 2;
        """, 64), Is.EqualTo(Enumerable.Range(0, 64).Select(i => i > 40 ? 1u : 2)));

    /// <summary>Nor do warps that have left: a barrier of the block is for threads that have not exited (CUDA C++ Programming Guide,
    /// "Independent Thread Scheduling"). Warp 1 leaves at once, warp 2 after the others wait.</summary>
    [Test]
    public void WarpsThatLeftDoNotCount() => Assert.That(Run("""
        st.global.u32 [%rd2], 1;
        setp.eq.u32 %p1, %r2, 1;
        @%p1 ret;
        st.shared.u32 [%r3], %r1;
        bar.sync 0;
        st.global.u32 [%rd2], 2;
        setp.eq.u32 %p1, %r2, 2;
        @%p1 ret;
        ld.shared.u32 %r4, [words+256];
        bar.red.popc.u32 %r5, 0, %p1;
        add.u32 %r4, %r4, %r5;
        st.global.u32 [%rd2], %r4;
        """, 96), Is.EqualTo(Enumerable.Range(0, 96).Select(i => i < 32 ? 64u : i < 64 ? 1u : 2)));

    /// <summary>A barrier that names a number of threads waits for so many.</summary>
    [Test]
    public void AWarpLeavesWithoutTheBarrierThatCountsIt()
    {
        DeviceFault fault = Fault("setp.eq.u32 %p1, %r2, 1;\n@%p1 ret;\nbar.sync 0, 96;", 96);
        Assert.That((fault.Kind, fault.Message), Is.EqualTo((FaultKind.DivergentBarrier,
            "k: test.ptx:20: block (0, 0, 0): warp 0 waits at barrier 0 for ever: 1 of 3 warps have left the kernel without reaching it")));
    }

    [Test]
    public void WarpsWaitAtDifferentBarriers()
    {
        DeviceFault fault = Fault("add.u32 %r4, %r2, 3;\nbar.sync %r4;", 64);
        Assert.That((fault.Kind, fault.Message), Is.EqualTo((FaultKind.BarrierDeadlock,
            "k: test.ptx:19: block (0, 0, 0): warp 0 waits at barrier 3 for ever: other warps wait at barrier 4")));
    }

    /// <summary>All warps are at the barrier, but it waits for more threads than there are.</summary>
    [TestCase("bar.sync 1, 128;", 64, "128")]
    [TestCase("bar.sync 1, 40;", 64, "40")]
    [TestCase("bar.sync 16;", 64, "barrier 16")]
    [TestCase("setp.eq.u32 %p1, %r2, 0; @%p1 bra A; bar.sync 1, 64; A: ret;", 64, "for ever")]
    [TestCase("setp.eq.u32 %p1, %r2, 0; @%p1 bra A; bar.sync 1, 64; bra B; A: bar.sync 1, 96; B: ret;", 64, "96")]
    [TestCase("bar.sync 1, 96;", 64, "96")]
    public void WrongNumberOfThreads(string body, int threads, string part) =>
        Assert.That(Fault(body, threads).Message, Does.Contain(part));

    [Test]
    public void WarpSync()
    {
        Assert.That(Run("""
            setp.lt.u32 %p1, %r1, 16;
            @%p1 bra LOW;
            bar.warp.sync 0xffff0000;
            bra DONE;
            LOW:
            bar.warp.sync 0x0000ffff;
            DONE:
            bar.warp.sync -1;
            st.global.u32 [%rd2], %r1;
            """, 32), Is.EqualTo(Enumerable.Range(0, 32)));
        DeviceFault fault = Fault("setp.lt.u32 %p1, %r1, 16;\n@%p1 bra A;\nbar.warp.sync 0xffffffff;\nA: ret;", 32);
        Assert.That((fault.Kind, fault.Message), Is.EqualTo((FaultKind.WrongShuffle,
            "k: test.ptx:20: block (0, 0, 0), thread (0, 0, 0): member mask 0xffffffff names lanes 0x0000ffff, which are not at this "
            + "instruction")));
    }

    [Test]
    public void BarriersAreCounted()
    {
        using Device device = Device.OfKernel(".param .u64 out", Index + "bar.sync 0;\nbar.sync 0;");
        device.Launch("k", new Extent(5), new Extent(96), 0ul);
        Assert.That((device.Counters.Barriers, device.Counters.Launches, device.Counters.Threads), Is.EqualTo((30, 1, 480)));
    }
}
