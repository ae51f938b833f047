using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator.Memory;

/// <summary>Asynchronous copies from global to shared memory: what arrives, when, and what nobody may do in between.</summary>
public class AsyncCopyTests
{
    const string Head = """
        .reg .pred %p<4>;
        .reg .b32 %r<16>;
        .reg .b64 %rd<16>;
        .shared .align 16 .b8 tile[2048];
        ld.param.u64 %rd1, [source];
        ld.param.u64 %rd2, [target];
        mov.u32 %r1, %tid.x;
        mul.wide.u32 %rd3, %r1, 16;
        add.u64 %rd1, %rd1, %rd3;
        add.u64 %rd2, %rd2, %rd3;
        mov.u64 %rd4, tile;
        add.u64 %rd5, %rd4, %rd3;
        """;

    const string Out = "ld.shared.v4.u32 {%r5, %r6, %r7, %r8}, [%rd5];\nst.global.v4.u32 [%rd2], {%r5, %r6, %r7, %r8};\nret;";

    const string Clear = "mov.u32 %r2, 0;\nst.shared.v4.u32 [%rd5], {%r2, %r2, %r2, %r2};\n";

    static (byte[] Source, byte[] Result, Counters Counters) Run(string body, int threads = 64)
    {
        Random random = Device.Random();
        var source = new byte[16 * threads];
        random.NextBytes(source);
        using Device device = Device.OfKernel(".param .u64 source, .param .u64 target", $"{Head}\n{body}");
        ulong target = device.Allocate(source.Length);
        device.Launch("k", new Extent(1), new Extent(threads), device.Upload(source), target);
        return (source, device.Download<byte>(target, source.Length), device.Counters);
    }

    static string Refused(FaultKind kind, string body, int threads = 64)
    {
        DeviceFault fault = Assert.Throws<DeviceFault>(() => Run(body, threads))!;
        Assert.That(fault.Kind, Is.EqualTo(kind), fault.Message);
        return fault.Message;
    }

    [Test]
    public void Copies([Values("ca", "cg")] string cache, [Values(4, 8, 16)] int bytes, [Values("shared", "shared::cta")] string space,
        [Values("", ".L2::128B")] string hint)
    {
        if (cache == "cg" && bytes != 16)
        {
            Assert.Throws<PerturbedForgetting.Simulator.Ptx.PtxException>(() =>
                Run($"cp.async.cg.shared.global [%rd5], [%rd1], {bytes};\n{Out}"));
            return;
        }
        (byte[] source, byte[] result, Counters counters) =
            Run($"{Clear}cp.async.{cache}.{space}.global{hint} [%rd5], [%rd1], {bytes};\ncp.async.wait_all;\n{Out}");
        for (int b = 0; b < source.Length; b++)
            Assert.That(result[b], Is.EqualTo(b % 16 < bytes ? source[b] : 0), $"byte {b}");
        Assert.That((counters.BytesLoaded, counters.SectorsLoaded), Is.EqualTo((64L * bytes, 32L)));
    }

    [Test]
    public void BytesBehindTheSourceSizeAreZero([Values(0, 3, 8, 15, 16)] int taken)
    {
        (byte[] source, byte[] result, _) =
            Run($"mov.u32 %r3, -1;\nst.shared.v4.u32 [%rd5], {{%r3, %r3, %r3, %r3}};\nmov.u32 %r4, {taken};\ncp.async.cg.shared.global "
                + $"[%rd5], [%rd1], 16, %r4;\ncp.async.wait_all;\n{Out}");
        for (int b = 0; b < source.Length; b++)
            Assert.That(result[b], Is.EqualTo(b % 16 < taken ? source[b] : 0), $"byte {b}");
    }

    /// <summary>With nothing to take, the source's address does not matter.</summary>
    [Test]
    public void NothingIsReadForASourceSizeOfZero() =>
        Assert.DoesNotThrow(() => Run($"mov.u64 %rd7, 0;\ncp.async.cg.shared.global [%rd5], [%rd7], 16, 0;\ncp.async.wait_all;\n{Out}"));

    [Test]
    public void GroupsEndInTheirOrder()
    {
        const string Two = Clear + "cp.async.ca.shared.global [%rd5], [%rd1], 4;\ncp.async.commit_group;\ncp.async.ca.shared.global "
            + "[%rd5+4], [%rd1+4], 4;\ncp.async.commit_group;\n";
        // Each copy is read as soon as its group may count as done.
        (byte[] source, byte[] result, _) =
            Run($"{Two}cp.async.wait_group 1;\nld.shared.u32 %r5, [%rd5];\ncp.async.wait_group 0;\nld.shared.u32 %r6, "
                + $"[%rd5+4];\nst.global.v4.u32 [%rd2], {{%r5, %r6, %r2, %r2}};\nret;");
        Assert.That(result, Is.EqualTo(source.Select((b, i) => i % 16 < 8 ? b : (byte)0)));
        Assert.That(Refused(FaultKind.SharedRace, $"{Two}cp.async.wait_group 1;\nld.shared.u32 %r6, [%rd5+4];\nret;"),
            Does.Contain("thread (0, 0, 0)").And.Contain("is the target of a cp.async that was not waited for"));
        Assert.That(Refused(FaultKind.SharedRace, $"{Two}cp.async.wait_group 2;\nld.shared.u32 %r6, [%rd5];\nret;"),
            Does.Contain("not waited for"));
    }

    [Test]
    public void CopiesThatWereNotCommittedAreNotWaitedFor()
    {
        const string One = "cp.async.cg.shared.global [%rd5], [%rd1], 16;\n";
        Assert.That(Refused(FaultKind.SharedRace, $"{One}cp.async.wait_group 0;\n{Out}"), Does.Contain("not waited for"));
        (byte[] source, byte[] result, _) = Run($"{One}cp.async.wait_all;\n{Out}");
        Assert.That(result, Is.EqualTo(source));
    }

    [Test]
    public void TheTargetMayNotBeTouchedBeforeTheEnd()
    {
        const string One = "cp.async.cg.shared.global [%rd5], [%rd1], 16;\ncp.async.commit_group;\n";
        Assert.That(Refused(FaultKind.SharedRace, $"{One}{Out}"),
            Does.Contain("reads 0x0 of shared memory, which is the target of a cp.async"));
        Assert.That(Refused(FaultKind.SharedRace, $"{One}st.shared.u32 [%rd5+4], %r1;\nret;"), Does.Contain("writes 0x"));
        Assert.That(Refused(FaultKind.SharedRace, $"{One}cp.async.cg.shared.global [%rd5], [%rd1], 16;\nret;"), Does.Contain("writes 0x"));
    }

    /// <summary>Waiting tells a thread of its own copies only: others need a barrier behind it.</summary>
    [Test]
    public void OtherWarpsNeedABarrier()
    {
        const string One = "cp.async.cg.shared.global [%rd5], [%rd1], 16;\ncp.async.wait_all;\n",
            Other = "xor.b32 %r2, %r1, 32;\nmul.wide.u32 %rd6, %r2, 16;\nadd.u64 %rd5, %rd4, %rd6;\n";
        Assert.That(Refused(FaultKind.SharedRace, $"{One}{Other}setp.gt.u32 %p1, %r1, 31;\n@%p1 ld.shared.u32 %r5, [%rd5];\nret;"),
            Does.Contain("thread (32, 0, 0): warp 1 reads 0x0 of shared memory, which was written by warp 0"));
        (byte[] source, byte[] result, _) = Run($"{One}bar.sync 0;\n{Other}{Out}");
        Assert.That(result, Is.EqualTo(source[512..].Concat(source[..512])));
    }

    /// <summary>Two tiles in turn, as pipelined kernels do: one is computed on while the other is filled.</summary>
    [Test]
    public void DoubleBuffer()
    {
        const string Body = """
            cp.async.cg.shared.global [%rd5], [%rd1], 16;
            cp.async.commit_group;
            mov.u32 %r9, 0;
            mov.u32 %r10, 0;
            LOOP:
            xor.b32 %r11, %r9, 1;
            and.b32 %r11, %r11, 1;
            mul.wide.u32 %rd7, %r11, 1024;
            add.u64 %rd8, %rd5, %rd7;
            cp.async.cg.shared.global [%rd8], [%rd1], 16;
            cp.async.commit_group;
            cp.async.wait_group 1;
            bar.sync 0;
            and.b32 %r11, %r9, 1;
            mul.wide.u32 %rd7, %r11, 1024;
            xor.b32 %r12, %r1, 63;
            mul.wide.u32 %rd9, %r12, 16;
            add.u64 %rd9, %rd9, %rd4;
            add.u64 %rd9, %rd9, %rd7;
            ld.shared.u32 %r13, [%rd9];
            add.u32 %r10, %r10, %r13;
            bar.sync 0;
            add.u32 %r9, %r9, 1;
            setp.lt.u32 %p1, %r9, 6;
            @%p1 bra LOOP;
            cp.async.wait_all;
            st.global.v4.u32 [%rd2], {%r10, %r9, %r9, %r9};
            ret;
            """;
        (byte[] source, byte[] result, _) = Run(Body);
        for (int t = 0; t < 64; t++)
            Assert.That(BitConverter.ToUInt32(result, 16 * t), Is.EqualTo(6 * BitConverter.ToUInt32(source, 16 * (63 - t))), $"thread {t}");
        // Without the second barrier a fast warp fills the tile that a slow one still reads.
        Assert.That(Refused(FaultKind.SharedRace, Body.Replace("add.u32 %r10, %r10, %r13;\nbar.sync 0;", "add.u32 %r10, %r10, %r13;",
            StringComparison.Ordinal)), Does.Contain("of shared memory, which"));
    }

    [Test]
    public void AddressesAreChecked()
    {
        Assert.That(Refused(FaultKind.Misaligned, "cp.async.cg.shared.global [%rd5], [%rd1+8], 16;\nret;"),
            Does.Contain("not a multiple of 16"));
        Assert.That(Refused(FaultKind.Misaligned, "cp.async.ca.shared.global [%rd5+4], [%rd1], 8;\nret;"),
            Does.Contain("not a multiple of 8"));
        Assert.That(Refused(FaultKind.OutOfBounds, "cp.async.cg.shared.global [%rd5], [%rd1+16], 16;\nret;"),
            Does.Contain("thread (63, 0, 0)").And.Contain("past the end of allocation"));
        Assert.That(Refused(FaultKind.OutOfBounds, "cp.async.cg.shared.global [%rd5+1040], [%rd1], 16;\nret;"),
            Does.Contain("thread (63, 0, 0)").And.Contain("of shared memory"));
    }
}
