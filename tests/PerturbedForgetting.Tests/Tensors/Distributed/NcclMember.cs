using System.Diagnostics;
using System.Globalization;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;

namespace PerturbedForgetting.Tests.Tensors.Distributed;

/// <summary>One of several processes with a software GPU each: the program <c>PerturbedForgetting.Tests nccl RANK SIZE ID</c>. The last rank
/// kills itself after the checks, and the others must find out.</summary>
static class NcclMember
{
    /// <summary>The first argument of the program.</summary>
    public const string Command = "nccl";

    /// <summary>Runs all checks.</summary>
    public static int Run(ReadOnlySpan<string> arguments, TextWriter output)
    {
        try
        {
            int rank = int.Parse(arguments[0], CultureInfo.InvariantCulture), size = int.Parse(arguments[1], CultureInfo.InvariantCulture);
            using Device device = TestDevices.OpenSoftwareGpu(new SimulatedDeviceOptions { Workers = 1 });
            Run(device, Convert.FromHexString(arguments[2]), rank, size);
            output.WriteLine("good");
            return 0;
        }
        catch (Exception e)
        {
            output.WriteLine(e);
            return 1;
        }
    }

    /// <summary>What each does.</summary>
    public static void Run(Device device, byte[] id, int rank, int size)
    {
        using NcclCommunicator group = new(device, id, rank, size) { Grace = TimeSpan.FromMilliseconds(100) };
        new CommunicatorChecks(group, device).Run(7);
        new CommunicatorChecks(group, device).Many(100_000);
        group.Barrier();
        if (rank == size - 1)
            Process.GetCurrentProcess().Kill();
        Assert.That(() =>
        {
            for (int i = 0; i < 1000; i++)
                group.Barrier();
        }, Throws.InstanceOf<CommunicationException>().With.Message.Contains($"rank {size - 1} has ended"));
    }
}
