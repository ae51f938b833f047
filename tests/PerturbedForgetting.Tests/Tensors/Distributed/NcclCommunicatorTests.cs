using System.Collections.Concurrent;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;

namespace PerturbedForgetting.Tests.Tensors.Distributed;

/// <summary>Groups of software GPUs: what the calls make, what they are ordered with, and how they end.</summary>
sealed class NcclCommunicatorTests
{
    static float[] Values(int rank, int count) => [.. Enumerable.Range(0, count).Select(i => MathF.Sin((7 * i) + (rank * 1.3f)) * 3)];

    static Tensor From<T>(T[] values, Device device) where T : unmanaged => Tensor.Persistent([values.Length], DTypes.Of<T>(), device)
        .CopyFrom<T>(values);

    [TestCase(1, 7), TestCase(2, 1025), TestCase(3, 1), TestCase(5, 257)]
    public void SumsAreMadeInTheOrderOfTheRanks(int size, int count)
    {
        ConcurrentDictionary<int, float[]> sums = new(), means = new(), largest = new();
        GpuGroup.Run(size, (group, device) =>
        {
            using Tensor sum = From(Values(group.Rank, count), device), mean = From(Values(group.Rank, count), device);
            using Tensor max = From(Values(group.Rank, count), device);
            group.AllReduce(sum, ReduceOperation.Sum);
            group.BeginAllReduce(mean, ReduceOperation.Mean);
            group.BeginAllReduce(max, ReduceOperation.Max);
            group.Complete();
            sums[group.Rank] = sum.ToArray<float>();
            means[group.Rank] = mean.ToArray<float>();
            largest[group.Rank] = max.ToArray<float>();
        });
        float factor = 1f / size;
        float[][] parts = [.. Enumerable.Range(0, size).Select(rank => Values(rank, count))];
        for (int rank = 0; rank < size; rank++)
        {
            Assert.That(sums[rank], Is.EqualTo(Enumerable.Range(0, count).Select(i => parts.Aggregate(0f, (s, p) => s + p[i]))));
            Assert.That(means[rank], Is.EqualTo(Enumerable.Range(0, count)
                .Select(i => parts.Skip(1).Aggregate(parts[0][i] * factor, (s, p) => s + (p[i] * factor)))));
            Assert.That(largest[rank], Is.EqualTo(Enumerable.Range(0, count).Select(i => parts.Max(p => p[i]))));
        }
    }

    [Test]
    public void WhatEveryGroupDoes([Values(1, 2, 3)] int size) =>
        GpuGroup.Run(size, static (group, device) => new CommunicatorChecks(group, device).Run(0, 1, 257));

    /// <summary>A view that begins anywhere goes through an aligned copy; a mean of three is not scaled by a third in bfloat16; half the
    /// bytes are counted.</summary>
    [Test]
    public void RoundedValuesTravelInHalfTheBytes() => GpuGroup.Run(3, static (group, device) =>
    {
        using Tensor all = Tensor.Persistent([1031], device: device).Fill(-7);
        using Tensor view = all.View([1029], 1);
        for (int i = 0; i < 2; i++)
        {
            view.Fill(3);
            group.BeginAllReduceRounded(view, ReduceOperation.Mean);
            group.Complete();
        }
        float third = 9 * (1f / 3);
        Assert.That(all.ToArray<float>(), Is.EqualTo((float[])[-7, .. Enumerable.Repeat(third, 1029), -7]));
        Assert.That(group.Times.Bytes, Is.EqualTo(2 * 2 * 1029));
        using DeviceGraph graph = device.Capture(() =>
        {
            group.BeginAllReduceRounded(view, ReduceOperation.Sum);
            group.Complete();
        });
        graph.Launch();
        Assert.That(view.ToArray<float>(), Is.All.EqualTo(9));
    });

    [Test]
    public void WhoWatchesSeesWhoIsBehind()
    {
        using ManualResetEventSlim isSeen = new();
        GpuGroup.Run(2, (group, device) =>
        {
            using Tensor x = From(Values(group.Rank, 5), device);
            group.Barrier();
            Assert.That(group.Progress, Is.EqualTo(new CommunicationProgress(1, 1, TimeSpan.Zero)));
            if (group.Rank == 1)
            {
                isSeen.Wait(TimeSpan.FromSeconds(30));
                Assert.That(group.Progress, Is.EqualTo(new CommunicationProgress(1, 1, TimeSpan.Zero)));
            }
            else
            {
                new Thread(() =>
                {
                    SpinWait.SpinUntil(() => group.Progress is { Begun: 2, Done: 1 } progress
                        && progress.Waiting > TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(30));
                    isSeen.Set();
                }).Start();
            }
            group.AllReduce(x, ReduceOperation.Sum);
            x.ToArray<float>();
            Assert.That(isSeen.IsSet);
            Assert.That(group.Progress, Is.EqualTo(new CommunicationProgress(2, 2, TimeSpan.Zero)));
        });
    }

    [Test]
    public void EveryTypeIsReduced() => GpuGroup.Run(3, static (group, device) =>
    {
        using Tensor doubles = From([0.1 * (group.Rank + 1), -1], device), ints = From([group.Rank, 5], device);
        using Tensor longs = From([1L << (40 + group.Rank), -group.Rank], device), bytes = From([(byte)group.Rank], device);
        group.AllReduce(doubles, ReduceOperation.Sum);
        group.AllReduce(ints, ReduceOperation.Min);
        group.AllReduce(longs, ReduceOperation.Max);
        Assert.That(doubles.ToArray<double>(), Is.EqualTo(new[] { 0.1 + (0.1 * 2) + (0.1 * 3), -3 }));
        Assert.That(ints.ToArray<int>(), Is.EqualTo(new[] { 0, 5 }));
        Assert.That(longs.ToArray<long>(), Is.EqualTo(new[] { 1L << 42, 0 }));
        Assert.That(() => group.AllReduce(bytes, ReduceOperation.Sum), Throws.ArgumentException);
        Assert.That(() => group.AllReduce(ints, ReduceOperation.Mean), Throws.ArgumentException);
        Assert.That(() => group.AllReduce(Tensor.Persistent([1]), ReduceOperation.Sum), Throws.ArgumentException, "of another device");
    });

    [Test]
    public void OneSendsAndAllGather() => GpuGroup.Run(3, static (group, device) =>
    {
        using Tensor sent = From<byte>([(byte)group.Rank, 9, 200], device), all = Tensor.Persistent([6], DType.Int64, device);
        using Tensor part = From([group.Rank * 10L, -1], device), none = Tensor.Persistent([0], DType.Float32, device);
        group.Broadcast(sent, 2);
        group.AllGather(part, all);
        group.AllReduce(none, ReduceOperation.Sum);
        group.Barrier();
        Assert.That(sent.ToArray<byte>(), Is.EqualTo(new byte[] { 2, 9, 200 }));
        Assert.That(all.ToArray<long>(), Is.EqualTo(new long[] { 0, -1, 10, -1, 20, -1 }));
        Assert.That(() => group.AllGather(part, part), Throws.ArgumentException);
        Assert.That(() => group.Broadcast(sent, 3), Throws.InstanceOf<ArgumentException>());
    });

    /// <summary>On drawn orders of streams too: what a call reads comes before it, what reads its result behind it.</summary>
    [Test]
    public void WorkOfTheDeviceIsOrderedWithIt([Values(null, 1, 2, 3)] int? seed) => GpuGroup.Run(2, static (group, device) =>
    {
        using Tensor x = From(Values(group.Rank, 65), device), other = From(Values(2, 65), device);
        for (int i = 0; i < 4; i++)
        {
            x.Fill(i + group.Rank);
            group.BeginAllReduce(x, ReduceOperation.Mean);
            other.Fill(i);
            group.Complete();
            other.CopyFrom(x);
            Assert.That(i % 2 == 0 || other.ToArray<float>().All(v => v == i + 0.5f));
        }
    }, _ => new SimulatedDeviceOptions { Workers = 1, ShuffleSeed = seed });

    [Test]
    public void TouchingWhatIsUnderWayIsFound() =>
        Assert.That(() => GpuGroup.Run(2, static (group, device) =>
        {
            using Tensor x = From(Values(group.Rank, 65), device);
            group.BeginAllReduce(x, ReduceOperation.Sum);
            x.Fill(1);
            group.Complete();
            device.Synchronize();
        }), Throws.InstanceOf<CudaException>().With.Message.Contains("nccl all-reduce on").And.Message.Contains("nothing orders the two"));

    [Test]
    public void AGraphHoldsItAndLaunchesItAgain() => GpuGroup.Run(2, static (group, device) =>
    {
        using Tensor x = From(Values(group.Rank, 33), device), y = Tensor.Persistent([33], device: device);
        group.AllReduce(x, ReduceOperation.Sum);
        x.CopyFrom<float>(Values(group.Rank, 33));
        CommunicationTimes before = group.Times;
        Assert.That(before.Bytes, Is.EqualTo(33 * 4));
        using (DeviceGraph graph = device.Capture(() =>
        {
            group.BeginAllReduce(x, ReduceOperation.Mean);
            group.Complete();
            y.CopyFrom(x);
        }))
        {
            graph.Launch();
            float[] once = y.ToArray<float>();
            Assert.That(once[3], Is.EqualTo((Values(0, 33)[3] * 0.5f) + (Values(1, 33)[3] * 0.5f)));
            graph.Launch();
            graph.Launch();
            Assert.That(y.ToArray<float>(), Is.EqualTo(once), "the mean of equal numbers");
            CommunicationTimes times = group.Times;
            Assert.That(times.Bytes, Is.EqualTo(4 * 33 * 4));
            Assert.That(times.Busy, Is.GreaterThan(before.Busy).And.LessThan(TimeSpan.FromSeconds(30)));
            // The rank that comes last may wait for nothing that a clock shows.
            Assert.That(times.Waited, Is.GreaterThanOrEqualTo(before.Waited));
        }
    });

    [Test]
    public void AGroupIsParted() => GpuGroup.Run(4, static (group, device) =>
    {
        using Communicator part = group.Split(group.Rank == 2 ? 7 : 1);
        using Tensor x = From([1f + group.Rank], device);
        part.AllReduce(x, ReduceOperation.Sum);
        Assert.That((part.Rank, part.Size), Is.EqualTo(group.Rank switch { 0 => (0, 3), 1 => (1, 3), 2 => (0, 1), _ => (2, 3) }));
        Assert.That(x.ToArray<float>()[0], Is.EqualTo(group.Rank == 2 ? 3 : 1 + 2 + 4));
    });

    [Test]
    public void WhoWaitsForOneThatIsGoneIsToldByWhoKnows()
    {
        using Barrier meeting = new(2);
        GpuGroup.Run(2, (group, device) =>
        {
            using Tensor x = From(Values(group.Rank, 5), device);
            group.AllReduce(x, ReduceOperation.Sum);
            x.ToArray<float>();
            meeting.SignalAndWait();
            if (group.Rank == 1)
            {
                group.Abort("this one ends");
                return;
            }
            new Thread(() =>
            {
                Thread.Sleep(50);
                group.Abort("rank 1 on node7 was killed");
            }).Start();
            Assert.That(() =>
            {
                group.AllReduce(x, ReduceOperation.Sum);
                x.ToArray<float>();
            }, Throws.InstanceOf<CommunicationException>().With.Message.EqualTo("rank 1 on node7 was killed"));
            Assert.That(device.Synchronize, Throws.InstanceOf<CommunicationException>(), "what the work left is not to be trusted");
            Assert.That(() => group.Barrier(), Throws.InstanceOf<CommunicationException>());
            Assert.That(() => group.Complete(), Throws.InstanceOf<CommunicationException>());
        }, grace: TimeSpan.FromSeconds(20));
    }

    [Test]
    public void WithoutAnybodyWhoKnowsTheErrorOfNcclEndsIt()
    {
        using Barrier meeting = new(3);
        GpuGroup.Run(3, (group, device) =>
        {
            using Tensor x = From(Values(group.Rank, 5), device);
            group.Barrier();
            meeting.SignalAndWait();
            if (group.Rank == 1)
            {
                group.Abort("this one ends");
                return;
            }
            Assert.That(() =>
            {
                group.AllReduce(x, ReduceOperation.Sum);
                x.ToArray<float>();
            }, Throws.InstanceOf<CommunicationException>().With.Message.Contains("rank 1 has ended"));
        });
    }

    [Test]
    public void WhoStaysAwayFromTheBeginningIsNotWaitedForAfterAnAbort()
    {
        using Device device = TestDevices.OpenSoftwareGpu(new SimulatedDeviceOptions { Workers = 1 });
        NcclCommunicator group = new(device, NcclCommunicator.CreateId(device), 0, 2);
        Task waiting = Task.Run(group.Join);
        Assert.That(waiting.Wait(100), Is.False);
        group.Abort("rank 1 never came");
        Assert.That(async () => await waiting, Throws.InstanceOf<CommunicationException>().With.Message.EqualTo("rank 1 never came"));
        group.Dispose();
    }

    [Test]
    public void MembersThatDoNotFitAreRefused()
    {
        Assert.That(() => GpuGroup.Run(2, static (group, device) =>
        {
            using Tensor x = Tensor.Persistent([group.Rank == 0 ? 5 : 6], device: device).Fill(1);
            group.AllReduce(x, ReduceOperation.Sum);
            x.ToArray<float>();
        }), Throws.InstanceOf<CudaException>().With.Message.Contains("rank 0 made ncclAllReduce of 5 Float32, Sum")
            .And.Message.Contains("rank 1 made ncclAllReduce of 6 Float32, Sum"));
        using Device device = TestDevices.OpenSoftwareGpu(new SimulatedDeviceOptions { Workers = 1 });
        byte[] id = NcclCommunicator.CreateId(device);
        using NcclCommunicator first = new(device, id, 0, 2), second = new(device, id, 1, 2);
        Assert.That(first.Join, Throws.InstanceOf<CudaLibraryException>().With.Message.Contains("use the same GPU")
            .And.Message.Contains("one process a GPU"));
    }

    [Test]
    public void ADeviceWithoutItSaysSo()
    {
        using Device device = TestDevices.OpenSoftwareGpu(new SimulatedDeviceOptions { NcclVersion = null });
        Assert.That(NcclCommunicator.WhyUnusable(device), Does.StartWith("Without NCCL several processes on GPUs")
            .And.Contain("this software GPU has none"));
        Assert.That(() => NcclCommunicator.CreateId(device),
            Throws.InstanceOf<CudaLibraryException>().With.Message.Contains("nvidia-nccl-cu12"));
        Assert.That(NcclCommunicator.WhyUnusable(Device.Cpu), Does.Contain("cpu is none"));
        Assert.That(() => NcclCommunicator.CreateId(Device.Cpu), Throws.InstanceOf<NotSupportedException>());
        using Device old = TestDevices.OpenSoftwareGpu(new SimulatedDeviceOptions { NcclVersion = new(2, 9, 6) });
        Assert.That(NcclCommunicator.WhyUnusable(old), Does.Contain("is of version 2.9.6; 2.13 or newer is needed"));
        using Device good = TestDevices.OpenSoftwareGpu(new SimulatedDeviceOptions());
        Assert.That(NcclCommunicator.WhyUnusable(good), Is.Null);
    }
}
