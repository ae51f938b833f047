using System.Diagnostics;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Tensors.Distributed.Mpi;

namespace PerturbedForgetting.Tests.Tensors.Distributed.Mpi;

/// <summary>Members that stay away, hang, or call something else.</summary>
sealed class MpiFailureTests
{
    static readonly TimeSpan soon = TimeSpan.FromSeconds(20);

    [Test]
    public void WhoWaitsForAMemberThatIsGoneIsToldWhy([Values] bool isInACall)
    {
        using FakeMpi mpi = new(2, MpiFamily.OpenMpi);
        using CountdownEvent over = new(1);
        mpi.Run(process =>
        {
            using Communicator group = process.CreateCommunicator(Device.Cpu);
            if (group.Rank == 1)
            {
                // Comes to the step, and to another call there: the one that waits is then within MPI.
                if (isInACall)
                    group.Barrier();
                over.Wait(soon);
                process.Abort("the other one says so");
                return;
            }
            using Tensor values = Tensor.Ones([3]);
            group.BeginAllReduce(values, ReduceOperation.Sum);
            SpinWait.SpinUntil(() => group.Progress.Waiting > TimeSpan.FromMilliseconds(50), soon);
            Assert.That(group.Progress.Begun - group.Progress.Done, Is.EqualTo(1));
            _ = Task.Run(() => group.Abort("rank 1 on machine0 has ended"));
            long start = Stopwatch.GetTimestamp();
            Assert.That(group.Complete, Throws.TypeOf<CommunicationException>().With.Message.EqualTo("rank 1 on machine0 has ended"));
            Assert.That(() => group.AllReduce(values, ReduceOperation.Sum), Throws.TypeOf<CommunicationException>());
            Assert.That(() => group.Split(0), Throws.TypeOf<CommunicationException>());
            over.Signal();
            group.Dispose();
            process.Dispose();
            Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(soon));
        });
    }

    /// <summary>One that fails in the midst of a step leaves; nobody waits for the rest of the step.</summary>
    [Test]
    public void WhoLeavesInTheMidstOfACallDoesNotWait()
    {
        using FakeMpi mpi = new(2, MpiFamily.OpenMpi);
        mpi.Run(process =>
        {
            Communicator group = process.CreateCommunicator(Device.Cpu);
            if (group.Rank == 1)
            {
                process.Abort("the other one has left");
                return;
            }
            using Tensor values = Tensor.Ones([3]);
            group.BeginAllReduce(values, ReduceOperation.Sum);
            long start = Stopwatch.GetTimestamp();
            group.Dispose();
            process.Dispose();
            Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(soon));
        });
    }

    [Test]
    public void ATimeIsSetForWaiting()
    {
        using FakeMpi mpi = new(2, MpiFamily.Mpich);
        using CountdownEvent over = new(1);
        mpi.Run(process =>
        {
            using Communicator group = process.CreateCommunicator(Device.Cpu);
            if (group.Rank == 0)
            {
                over.Wait(soon);
                process.Abort("over");
                return;
            }
            Assert.That(group.Barrier, Throws.TypeOf<CommunicationException>().With.Message.StartsWith(
                "Not all processes came to a common step within 0.2 s: one has ended, hangs, or cannot be reached."));
            over.Signal();
        }, TimeSpan.FromSeconds(0.2));
    }

    [Test]
    public void OtherCountsAreSaidWithTheNameOfTheError([Values] MpiFamily family)
    {
        using FakeMpi mpi = new(2, family);
        mpi.Run(process =>
        {
            using Communicator group = process.CreateCommunicator(Device.Cpu);
            using Tensor values = Tensor.Ones([3 + group.Rank]);
            var failure = Assert.Throws<CommunicationException>(() => group.AllReduce(values, ReduceOperation.Sum))!;
            Assert.That(failure.Message, Is.EqualTo("Test MPI 1.2: MPI_Allreduce failed: MPI_ERR_TRUNCATE (4711, Message truncated, error "
                + "stack:; internal_Call(77): other counts). The processes do not make the same calls with tensors of the same size: start "
                + "all with the same options and the same program."));
            Assert.That(failure.InnerException, Is.TypeOf<MpiException>().With.Property("Call").EqualTo("MPI_Allreduce")
                .And.Property("ErrorClass").EqualTo("MPI_ERR_TRUNCATE"));
        });
    }

    [Test]
    public void AStartThatFailsSaysWhy()
    {
        using FakeMpi mpi = new(1, MpiFamily.OpenMpi) { Failures = { ["MPI_Init_thread"] = 16 } };
        Assert.That(() => mpi.Run(_ => { }), Throws.TypeOf<CommunicationException>().With.Message.StartsWith(
            "Test MPI 1.2: MPI_Init_thread failed: MPI_ERR_OTHER (16). A process may have ended"));
    }

    /// <summary>Where the library is another's, each process is alone in its world.</summary>
    [Test]
    public void ALibraryThatIsNotTheLaunchersIsNoticed()
    {
        using FakeMpi mpi = new(1, MpiFamily.OpenMpi);
        Assert.That(() => mpi.Run(_ => MpiProcess.Start(mpi.Api, size: 4), start: false), Throws.TypeOf<CommunicationException>()
            .With.Message.StartsWith("Test MPI 1.2 (a library of a test) sees 1 process, but the launcher started 4: ")
            .And.Message.Contains("PERTURBED_FORGETTING_MPI"));
    }

    [Test]
    public void WhatDoesNotFitIsRefusedBeforeItIsSent()
    {
        using FakeMpi mpi = new(1, MpiFamily.OpenMpi);
        using Device gpu = TestDevices.OpenSoftwareGpu(new() { Workers = 1 });
        mpi.Run(process =>
        {
            using Communicator group = process.CreateCommunicator(Device.Cpu);
            using Tensor whole = Tensor.Zeros([4], DType.Int32), bytes = Tensor.Zeros([4], DType.UInt8),
                far = Tensor.Zeros([4], device: gpu);
            Assert.That(() => group.AllReduce(whole, ReduceOperation.Mean), Throws.ArgumentException
                .With.Message.Contains("Mean of Int32"));
            Assert.That(() => group.AllReduce(bytes, ReduceOperation.Sum), Throws.ArgumentException);
            Assert.That(() => group.AllReduce(far, ReduceOperation.Sum), Throws.ArgumentException
                .With.Message.Contains("works on cpu"));
            Assert.That(() => group.AllGather(whole, bytes), Throws.ArgumentException.With.Message.Contains("do not make up"));
            Assert.That(() => group.Broadcast(whole, 1), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(() => group.Split(-1), Throws.TypeOf<ArgumentOutOfRangeException>());
        });
        Assert.That(mpi.Moved, Is.Empty);
    }
}
