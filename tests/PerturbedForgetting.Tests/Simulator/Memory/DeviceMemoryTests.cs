using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Tests.Simulator.Memory;

/// <summary>The table of allocations, the marks of written bytes, and the order of streams.</summary>
public class DeviceMemoryTests
{
    /// <summary>Random allocations and frees: every address is found in its allocation and in no other.</summary>
    [Test]
    public void AddressesAreFound()
    {
        Random random = Device.Random();
        using var memory = new DeviceMemory(1 << 24);
        List<Allocation> live = [];
        for (int round = 0; round < 500; round++)
        {
            if (live.Count > 0 && random.Next(3) == 0)
            {
                int victim = random.Next(live.Count);
                Assert.That(memory.Free(live[victim].Start), Is.True);
                live.RemoveAt(victim);
            }
            else if (memory.Allocate(random.Next(1, 5000)) is { } allocation)
                live.Add(allocation);
            Assert.That(memory.Count, Is.EqualTo(live.Count));
            Assert.That(memory.InUse, Is.EqualTo(live.Sum(a => (a.Size + 255) / 256 * 256)));
            if (live.Count == 0)
                continue;
            Allocation any = live[random.Next(live.Count)];
            Assert.That(any.Start % DeviceMemory.Alignment, Is.Zero);
            Assert.That(memory.Find(any.Start + (ulong)random.NextInt64(any.Size)), Is.SameAs(any));
            Assert.That(memory.Find(any.End), Is.Not.SameAs(any));
            Assert.That(any.Contains(any.Start, any.Size) && !any.Contains(any.Start, any.Size + 1) && !any.Contains(any.Start - 1, 1)
                && !any.Contains(any.End, 1), Is.True);
        }
    }

    [Test]
    public void NoMoreThanTheCapacity()
    {
        using var memory = new DeviceMemory(1024);
        Assert.That(memory.Allocate(1025), Is.Null);
        Assert.That(memory.Allocate(long.MaxValue), Is.Null);
        Assert.That(memory.Allocate(0), Is.Null);
        Allocation first = memory.Allocate(513)!;
        Assert.That(memory.Allocate(257), Is.Null, "513 bytes take 768");
        Assert.That(memory.Allocate(256), Is.Not.Null);
        Assert.That(memory.Free(first.Start + 256), Is.False);
        Assert.That(memory.Free(first.Start), Is.True);
        Assert.That(memory.Free(first.Start), Is.False);
        Assert.That(memory.Allocate(768), Is.Not.Null);
    }

    /// <summary>Marks of random ranges and accesses against an array of booleans.</summary>
    [Test]
    public void WrittenBytes()
    {
        Random random = Device.Random();
        using var memory = new DeviceMemory(1 << 20);
        for (int round = 0; round < 50; round++)
        {
            int size = random.Next(1, 700);
            Allocation a = memory.Allocate(size)!;
            var written = new bool[size];
            for (int step = 0; step < 40; step++)
            {
                int first = random.Next(size), count = random.Next(random.Next(2) == 0 ? Math.Min(9, size - first) : size - first) + 1;
                a.MarkWritten(a.Start + (ulong)first, count);
                written.AsSpan(first, count).Fill(true);
                first = random.Next(size);
                count = random.Next(size - first) + 1;
                Assert.That(a.FirstUnwritten(a.Start + (ulong)first, count), Is.EqualTo(written.AsSpan(first, count).IndexOf(false)));
            }
        }
    }

    [Test]
    public void TheLastOwnerOfAFreedAddressIsNamed()
    {
        using var memory = new DeviceMemory(1 << 20);
        ulong start = memory.Allocate(4096)!.Start;
        memory.Free(start);
        (FaultKind kind, string text) = memory.Explain(start + 8, 4);
        Assert.That((kind, text),
            Is.EqualTo((FaultKind.UseAfterFree,
                $"4 bytes at 0x{start + 8:x}, which lies 8 bytes into allocation #1 (4096 bytes), which is freed")));
    }

    /// <summary>Operations 1 and 2 are of different streams; only what the pairs say is ordered.</summary>
    sealed class Order(params (long, long)[] pairs) : IOperationOrder
    {
        public bool IsOrdered(long earlier, long later) => pairs.Contains((earlier, later));

        public string Describe(long operation) => $"kernel k of stream {operation}";
    }

    const string Body = ".reg .b32 %r<4>;\n.reg .b64 %rd<4>;\nld.param.u64 %rd1, [memory];\nmov.u32 %r1, %tid.x;\nmul.wide.u32 %rd2, %r1, "
        + "4;\nadd.u64 %rd1, %rd1, %rd2;\n";

    const string Read = "ld.global.u32 %r2, [%rd1];\nret;", Write = "st.global.u32 [%rd1], %r1;\nret;",
        Change = "red.global.add.u32 [%rd1], 1;\nret;";

    static void Run(string first, string second, IOperationOrder order, ulong distance = 0)
    {
        using Device one = Device.OfKernel(".param .u64 memory", Body + first);
        ulong memory = one.Upload(new int[64]);
        Allocation allocation = one.Memory.Find(memory)!;
        allocation.History = new AccessHistory(allocation.Start, allocation.Size, order);
        one.Operation = 1;
        one.Launch("k", new Extent(1), new Extent(32), memory);
        // The second kernel runs on the same memory, as an operation of its own.
        using Device other = Device.OfKernel(".param .u64 memory",
            Body + second.Replace("[%rd1]", $"[%rd1+{distance}]", StringComparison.Ordinal), memory: one.Memory);
        other.Operation = 2;
        other.Launch("k", new Extent(1), new Extent(32), memory);
    }

    [TestCase(Write, Read, "reads bytes", "writes")]
    [TestCase(Write, Write, "writes bytes", "writes")]
    [TestCase(Read, Write, "writes bytes", "reads")]
    [TestCase(Change, Read, "reads bytes", "writes")]
    [TestCase(Read, Change, "writes bytes", "reads")]
    public void StreamsThatNoEventOrdersConflict(string first, string second, string later, string earlier)
    {
        DeviceFault fault = Assert.Throws<DeviceFault>(() => Run(first, second, new Order()))!;
        Assert.That(fault.Kind, Is.EqualTo(FaultKind.UnorderedStreams));
        Assert.That(fault.Message, Does.StartWith("k: test.ptx:").And.Contain("thread (0, 0, 0)")
            .And.Contain($"kernel k of stream 2 {later}").And.Contain($"that kernel k of stream 1 {earlier}, and nothing orders the two"));
        Assert.DoesNotThrow(() => Run(first, second, new Order((1, 2))));
    }

    [Test]
    public void ReadersDoNotConflict() => Assert.DoesNotThrow(() => Run(Read, Read, new Order()));

    [Test]
    public void OtherBytesDoNotConflict() => Assert.DoesNotThrow(() => Run(Write, Write, new Order(), 128));
}
