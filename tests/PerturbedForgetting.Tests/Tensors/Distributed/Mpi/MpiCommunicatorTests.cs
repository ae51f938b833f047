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
}
