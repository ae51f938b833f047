using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Tests.Cuda.Driver;

/// <summary>
/// The order that the input path keeps, with streams and events directly: two buffers are filled on one stream and read on another,
/// from host memory that is filled anew. With all its events it is right in every order; without any one of them the software GPU says so.
/// </summary>
[TestFixture(null), TestFixture(1), TestFixture(2), TestFixture(3), TestFixture(4), TestFixture(5)]
sealed unsafe class InputOrderTests(int? seed)
{
    const int Count = 32, Batches = 6;

    /// <summary>One of the rules.</summary>
    public enum Rule
    {
        None,
        ComputationWaitsForTheCopy,
        CopyWaitsForTheComputation,
        HostWaitsForTheCopy,
    }

    [Test]
    public void InOrderEveryBatchArrives() => Assert.That(Run(Rule.None), Is.EqualTo(Expected));

    [Test]
    public void WithoutAnEventTheDeviceFindsTheAccess(
        [Values(Rule.ComputationWaitsForTheCopy, Rule.CopyWaitsForTheComputation)] Rule missing)
    {
        CudaException e = Assert.Throws<CudaException>(() => Run(missing))!;
        Assert.That(e.Finding, Does.Contain("copy of 128 bytes to the device").And.Contain("copy on stream"));
    }

    [Test]
    public void HostMemoryThatIsFilledTooEarlyIsFound() => Assert.That(Assert.Throws<CudaException>(() =>
        Run(Rule.HostWaitsForTheCopy))!.Finding,
        Does.Contain("copy of 128 bytes to the device").And.Contain("the host changed 128 bytes of pinned memory"));

    static uint[] Expected => [.. Enumerable.Range(0, Batches).Select(static b => (uint)(b + 1))];

    /// <summary>The first number of each batch as the computation saw it.</summary>
    uint[] Run(Rule missing)
    {
        using var gpu = new SmallGpu(new SimulatedDeviceOptions { Workers = 1, ShuffleSeed = seed });
        using CudaStream copies = gpu.Context.CreateStream(), computation = gpu.Context.CreateStream();
        using DeviceBuffer<uint> results = gpu.Context.Allocate<uint>(Batches * Count);
        var slots = new Slot[2];
        for (int i = 0; i < 2; i++)
            slots[i] = new Slot(gpu.Context);
        for (int batch = 0; batch < Batches; batch++)
        {
            Slot slot = slots[batch % 2];
            if (batch >= 2 && missing != Rule.HostWaitsForTheCopy)
                slot.Filled.Synchronize();
            slot.Host.Span.Fill((uint)(batch + 1));
            if (batch >= 2 && missing != Rule.CopyWaitsForTheComputation)
                copies.Wait(slot.Free);
            copies.Upload(slot.Device, slot.Host.Pointer, sizeof(uint) * Count);
            slot.Filled.Record(copies);
            if (missing != Rule.ComputationWaitsForTheCopy)
                computation.Wait(slot.Filled);
            gpu.Copy(computation, results.Pointer + (batch * Count * sizeof(uint)), slot.Device);
            slot.Free.Record(computation);
        }
        computation.Synchronize();
        uint[] all = results.ToArray();
        return [.. Enumerable.Range(0, Batches).Select(b => all[b * Count])];
    }

    /// <summary>A batch in pinned memory and on the device.</summary>
    sealed class Slot(CudaContext context)
    {
        public PinnedBuffer<uint> Host { get; } = context.AllocatePinned<uint>(Count);

        public DeviceBuffer<uint> Device { get; } = context.Allocate<uint>(new uint[Count]);

        public CudaEvent Filled { get; } = context.CreateEvent();

        public CudaEvent Free { get; } = context.CreateEvent();
    }
}
