using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Tests.Cuda.Driver;

/// <summary>What orders work, and what does not: each on the order of issue and on many orders that the rules allow.</summary>
[TestFixture(null), TestFixture(1), TestFixture(2), TestFixture(3), TestFixture(4), TestFixture(5)]
sealed unsafe class StreamOrderTests(int? seed)
{
    const int Count = 32;

    SmallGpu gpu = null!;
    CudaStream first = null!, second = null!;
    DeviceBuffer<uint> x = null!, y = null!;

    [SetUp]
    public void Open()
    {
        gpu = new SmallGpu(new SimulatedDeviceOptions { Workers = 1, ShuffleSeed = seed });
        (first, second) = (gpu.Context.CreateStream(), gpu.Context.CreateStream());
        (x, y) = (gpu.Context.Allocate<uint>(Count), gpu.Context.Allocate<uint>(Count));
        x.Upload(new uint[Count]);
        y.Upload(new uint[Count]);
    }

    [TearDown]
    public void Close() => gpu.Dispose();

    [Test]
    public void NothingRunsBeforeSomethingWaits()
    {
        gpu.Add(first, x, 1);
        Assert.That(gpu.Driver.PendingOperations, Is.EqualTo(1));
        first.Synchronize();
        Assert.That(gpu.Driver.PendingOperations, Is.Zero);
    }

    [Test]
    public void AnEventOrdersTwoStreams()
    {
        using CudaEvent written = gpu.Context.CreateEvent();
        gpu.Set(first, x, 5);
        written.Record(first);
        second.Wait(written);
        gpu.Copy(second, y, x);
        second.Synchronize();
        Assert.That(y.ToArray(), Is.All.EqualTo(5));
    }

    [Test]
    public void AMissingEventIsFound()
    {
        gpu.Set(first, x, 5);
        gpu.Copy(second, y, x);
        CudaException error = Assert.Throws<CudaException>(gpu.Context.Synchronize)!;
        Assert.That(error.Result, Is.EqualTo(CudaResult.LaunchFailed));
        Assert.That(error.Message, Does.Contain("kernel set on stream 1").And.Contain("kernel copy on stream 2")
            .And.Contain("nothing orders the two"));
    }

    [Test]
    public void AnEventThatIsRecordedTooEarlyIsFound()
    {
        using CudaEvent written = gpu.Context.CreateEvent();
        written.Record(first);
        gpu.Set(first, x, 5);
        second.Wait(written);
        gpu.Copy(second, y, x);
        Assert.That(gpu.Context.Synchronize, Throws.TypeOf<CudaException>().With.Message.Contains("nothing orders the two"));
    }

    [Test]
    public void AWriteBehindAnUnfinishedReadIsFound()
    {
        gpu.Copy(first, y, x);
        gpu.Set(second, x, 5);
        Assert.That(gpu.Context.Synchronize, Throws.TypeOf<CudaException>().With.Message.Contains("nothing orders the two"));
    }

    [Test]
    public void WritesBehindTwoUnorderedReadsAreFound()
    {
        using DeviceBuffer<uint> z = gpu.Context.Allocate<uint>(Count);
        using CudaStream third = gpu.Context.CreateStream();
        using CudaEvent read = gpu.Context.CreateEvent();
        gpu.Copy(first, y, x);
        gpu.Copy(second, z, x);
        read.Record(second);
        third.Wait(read);
        gpu.Set(third, x, 5);
        Assert.That(gpu.Context.Synchronize, Throws.TypeOf<CudaException>().With.Message.Contains("kernel copy on stream 1"));
    }

    [Test]
    public void TwoReadersNeedNoOrder()
    {
        using DeviceBuffer<uint> z = gpu.Context.Allocate<uint>(Count);
        gpu.Copy(first, y, x);
        gpu.Copy(second, z, x);
        gpu.Context.Synchronize();
        Assert.That(z.ToArray(), Is.All.EqualTo(0));
    }

    [Test]
    public void TheHostOrdersStreamsByWaiting()
    {
        gpu.Set(first, x, 5);
        first.Synchronize();
        gpu.Copy(second, y, x);
        second.Synchronize();
        Assert.That(y.ToArray(), Is.All.EqualTo(5));
    }

    [Test]
    public void TheDefaultStreamWaitsForBlockingStreamsOnly()
    {
        using CudaStream blocking = gpu.Context.CreateStream(CudaStreamFlags.Default),
            other = gpu.Context.CreateStream(CudaStreamFlags.Default);
        gpu.Set(blocking, x, 5);
        gpu.Add(gpu.Context.DefaultStream, x, 1);
        gpu.Copy(other, y, x);
        other.Synchronize();
        Assert.That(y.ToArray(), Is.All.EqualTo(6));
        gpu.Set(first, x, 9);
        gpu.Add(gpu.Context.DefaultStream, x, 1);
        Assert.That(gpu.Context.Synchronize, Throws.TypeOf<CudaException>().With.Message.Contains("the default stream"));
    }

    [Test]
    public void ADownloadWithoutWaitingIsFound()
    {
        gpu.Set(first, x, 5);
        Assert.That(() =>
        {
            x.ToArray();
            gpu.Context.Synchronize();
        }, Throws.TypeOf<CudaException>().With.Message.Contains("copy of 128 bytes to the host"));
    }

    [Test]
    public void ACopyOfPageableMemoryIsNotAwaited([Values] bool waits)
    {
        Copy(new uint[Count], isPinned: false);
        if (waits)
            gpu.Context.DefaultStream.Synchronize();
        gpu.Copy(first, y, x);
        Assert.That(gpu.Context.Synchronize, waits
            ? Throws.Nothing
            : Throws.TypeOf<CudaException>().With.Message.Contains($"copy of {4 * Count} bytes to the device on the default stream")
                .And.Message.Contains("nothing orders the two"));
    }

    [Test]
    public void ACopyOfPageableMemoryComesBehindWhatTheDefaultStreamHad()
    {
        gpu.Set(gpu.Context.DefaultStream, x, 5);
        Copy(Enumerable.Repeat(7u, Count).ToArray(), isPinned: false);
        Assert.That(gpu.Driver.PendingOperations, Is.EqualTo(1), "the copy alone: what was there before has been waited for");
        using CudaStream blocking = gpu.Context.CreateStream(CudaStreamFlags.Default);
        gpu.Copy(blocking, y, x);
        blocking.Synchronize();
        Assert.That(y.ToArray(), Is.All.EqualTo(7), "a stream that blocks waits for the default stream");
    }

    [Test]
    public void ACopyOfPinnedMemoryIsAwaited()
    {
        Copy(Enumerable.Repeat(7u, Count).ToArray(), isPinned: true);
        gpu.Copy(first, y, x);
        first.Synchronize();
        Assert.That(y.ToArray(), Is.All.EqualTo(7));
    }

    [Test]
    public void AnUploadIsThereForEveryStream()
    {
        x.Upload(Enumerable.Repeat(7u, Count).ToArray());
        using DeviceBuffer<uint> z = gpu.Context.Allocate<uint>(Enumerable.Repeat(8u, Count).ToArray()),
            w = gpu.Context.Allocate<uint>(Count);
        gpu.Copy(first, y, x);
        gpu.Copy(second, w, z);
        gpu.Context.Synchronize();
        Assert.That(y.ToArray(), Is.All.EqualTo(7));
        Assert.That(w.ToArray(), Is.All.EqualTo(8));
    }

    [Test]
    public void APageableDownloadIsThereAfterWaiting()
    {
        gpu.Set(first, x, 5);
        uint[] host = new uint[Count];
        fixed (uint* place = host)
        {
            first.Download(place, x, 4 * Count);
            Assert.That(host, Has.None.EqualTo(5));
            first.Synchronize();
        }
        Assert.That(host, Is.All.EqualTo(5));
    }

    [Test]
    public void WhoUsesTheMemoryOfADownloadBeforeWaitingIsFound()
    {
        uint[] host = new uint[Count];
        fixed (uint* place = host)
        {
            first.Download(place, x, 4 * Count);
            host[^1] = 0;
            Assert.That(first.Synchronize, Throws.TypeOf<CudaException>().With.Message.Contains("before it waited for the copy"));
        }
    }

    [Test]
    public void PageableMemoryIsNotCaptured([Values] bool isUpload)
    {
        first.BeginCapture();
        uint[] host = new uint[Count];
        fixed (uint* place = host)
        {
            CudaResult result = isUpload
                ? gpu.Api.Call.MemcpyHtoDAsync(x.Pointer.Address, place, 4 * Count, first.Handle)
                : gpu.Api.Call.MemcpyDtoHAsync(place, x.Pointer.Address, 4 * Count, first.Handle);
            Assert.That(result, Is.EqualTo(CudaResult.StreamCaptureUnsupported));
        }
        Assert.That(() => first.EndCapture(), Throws.TypeOf<CudaException>().With.Message.Contains("not pinned"));
    }

    [Test]
    public void PageableCopiesAreReadAtOnce()
    {
        uint[] pageable = new uint[Count];
        fixed (uint* host = pageable)
            second.Upload(y, host, 4 * Count);
        pageable.AsSpan().Fill(3);
        gpu.Context.Synchronize();
        Assert.That(y.ToArray(), Is.All.EqualTo(0));
    }

    /// <summary>A copy reads and writes pinned memory when it runs: the host must leave it alone until then.</summary>
    [Test]
    public void PinnedMemoryThatTheHostChangesTooEarlyIsFound([Values] bool isDownload)
    {
        using PinnedBuffer<uint> pinned = gpu.Context.AllocatePinned<uint>(Count);
        pinned.Span.Fill(1);
        if (isDownload)
            first.Download(pinned.Pointer, x, 4 * Count);
        else
            first.Upload(x, pinned.Pointer, 4 * Count);
        pinned.Span[Count - 1] = 2;
        Assert.That(gpu.Context.Synchronize, Throws.TypeOf<CudaException>().With.Message.Contains("the host changed 128 bytes of pinned"));
    }

    [Test]
    public void PinnedMemoryThatIsFreedTooEarlyIsFound()
    {
        PinnedBuffer<uint> pinned = gpu.Context.AllocatePinned<uint>(Count);
        first.Upload(x, pinned.Pointer, 4 * Count);
        pinned.Dispose();
        Assert.That(gpu.Context.Synchronize, Throws.TypeOf<CudaException>().With.Message.Contains("which a copy still uses"));
    }

    [Test]
    public void PinnedMemoryOfTwoStreamsNeedsAnOrder([Values] bool isOrdered)
    {
        using PinnedBuffer<uint> pinned = gpu.Context.AllocatePinned<uint>(Count);
        using CudaEvent downloaded = gpu.Context.CreateEvent();
        first.Download(pinned.Pointer, x, 4 * Count);
        downloaded.Record(first);
        if (isOrdered)
            second.Wait(downloaded);
        second.Upload(y, pinned.Pointer, 4 * Count);
        Assert.That(gpu.Context.Synchronize, isOrdered ? Throws.Nothing
            : Throws.TypeOf<CudaException>().With.Message.Contains("pinned memory").And.Message.Contains("nothing orders the two"));
    }

    [Test]
    public void APinnedDownloadIsThereAfterWaiting()
    {
        using PinnedBuffer<uint> pinned = gpu.Context.AllocatePinned<uint>(Count);
        pinned.Span.Clear();
        gpu.Set(first, x, 5);
        first.Download(pinned.Pointer, x, 4 * Count);
        Assert.That(pinned.Span.ToArray(), Is.All.EqualTo(0));
        first.Synchronize();
        Assert.That(pinned.Span.ToArray(), Is.All.EqualTo(5));
    }

    [Test]
    public void ReadingWhatWasNeverWrittenIsFoundThroughCopies()
    {
        using DeviceBuffer<uint> empty = gpu.Context.Allocate<uint>(Count);
        first.Copy(x, empty, 4 * Count);
        gpu.Copy(first, y, x);
        Assert.That(gpu.Context.Synchronize, Throws.TypeOf<CudaException>().With.Message.Contains("never written"));
    }

    // As DeviceBuffer.Upload, without its wait.
    void Copy(uint[] values, bool isPinned)
    {
        using PinnedBuffer<uint>? pinned = isPinned ? gpu.Context.AllocatePinned<uint>(Count) : null;
        values.CopyTo(pinned is null ? values : pinned.Span);
        fixed (uint* pageable = values)
            gpu.Api.Check(gpu.Api.Call.MemcpyHtoD(x.Pointer.Address, pinned is null ? pageable : pinned.Pointer, 4 * Count));
        Assert.That(gpu.Driver.PendingOperations, Is.EqualTo(isPinned ? 0 : 1));
    }

    [Test]
    public void EventsMeasureTime()
    {
        using CudaEvent start = gpu.Context.CreateEvent(CudaEventFlags.Default), end = gpu.Context.CreateEvent(CudaEventFlags.Default);
        start.Record(first);
        gpu.Add(first, x, 1);
        end.Record(first);
        end.Synchronize();
        Assert.That(end.MillisecondsSince(start), Is.Positive);
    }

    [Test]
    public void ManyOperationsRunInOrder()
    {
        using CudaEvent ping = gpu.Context.CreateEvent(), pong = gpu.Context.CreateEvent();
        for (int i = 0; i < 3000; i++)
        {
            gpu.Add(first, x, 1, threads: 1);
            ping.Record(first);
            second.Wait(ping);
            gpu.Add(second, x, 1, threads: 1);
            pong.Record(second);
            first.Wait(pong);
        }
        first.Synchronize();
        Assert.That(x.ToArray()[0], Is.EqualTo(6000));
    }
}
