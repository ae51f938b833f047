using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator.Memory;

/// <summary>Every mistake with memory that a kernel can make is found, and the message says where.</summary>
public class FaultTests
{
    const string Head = """
        .reg .pred %p<8>;
        .reg .b32 %r<32>;
        .reg .f32 %f<8>;
        .reg .b64 %rd<16>;
        ld.param.u64 %rd1, [buffer];
        mov.u32 %r1, %tid.x;
        mul.wide.u32 %rd2, %r1, 4;
        add.u64 %rd3, %rd1, %rd2;
        shl.b32 %r2, %r1, 2;
        """;

    /// <summary>Runs a body in one block of 64 threads on a buffer of 64 written words and returns what it was refused for.</summary>
    /// <param name="kind">The fault that must be found.</param>
    /// <param name="body">The kernel; the line that holds <c>// here</c> is at fault.</param>
    /// <param name="threads">Threads of the block.</param>
    static string Refused(FaultKind kind, string body, int threads = 64, Action<Device, ulong>? prepare = null)
    {
        using Device device = Device.OfKernel(".param .u64 buffer", $"{Head}\n{body}\nret;");
        ulong buffer = device.Upload(Enumerable.Range(0, 64).ToArray());
        prepare?.Invoke(device, buffer);
        DeviceFault fault = Assert.Throws<DeviceFault>(() => device.Launch("k", new Extent(1), new Extent(threads), buffer))!;
        int line = $".version 7.8\n.target sm_80\n.address_size 64\n\n.visible .entry k(.param .u64 buffer)\n{{\n{Head}\n{body}"
            .Split("// here")[0].Count(c => c == '\n') + 1;
        Assert.That(fault.Kind, Is.EqualTo(kind), fault.Message);
        Assert.That(fault.Message, Does.StartWith($"k: test.ptx:{line}: block (0, 0, 0), thread ("));
        return fault.Message.Replace($"0x{buffer:x}", "BUFFER", StringComparison.Ordinal)
            .Replace($"0x{buffer + 256:x}", "BUFFER+256", StringComparison.Ordinal);
    }

    [Test]
    public void LoadBehindTheEnd() => Assert.That(Refused(FaultKind.OutOfBounds, "ld.global.u32 %r3, [%rd3+4]; // here"),
        Does.Contain("thread (63, 0, 0): load of 4 bytes at BUFFER+256, which lies 0 bytes past the end of allocation #1 (BUFFER, 256 "
            + "bytes)"));

    [Test]
    public void LoadAcrossTheEnd()
    {
        using Device device = Device.OfKernel(".param .u64 buffer",
            $"{Head}\nmul.wide.u32 %rd4, %r1, 16;\nadd.u64 %rd4, %rd4, %rd1;\nld.global.v4.u32 {{%r3, %r4, %r5, %r6}}, [%rd4];\nret;");
        ulong buffer = device.Upload(new byte[508]);
        DeviceFault fault = Assert.Throws<DeviceFault>(() => device.Launch("k", new Extent(1), new Extent(32), buffer))!;
        Assert.That(fault.Kind, Is.EqualTo(FaultKind.OutOfBounds));
        Assert.That(fault.Message,
            Does.Contain($"thread (31, 0, 0): load of 16 bytes at 0x{buffer + 496:x}, which reaches 4 bytes past the end of allocation #1 "
                + $"(0x{buffer:x}, 508 bytes)"));
    }

    [Test]
    public void StoreBehindTheEnd() => Assert.That(Refused(FaultKind.OutOfBounds, "st.global.u32 [%rd3], %r1; // here", 65),
        Does.Contain("thread (64, 0, 0): store of 4 bytes at BUFFER+256"));

    [Test]
    public void StoreBeforeTheBeginning() => Assert.That(Refused(FaultKind.OutOfBounds, "st.global.u32 [%rd3-4], %r1; // here"),
        Does.Contain("thread (0, 0, 0): store of 4 bytes").And.Contain("4 bytes before allocation #1"));

    [Test]
    public void LoadFromNull() =>
        Assert.That(Refused(FaultKind.OutOfBounds, "mov.u64 %rd5, 0;\nld.global.u32 %r3, [%rd5]; // here"),
            Does.Contain("load of 4 bytes at 0x0, which is null"));

    [Test]
    public void MisalignedVector() =>
        Assert.That(Refused(FaultKind.Misaligned, "ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%rd1+4]; // here", 1),
        Does.Contain("thread (0, 0, 0): load of 16 bytes at").And.Contain("not a multiple of 16"));

    [Test]
    public void MisalignedWarp() =>
        Assert.That(Refused(FaultKind.Misaligned, "st.global.u32 [%rd3+2], %r1; // here", 32), Does.Contain("not a multiple of 4"));

    [Test]
    public void UseAfterFree() =>
        Assert.That(Refused(FaultKind.UseAfterFree, "ld.global.u32 %r3, [%rd3]; // here", 64, (device, buffer) =>
            device.Memory.Free(buffer)),
        Does.Contain("thread (0, 0, 0): load of 4 bytes at BUFFER, which lies 0 bytes into allocation #1 (256 bytes), which is freed"));

    [Test]
    public void LoadOfUnwrittenMemory([Values("u32", "v2.u32", "u8")] string form)
    {
        using Device device = Device.OfKernel(".param .u64 buffer",
            $"{Head}\nmul.wide.u32 %rd2, %r1, 8;\nadd.u64 %rd3, %rd1, %rd2;\nld.global.{form} {(form[0] == 'v' ? "{%r3, %r4}" : "%r3")}, "
            + $"[%rd3];\nret;");
        ulong buffer = device.Allocate(8 * 64);
        device.Memory.Find(buffer)!.MarkWritten(buffer, (8 * 37) + (form[0] == 'v' ? 5 : 0));
        DeviceFault fault = Assert.Throws<DeviceFault>(() => device.Launch("k", new Extent(1), new Extent(64), buffer))!;
        Assert.That(fault.Kind, Is.EqualTo(FaultKind.Uninitialized));
        Assert.That(fault.Message,
            Does.Contain($"thread (37, 0, 0): load of the byte at 0x{buffer + (ulong)((8 * 37) + (form[0] == 'v' ? 5 : 0)):x}, which was "
                + $"never written"));
    }

    [Test]
    public void MemoryThatTheKernelWroteMayBeRead()
    {
        using Device device = Device.OfKernel(".param .u64 buffer",
            $"{Head}\nst.global.u32 [%rd3], %r1;\nld.global.u32 %r3, [%rd3];\nret;");
        Assert.DoesNotThrow(() => device.Launch("k", new Extent(1), new Extent(75), device.Allocate(300)));
    }

    [Test]
    public void LanesThatStoreDifferentValuesAtOneAddress()
    {
        Assert.That(Refused(FaultKind.WriteConflict, "st.global.u32 [%rd1], %r1; // here"),
            Does.Contain("lanes 0 and 1 store different values at BUFFER"));
        Assert.That(Refused(FaultKind.WriteConflict, ".shared .b32 tile;\nst.shared.u32 [tile], %r1; // here", 32),
            Does.Contain("lanes 0 and 1 store different values at 0x0"));
        Assert.That(Refused(FaultKind.WriteConflict,
            ".shared .align 16 .b8 tile[256];\nand.b32 %r3, %r1, 15;\nmul.wide.u32 %rd4, %r3, 16;\nmov.u64 %rd5, tile;\nadd.u64 %rd5, "
            + "%rd5, %rd4;\n"
            + "st.shared.v4.u32 [%rd5], {%r3, %r3, %r1, %r3}; // here", 32), Does.Contain("lanes 0 and 16 store different values at 0x0"));
    }

    [Test]
    public void LanesMayStoreOneValueAtOneAddress()
    {
        using Device device = Device.OfKernel(".param .u64 buffer", $"{Head}\nst.global.u32 [%rd1], 7;\nret;");
        ulong buffer = device.Allocate(4);
        device.Launch("k", new Extent(1), new Extent(32), buffer);
        Assert.That(device.Download<int>(buffer, 1), Is.EqualTo(new[] { 7 }));
    }

    [Test]
    public void SharedMemoryBehindTheEnd() =>
        Assert.That(Refused(FaultKind.OutOfBounds,
            ".shared .align 4 .b8 tile[252];\nmov.u64 %rd4, tile;\nadd.u64 %rd4, %rd4, %rd2;\nst.shared.u32 [%rd4], %r1; // here"),
        Does.Contain("thread (63, 0, 0): store of 4 bytes at 0xfc of shared memory, of which the block has 252 bytes"));

    [Test]
    public void SharedMemoryThatWasNeverWritten() =>
        Assert.That(Refused(FaultKind.Uninitialized,
            ".shared .align 4 .b8 tile[256];\nmov.u64 %rd4, tile;\nadd.u64 %rd4, %rd4, %rd2;\nld.shared.u32 %r3, [%rd4]; // here"),
        Does.Contain("thread (0, 0, 0)").And.Contain("0x0 of shared memory, which was never written"));

    /// <summary>Each block has its own shared memory, whatever worker runs it.</summary>
    [Test]
    public void SharedMemoryOfTheBlockBefore()
    {
        string body = """
            .shared .b32 word;
            mov.u32 %r3, %ctaid.x;
            setp.ne.u32 %p1, %r3, 0;
            @%p1 bra READ;
            st.shared.u32 [word], %r3;
            READ:
            ld.shared.u32 %r4, [word];
            ret;
            """;
        using Device device = Device.OfKernel(".param .u64 buffer", $"{Head}\n{body}");
        DeviceFault fault = Assert.Throws<DeviceFault>(() => device.Launch("k", new Extent(3), new Extent(1), device.Upload(0)))!;
        Assert.That(fault.Kind, Is.EqualTo(FaultKind.Uninitialized), fault.Message);
    }

    const string Exchange = """
        .shared .align 16 .b8 tile[1024];
        mov.u64 %rd4, tile;
        add.u64 %rd5, %rd4, %rd2;
        xor.b32 %r3, %r1, 32;
        mul.wide.u32 %rd6, %r3, 4;
        add.u64 %rd6, %rd4, %rd6;
        """;

    [Test]
    public void MissingBarrierBetweenWriteAndRead() =>
        Assert.That(Refused(FaultKind.SharedRace,
            $"{Exchange}\nst.shared.u32 [%rd5], %r1;\nst.shared.u32 [%rd6+256], %r1;\nld.shared.u32 %r4, [%rd6+256];\n"
        + "setp.gt.u32 %p1, %r1, 31;\n@%p1 ld.shared.u32 %r4, [%rd6]; // here"),
        Does.Contain("thread (32, 0, 0): warp 1 reads 0x0 of shared memory, which was written by warp 0 with no barrier between"));

    [Test]
    public void MissingBarrierBetweenReadAndWrite() =>
        Assert.That(Refused(FaultKind.SharedRace,
            $"{Exchange}\nst.shared.u32 [%rd5], %r1;\nbar.sync 0;\nsetp.lt.u32 %p1, %r1, 32;\n@%p1 ld.shared.u32 %r4, "
            + $"[%rd6];\nst.shared.u32 [%rd5], %r1; // here"),
        Does.Contain("thread (32, 0, 0): warp 1 writes 0x80 of shared memory, which was read by warp 0 with no barrier between"));

    [Test]
    public void MissingBarrierBetweenTwoWrites() =>
        Assert.That(Refused(FaultKind.SharedRace, ".shared .b32 word;\nst.shared.u32 [word], 1; // here"),
        Does.Contain("warp 1 writes 0x0 of shared memory, which was written by warp 0"));

    [Test]
    public void ReadOfSeveralWarpsBeforeAWrite() => Assert.That(Refused(FaultKind.SharedRace,
        ".shared .b32 word;\nsetp.eq.u32 %p1, %r1, 0;\n@%p1 st.shared.u32 [word], 1;\nbar.sync 0;\nld.shared.u32 %r3, [word];\nsetp.eq.u32 "
        + "%p2, %r1, 64;\n@%p2 st.shared.u32 [word], 1; // here", 96),
        Does.Contain("thread (64, 0, 0): warp 2 writes 0x0 of shared memory, which was read by several warps with no barrier between"));

    /// <summary>Bytes of one word may belong to different warps.</summary>
    [Test]
    public void BytesOfOneWordAreApart()
    {
        const string Body = """
            .shared .align 4 .b8 tile[4];
            mov.u64 %rd4, tile;
            shr.u32 %r3, %r1, 5;
            cvt.u64.u32 %rd5, %r3;
            add.u64 %rd5, %rd5, %rd4;
            st.shared.u8 [%rd5], %r3;
            ld.shared.u8 %r4, [%rd5];
            bar.warp.sync -1;
            st.shared.u8 [%rd5], %r4;
            bar.sync 0;
            ld.shared.u32 %r5, [tile];
            st.global.u32 [%rd3], %r5;
            """;
        using Device device = Device.OfKernel(".param .u64 buffer", $"{Head}\n{Body}\nret;");
        ulong buffer = device.Allocate(4 * 128);
        device.Launch("k", new Extent(1), new Extent(128), buffer);
        Assert.That(device.Download<uint>(buffer, 128), Is.All.EqualTo(0x03020100u));
        Assert.That(Refused(FaultKind.SharedRace,
            Body.Replace("ld.shared.u8 %r4, [%rd5];", "ld.shared.u8 %r4, [tile]; // here", StringComparison.Ordinal)),
            Does.Contain("warp 1 reads 0x0 of shared memory, which was written by warp 0"));
    }

    /// <summary>A barrier starts anew: many more than an exchange needs, so that the count of epochs goes round.</summary>
    [Test]
    public void BarriersWithoutEnd()
    {
        string body = $"""
            {Exchange}
            mov.u32 %r7, 0;
            LOOP:
            st.shared.u32 [%rd5], %r7;
            bar.sync 0;
            ld.shared.u32 %r4, [%rd6];
            bar.sync 0;
            add.u32 %r7, %r7, 1;
            setp.lt.u32 %p1, %r7, 1100000;
            @%p1 bra LOOP;
            setp.lt.u32 %p1, %r1, 32;
            @%p1 ld.shared.u32 %r4, [%rd6];
            st.shared.u32 [%rd5], %r1; // here
            """;
        Assert.That(Refused(FaultKind.SharedRace, body), Does.Contain("warp 1 writes 0x80 of shared memory, which was read by warp 0"));
    }

    [Test]
    public void AtomicOperationsRaceWithPlainOnesOnly()
    {
        const string Set = ".shared .b32 word;\nsetp.eq.u32 %p1, %r1, 0;\n@%p1 st.shared.u32 [word], 1;\nbar.sync 0;\n";
        Assert.That(Refused(FaultKind.SharedRace,
            $"{Set}atom.shared.add.u32 %r3, [word], 1;\nsetp.gt.u32 %p2, %r1, 31;\n@%p2 ld.shared.u32 %r3, [word]; // here"),
            Does.Contain("warp 1 reads 0x0 of shared memory, which was changed atomically by several warps"));
        Assert.That(Refused(FaultKind.SharedRace,
            $"{Set}setp.lt.u32 %p2, %r1, 32;\n@%p2 ld.shared.u32 %r3, [word];\nbar.warp.sync -1;\nred.shared.add.u32 [word], 1; // here"),
            Does.Contain("warp 1 changes atomically 0x0 of shared memory, which was read by warp 0"));
        Assert.That(Refused(FaultKind.Uninitialized, ".shared .b32 word;\nred.shared.add.u32 [word], 1; // here"),
            Does.Contain("never written"));
        using Device device = Device.OfKernel(".param .u64 buffer",
            $"{Head}\n{Set}red.shared.add.u32 [word], 1;\nbar.sync 0;\nld.shared.u32 %r3, [word];\nst.global.u32 [%rd3], %r3;\nret;");
        ulong buffer = device.Allocate(4 * 128);
        device.Launch("k", new Extent(1), new Extent(128), buffer);
        Assert.That(device.Download<int>(buffer, 128), Is.All.EqualTo(129));
    }

    [Test]
    public void LocalMemory()
    {
        Assert.That(Refused(FaultKind.OutOfBounds,
            ".local .align 4 .b8 place[16];\nmov.u64 %rd4, place;\nadd.u64 %rd4, %rd4, %rd2;\nst.local.u32 [%rd4], %r1; // here"),
            Does.Contain("thread (4, 0, 0): store of 4 bytes at 0x10 of local memory, of which a thread has 16 bytes"));
    }

    [Test]
    public void ParametersBehindTheEnd() => Assert.That(Refused(FaultKind.OutOfBounds, "ld.param.u32 %r3, [buffer+8]; // here"),
        Does.Contain("load of 4 bytes at 0x8 of parameter memory, of which the kernel has 8 bytes"));

    [Test]
    public void AddressOfAnotherSpace() =>
        Assert.That(Refused(FaultKind.OutOfBounds,
            ".shared .b32 word;\nmov.u64 %rd4, word;\ncvta.shared.u64 %rd4, %rd4;\nst.global.u32 [%rd4], 1; // here"),
        Does.Contain("thread (0, 0, 0): store of 4 bytes at 0x4000000000000000, which is a generic address of shared memory"));

    [Test]
    public void AtomicOperations()
    {
        Assert.That(Refused(FaultKind.OutOfBounds, "red.global.add.u32 [%rd3+4], 1; // here"),
            Does.Contain("thread (63, 0, 0): atomic operation of 4 bytes at BUFFER+256"));
        Assert.That(Refused(FaultKind.Misaligned, "red.global.add.u64 [%rd3+4], 1; // here", 1), Does.Contain("not a multiple of 8"));
        using Device device = Device.OfKernel(".param .u64 buffer", $"{Head}\nred.global.add.u32 [%rd3], 1;\nret;");
        ulong buffer = device.Allocate(256);
        DeviceFault fault = Assert.Throws<DeviceFault>(() => device.Launch("k", new Extent(1), new Extent(64), buffer))!;
        Assert.That(fault.Message,
            Does.Contain($"thread (0, 0, 0): atomic operation of the byte at 0x{buffer:x}, which was never written"));
    }
}
