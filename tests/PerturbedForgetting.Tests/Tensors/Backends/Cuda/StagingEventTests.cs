using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tests.Tensors.Backends.Cuda;

/// <summary>The events that order copies of batches with the computation: with all of them every batch arrives, and without any one of
/// them, be it left out by the staging buffer at the first batch or the last, the software GPU says so.</summary>
[TestFixture(null), TestFixture(1), TestFixture(2)]
sealed class StagingEventTests(int? seed)
{
    const int Bytes = 4096, Batches = 3;

    [Test]
    public void InOrderEveryBatchArrives() => Assert.That(Run(null), Is.EqualTo(new byte[] { 1, 2, 3 }));

    // One when the buffer is made; of each batch that of the host (2, 5, 8), of the copy and of the end of the reading; the last copy.
    [Test]
    public void ARecordThatIsLeftOutIsFound([Values(1, 3, 4, 6, 7, 9, 10, 12)] int number) =>
        IsFound(new SimulatedRefusal("cuEventRecord", 0, number, Count: 1));

    /// <summary>Host memory is filled anew that a copy has yet to read.</summary>
    [Test]
    public void WithoutItsRecordTheHostIsTooEarly([Values(2, 5, 8)] int number)
    {
        byte[]? seen = null;
        try
        {
            seen = Run(new SimulatedRefusal("cuEventRecord", 0, number, Count: 1));
        }
        catch (CudaException)
        {
            // Found by the device itself.
        }
        Assert.That(seen, Is.Not.EqualTo(new byte[] { 1, 2, 3 }));
    }

    // Of each batch that of the copies and that of the computation; then the copies' for one batch more, and who frees the buffer waits.
    [Test]
    public void AWaitThatIsLeftOutIsFound([Range(1, (2 * Batches) + 2)] int number) =>
        IsFound(new SimulatedRefusal("cuStreamWaitEvent", 0, number, Count: 1));

    void IsFound(SimulatedRefusal leftOut)
    {
        CudaException error = Assert.Throws<CudaException>(() => Run(leftOut))!;
        Assert.That(error.Finding, Does.Contain("nothing orders the two").And.Contain($"copy of {Bytes} bytes to the device on stream 2"));
    }

    /// <summary>One byte of each batch as the computation saw it. The memory that batches come to has been used before, and is used again
    /// when one that nobody wanted any more is still on its way.</summary>
    byte[] Run(SimulatedRefusal? leftOut)
    {
        using var driver = new SimulatedDriver(new SimulatedDeviceOptions { Workers = 1, ShuffleSeed = seed });
        using Device device = Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, "sim");
        using HostBuffer host = HostBuffer.Allocate(device, Bytes);
        using Tensor results = Tensor.Persistent([Batches, Bytes], DType.UInt8, device);
        Tensor.Persistent([Bytes], DType.UInt8, device).Fill(9).Dispose();
        if (leftOut is not null)
            driver.Refuse(leftOut);
        StagingBuffer staging = device.Backend.CreateStaging(device, Bytes);
        for (int batch = 0; batch < Batches; batch++)
        {
            Send(batch + 1);
            staging.Await();
            device.Backend.Copy(staging.Content, results.Rows(batch, 1));
            staging.Release();
        }
        Send(Batches + 1);
        staging.Dispose();
        using Tensor next = Tensor.Persistent([Bytes], DType.UInt8, device).Fill(7);
        ((CudaBackend)device.Backend).Workplace.Context.Synchronize();
        byte[] seen = results.ToArray<byte>();
        Assert.That(next.ToArray<byte>(), Is.All.EqualTo(7));
        return [.. Enumerable.Range(0, Batches).Select(b => seen[b * Bytes])];

        void Send(int value)
        {
            host.WaitUntilRead();
            host.Span<byte>(0, Bytes).Fill((byte)value);
            staging.Begin(host, Bytes);
        }
    }
}
