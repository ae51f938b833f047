using System.Runtime.ExceptionServices;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;

namespace PerturbedForgetting.Tests.Tensors.Distributed;

/// <summary>Several members of a group in this process, each on a thread and a software GPU of its own.</summary>
static class GpuGroup
{
    static readonly TimeSpan limit = TimeSpan.FromSeconds(60);

    /// <summary>Runs all members to their end. One that fails ends the others; its exception is thrown.</summary>
    /// <param name="size">Members.</param>
    /// <param name="member">What each does.</param>
    /// <param name="hardware">What a GPU looks like, by rank; null for the usual.</param>
    /// <param name="grace">How long an error of NCCL waits to be named.</param>
    public static void Run(int size, Action<NcclCommunicator, Device> member, Func<int, SimulatedDeviceOptions>? hardware = null,
        TimeSpan? grace = null)
    {
        Device[] devices = [.. Enumerable.Range(0, size).Select(rank =>
            TestDevices.OpenSoftwareGpu(hardware?.Invoke(rank) ?? new SimulatedDeviceOptions { Workers = 1 }))];
        byte[] id = NcclCommunicator.CreateId(devices[0]);
        NcclCommunicator[] members = [.. devices.Select((device, rank) =>
            new NcclCommunicator(device, id, rank, size) { Grace = grace ?? TimeSpan.FromMilliseconds(300) })];
        Exception? first = null;
        Thread[] threads = [.. Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            try
            {
                members[rank].Join();
                member(members[rank], devices[rank]);
            }
            catch (Exception e)
            {
                if (Interlocked.CompareExchange(ref first, e, null) is null)
                {
                    foreach (NcclCommunicator other in members)
                        other.Abort($"rank {rank} of the test failed");
                }
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        bool isDone = threads.All(thread => thread.Join(limit));
        Assert.That(isDone || first is not null, $"the members are not done within {limit}");
        if (isDone)
        {
            for (int rank = 0; rank < size; rank++)
            {
                members[rank].Dispose();
                devices[rank].Dispose();
            }
        }
        if (first is not null)
            ExceptionDispatchInfo.Throw(first);
    }
}
