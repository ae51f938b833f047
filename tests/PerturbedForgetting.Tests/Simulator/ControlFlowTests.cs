using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator;

/// <summary>Lanes that take different ways meet again, whatever the ways are.</summary>
public class ControlFlowTests
{
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

    static uint[] Run(string body, int blocks = 3, int threads = 70)
    {
        using Device device = Device.OfKernel(".param .u64 out", Index + body);
        ulong output = device.Allocate(4 * blocks * threads);
        device.Launch("k", new Extent(blocks), new Extent(threads), output);
        return device.Download<uint>(output, blocks * threads);
    }

    /// <summary>Steps of Collatz's sequence: every lane leaves the loop at a time of its own, and one branch inside diverges too.</summary>
    [Test]
    public void LoopWithABranchInside()
    {
        uint[] steps = Run("""
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
            DONE:
            st.global.u32 [%rd3], %r6;
            ret;
            """);
        for (uint i = 0; i < steps.Length; i++)
        {
            uint expected = 0;
            for (uint n = i + 1; n != 1; n = n % 2 == 0 ? n / 2 : (3 * n) + 1)
                expected++;
            Assert.That(steps[i], Is.EqualTo(expected), $"thread {i}");
        }
    }
}
