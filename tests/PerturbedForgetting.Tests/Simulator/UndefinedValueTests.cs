using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator;

/// <summary>Undefined values may be made, moved and thrown away, as compilers do ahead of the branch that would use them; a store, an
/// address or a branch that depends on one is a fault.</summary>
public class UndefinedValueTests
{
    /// <summary>Lanes below 16 have written their <c>place</c>, the others not: %r3 is the word or undefined, %r4 is defined, %p1 holds
    /// where %r3 is defined, %rd3 is the lane's address.</summary>
    const string Head = """
        .reg .pred %p<8>;
        .reg .b32 %r<12>;
        .reg .b64 %rd<10>;
        .local .align 8 .b8 place[16];
        ld.param.u64 %rd1, [buffer];
        mov.u32 %r1, %tid.x;
        mul.wide.u32 %rd2, %r1, 4;
        add.s64 %rd3, %rd1, %rd2;
        add.u32 %r4, %r1, 100;
        setp.lt.u32 %p1, %r1, 16;
        setp.ge.u32 %p2, %r1, 16;
        @%p1 st.local.u32 [place+4], %r4;
        ld.local.u32 %r3, [place+4];

        """;

    /// <summary>Those of a shuffle: lanes from 16 on have exited, and lanes 12 to 15 read them.</summary>
    const string Exited = """
        .reg .pred %p<8>;
        .reg .b32 %r<12>;
        .reg .b64 %rd<10>;
        ld.param.u64 %rd1, [buffer];
        mov.u32 %r1, %tid.x;
        mul.wide.u32 %rd2, %r1, 4;
        add.s64 %rd3, %rd1, %rd2;
        add.u32 %r4, %r1, 100;
        setp.ge.u32 %p1, %r1, 16;
        @%p1 exit;
        setp.lt.u32 %p1, %r1, 12;
        shfl.sync.down.b32 %r3, %r4, 4, 31, -1;

        """;

    static uint[] Run(string body, int? seed = null)
    {
        using Device device = new(Device.Kernel(".param .u64 buffer", body)) { ShuffleSeed = seed };
        ulong buffer = device.Upload<uint>(new uint[32]);
        // Twice, as two blocks of one worker: what one wrote is no value of the next.
        device.Launch("k", new Extent(1), new Extent(32), buffer);
        device.Launch("k", new Extent(1), new Extent(32), buffer);
        return device.Download<uint>(buffer, 32);
    }

    static string Fault(string body)
    {
        var fault = Assert.Throws<DeviceFault>(() => Run(body))!;
        Assert.That(fault.Kind, Is.EqualTo(FaultKind.Uninitialized), fault.Message);
        return fault.Message;
    }

    [TestCase("@%p1 st.global.u32 [%rd3], %r3;", TestName = "Loaded ahead")]
    [TestCase("selp.b32 %r5, %r3, 0, %p1; st.global.u32 [%rd3], %r5;", TestName = "Not chosen")]
    [TestCase("selp.b32 %r5, 0, %r3, %p2; st.global.u32 [%rd3], %r5;", TestName = "Not chosen, the other side")]
    [TestCase("mad.lo.u32 %r5, %r3, 1, 0; @%p2 mov.u32 %r5, 0; st.global.u32 [%rd3], %r5;", TestName = "Computed and overwritten")]
    [TestCase("setp.ne.u32 %p3, %r3, 0; and.pred %p3, %p1, %p3; @%p3 st.global.u32 [%rd3], %r3;",
        TestName = "A condition that fails before")]
    [TestCase("setp.ne.u32 %p3, %r3, 0; or.pred %p3, %p3, %p2; @!%p3 bra OUT; @%p1 st.global.u32 [%rd3], %r3; OUT:",
        TestName = "A condition that holds before")]
    [TestCase("setp.ne.u32 %p3, %r3, 0; and.pred %p3, !%p2, %p3; @%p3 st.global.u32 [%rd3], %r3;", TestName = "A negated condition")]
    [TestCase("selp.b32 %r6, -1, 0, %p1; and.b32 %r5, %r3, %r6; st.global.u32 [%rd3], %r5;", TestName = "Masked away")]
    [TestCase("st.local.u32 [place+8], %r3; ld.local.v2.u32 {%r7, %r8}, [place+8]; @%p1 st.global.u32 [%rd3], %r7;",
        TestName = "Copied within local memory")]
    [TestCase("mov.u64 %rd4, place; cvta.local.u64 %rd4, %rd4; st.u32 [%rd4+8], %r3; ld.u32 %r7, [%rd4+8]; @%p1 st.global.u32 [%rd3], %r7;",
        TestName = "Copied by generic addresses")]
    [TestCase("shfl.sync.idx.b32 %r5, %r3, 3, 31, -1; @%p1 st.global.u32 [%rd3], %r3; @%p2 st.global.u32 [%rd3], 0;",
        TestName = "A lane that is defined is read")]
    public void WhatNothingDependsOnIsNoFault(string body)
    {
        foreach (int? seed in (int?[])[null, 1, 2])
            Assert.That(Run(Head + body, seed), Is.EqualTo(Enumerable.Range(0, 32).Select(i => i < 16 ? i + 100 : 0)));
    }

    [TestCase("st.global.u32 [%rd3], %r3;", "it stores")]
    [TestCase("add.f32 %r5, %r3, %r4; mul.f32 %r5, %r5, %r5; st.global.u32 [%rd3], %r5;", "it stores")]
    [TestCase("selp.b32 %r5, 0, %r3, %p1; st.global.u32 [%rd3], %r5;", "it stores")]
    [TestCase("setp.ne.u32 %p3, %r3, 0; @%p3 st.global.u32 [%rd3], %r4;", "whether this executes")]
    [TestCase("setp.ne.u32 %p3, %r3, 0; @%p3 bra OUT; OUT:", "whether this executes")]
    [TestCase("setp.ne.u32 %p3, %r3, 0; selp.b32 %r5, 1, 2, %p3; st.global.u32 [%rd3], %r5;", "it stores")]
    [TestCase("setp.ne.u32 %p3, %r3, 0; or.pred %p3, %p1, %p3; @%p3 bra OUT; OUT:", "whether this executes")]
    [TestCase("mul.wide.u32 %rd5, %r3, 4; add.s64 %rd5, %rd1, %rd5; ld.global.u32 %r5, [%rd5];", "the address")]
    [TestCase("st.local.u32 [place+8], %r3; ld.local.u32 %r7, [place+8]; st.global.u32 [%rd3], %r7;", "it stores")]
    [TestCase("mov.u64 %rd4, %rd3; cvta.global.u64 %rd4, %rd4; st.u32 [%rd4], %r3;", "it stores")]
    [TestCase(".shared .b32 words[32]; mov.u32 %r6, words; mad.lo.u32 %r6, %r1, 4, %r6; st.shared.u32 [%r6], %r3;", "it stores")]
    [TestCase("red.global.add.u32 [%rd3], %r3;", "it depends")]
    [TestCase("bar.sync 0; st.global.u32 [%rd3], %r3;", "it stores")]
    public void WhatDependsOnOneIsAFault(string body, string words) =>
        Assert.That(Fault(Head + body), Does.Contain("thread (16, 0, 0)").And.Contain($"{words} ").And.Contain("undefined value"));

    [TestCase("shfl.sync.idx.b32 %r5, %r3, 20, 31, -1; st.global.u32 [%rd3], %r5;")]
    [TestCase("vote.sync.ballot.b32 %r5, %p3, -1; st.global.u32 [%rd3], %r5;")]
    [TestCase("redux.sync.add.u32 %r5, %r3, -1; st.global.u32 [%rd3], %r5;")]
    public void OfLanesTogetherAllDepend(string body) =>
        Assert.That(Fault($"{Head}setp.ne.u32 %p3, %r3, 0; {body}"), Does.Contain("thread (0, 0, 0)").And.Contain("it stores"));

    [Test]
    public void AShuffleFromALaneThatHasExited()
    {
        Assert.That(Run($"{Exited}@%p1 st.global.u32 [%rd3], %r3;"), Is.EqualTo(Enumerable.Range(0, 32).Select(i => i < 12 ? i + 104 : 0)));
        Assert.That(Fault($"{Exited}st.global.u32 [%rd3], %r3;"), Does.Contain("thread (12, 0, 0)").And.Contain("a lane that has exited"));
        // The sum of a warp whose upper lanes have exited: lane 0 adds nothing of theirs.
        Assert.That(Run($"""
            {Exited}
            mov.b32 %r5, 1;
            shfl.sync.down.b32 %r6, %r5, 8, 31, -1; add.u32 %r5, %r5, %r6;
            shfl.sync.down.b32 %r6, %r5, 4, 31, -1; add.u32 %r5, %r5, %r6;
            shfl.sync.down.b32 %r6, %r5, 2, 31, -1; add.u32 %r5, %r5, %r6;
            shfl.sync.down.b32 %r6, %r5, 1, 31, -1; add.u32 %r5, %r5, %r6;
            setp.eq.u32 %p2, %r1, 0;
            @%p2 st.global.u32 [%rd1], %r5;
            """)[0], Is.EqualTo(16));
    }

    /// <summary>The first lanes of a warp exchange among themselves, and some of them read a lane beyond.</summary>
    [Test]
    public void AShuffleFromALaneThatIsNotInTheMask()
    {
        string head = Exited.Replace("@%p1 exit;", "@%p1 bra OUT;").Replace(", -1;", ", 0xffff;");
        Assert.That(Run($"{head}@%p1 st.global.u32 [%rd3], %r3;\nOUT:"),
            Is.EqualTo(Enumerable.Range(0, 32).Select(i => i < 12 ? i + 104 : 0)));
        Assert.That(Fault($"{head}st.global.u32 [%rd3], %r3;\nOUT:"), Does.Contain("thread (12, 0, 0)"));
    }
}
