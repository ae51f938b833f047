using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Tensors.Distributed.Mpi;

namespace PerturbedForgetting.Tests.Tensors.Distributed.Mpi;

/// <summary>Groups of processes over MPI, whose members are threads of this process.</summary>
sealed class MpiCommunicatorTests
{
    [Test]
    public void AllCallsDoWhatTheyShall([Values] MpiFamily family, [Values(1, 2, 3, 5)] int size)
    {
        using FakeMpi mpi = new(size, family);
        mpi.Run(process =>
        {
            using Communicator group = process.CreateCommunicator(Device.Cpu);
            Assert.That((group.Rank, group.Size, group.Name), Is.EqualTo((process.Rank, size, "Test MPI 1.2")));
            new CommunicatorChecks(group, Device.Cpu).Run(0, 1, 7, 33);
        });
    }

    [Test]
    public void WhatIsLargerThanACallGoesInParts()
    {
        const int Part = 64;
        using FakeMpi mpi = new(3, MpiFamily.OpenMpi);
        mpi.Run(process =>
        {
            process.LargestPart = Part;
            using Communicator group = process.CreateCommunicator(Device.Cpu);
            new CommunicatorChecks(group, Device.Cpu).Run(15, 16, 17, 100);
            new CommunicatorChecks(group, Device.Cpu).Many(1000);
            byte[] message = [.. Enumerable.Range(0, 200).Select(value => (byte)value)];
            Assert.That(process.Broadcast(process.Rank == 1 ? message : [], root: 1), Is.EqualTo(message));
        });
        Assert.That(mpi.Moved.Max(), Is.EqualTo(Part));
    }

    [Test]
    public void TensorsOfAGpuGoThroughTheHost([Values(4 << 20, 64)] int largestPart)
    {
        using FakeMpi mpi = new(2, MpiFamily.Mpich);
        mpi.Run(process =>
        {
            process.LargestPart = largestPart;
            using Device gpu = TestDevices.OpenSoftwareGpu(new() { Workers = 1 });
            using (Communicator group = process.CreateCommunicator(gpu))
            {
                new CommunicatorChecks(group, gpu).Run(0, 1, 17);
                ComputationGoesOnAround(group, gpu);
                using Tensor values = Tensor.Ones([5], device: gpu);
                var refusal = Assert.Catch(() => gpu.Capture(() => group.BeginAllReduce(values, ReduceOperation.Sum)))!;
                Assert.That(Device.IsRefusal(refusal), refusal.Message);
                group.AllReduce(values, ReduceOperation.Sum);
                Assert.That(values.ToArray<float>(), Is.All.EqualTo(2));
            }
        });
    }

    /// <summary>What was queued before is reduced, what is queued afterwards sees the sum, and something else may be computed beside
    /// it.</summary>
    static void ComputationGoesOnAround(Communicator group, Device gpu)
    {
        using Tensor values = Tensor.Persistent([100], device: gpu), other = Tensor.Persistent([100], device: gpu),
            copy = Tensor.Persistent([100], device: gpu);
        for (int i = 0; i < 3; i++)
        {
            values.Fill(group.Rank + i);
            group.BeginAllReduce(values, ReduceOperation.Sum);
            other.Fill(i);
            group.Complete();
            copy.CopyFrom(values);
            values.Fill(-1);
            Assert.That(copy.ToArray<float>(), Is.All.EqualTo(1 + 2 * i));
        }
        Assert.That(other.ToArray<float>(), Is.All.EqualTo(2));
    }

    [Test]
    public void ProcessesOfAMachineFindEachOther()
    {
        using FakeMpi mpi = new(5, MpiFamily.Mpich) { ProcessesOfAMachine = 2 };
        mpi.Run(process =>
        {
            Assert.That((process.LocalRank, process.LocalSize, process.Host),
                Is.EqualTo((process.Rank % 2, process.Rank == 4 ? 1 : 2, $"machine{process.Rank / 2}")));
            using var group = (MpiCommunicator)process.CreateCommunicator(Device.Cpu);
            using Communicator machine = group.SplitByMachine();
            Assert.That((machine.Rank, machine.Size), Is.EqualTo((process.LocalRank, process.LocalSize)));
            IReadOnlyList<byte[]> all = process.Gather([.. Enumerable.Repeat((byte)process.Rank, process.Rank)]);
            Assert.That(all.Select(message => message.Length), Is.EqualTo(new[] { 0, 1, 2, 3, 4 }));
            Assert.That(all[3], Is.All.EqualTo(3));
        });
    }

    [Test]
    public void AReductionGoesOnBesideTheComputation()
    {
        using FakeMpi mpi = new(2, MpiFamily.OpenMpi);
        using ManualResetEventSlim begun = new();
        mpi.Run(process =>
        {
            using Communicator group = process.CreateCommunicator(Device.Cpu);
            using Tensor values = Tensor.Ones([1000]);
            if (group.Rank == 0)
            {
                group.BeginAllReduce(values, ReduceOperation.Sum);
                SpinWait.SpinUntil(() => group.Progress.Waiting > TimeSpan.FromMilliseconds(20), TimeSpan.FromSeconds(20));
                begun.Set();
                SpinWait.SpinUntil(() => group.Progress.Done == group.Progress.Begun, TimeSpan.FromSeconds(20));
                group.Complete();
                Assert.That((group.Progress.Begun - group.Progress.Done, group.Progress.Waiting), Is.EqualTo((0, TimeSpan.Zero)));
                CommunicationTimes times = group.Times;
                Assert.That((times.Bytes, times.Busy > TimeSpan.FromMilliseconds(20), times.Waited < times.Busy / 2),
                    Is.EqualTo((4000, true, true)), times.ToString());
            }
            else
            {
                begun.Wait(TimeSpan.FromSeconds(20));
                group.AllReduce(values, ReduceOperation.Sum);
            }
            Assert.That(values.ToArray<float>(), Is.All.EqualTo(2));
        });
    }

    [Test]
    public void AReductionAllocatesNothing()
    {
        using FakeMpi mpi = new(1, MpiFamily.OpenMpi);
        mpi.Run(process =>
        {
            using Communicator group = process.CreateCommunicator(Device.Cpu);
            using Tensor values = Tensor.Ones([10]);
            for (int i = 0; i < 3; i++)
                group.AllReduce(values, ReduceOperation.Mean);
            long before = GC.GetAllocatedBytesForCurrentThread();
            group.AllReduce(values, ReduceOperation.Mean);
            Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        });
    }
}
