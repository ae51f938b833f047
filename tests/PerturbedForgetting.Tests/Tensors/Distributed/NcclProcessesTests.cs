using System.Diagnostics;
using System.Globalization;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;

namespace PerturbedForgetting.Tests.Tensors.Distributed;

/// <summary>A group of software GPUs of several processes, of which one is killed.</summary>
sealed class NcclProcessesTests
{
    const int Size = 3;

    [Test]
    public void ProcessesMeetAndFindOutThatOneIsKilled()
    {
        using Device device = TestDevices.OpenSoftwareGpu(new SimulatedDeviceOptions { Workers = 1 });
        byte[] id = NcclCommunicator.CreateId(device);
        Task<(int ExitCode, string Output)>[] others = [.. Enumerable.Range(1, Size - 1).Select(rank => Task.Run(() => Start(rank, id)))];
        NcclMember.Run(device, id, 0, Size);
        Assert.That(others[0].Result, Is.EqualTo((0, "good" + Environment.NewLine)));
        Assert.That(others[1].Result.ExitCode, Is.Not.Zero, "it was killed");
        Assert.That(others[1].Result.Output, Is.Empty);
    }

    static (int ExitCode, string Output) Start(int rank, byte[] id)
    {
        ProcessStartInfo start = new("dotnet");
        foreach (string argument in (string[])[typeof(NcclMember).Assembly.Location, NcclMember.Command,
            rank.ToString(CultureInfo.InvariantCulture), Size.ToString(CultureInfo.InvariantCulture), Convert.ToHexString(id)])
            start.ArgumentList.Add(argument);
        return ChildProcess.Run(start, TimeSpan.FromMinutes(1));
    }
}
