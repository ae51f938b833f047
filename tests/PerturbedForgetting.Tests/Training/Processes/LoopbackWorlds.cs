using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Processes.Control;
using PerturbedForgetting.Training.Processes.Launching;

namespace PerturbedForgetting.Tests.Training.Processes;

/// <summary>Several members of a world in this process, each on a thread of its own, that talk over the loopback as processes do.</summary>
static class LoopbackWorlds
{
    /// <summary>Long enough on a machine with much else to do, for what is not to happen.</summary>
    public static readonly TimeSpan Long = TimeSpan.FromSeconds(60);

    static readonly ControlProof proof = ControlProof.Of("loopback");

    /// <summary>Runs the same in every member.</summary>
    /// <param name="size">Members.</param>
    /// <param name="body">What each does.</param>
    /// <param name="timeout">How long one may be silent or keep the others waiting.</param>
    /// <param name="open">Makes the group of their devices.</param>
    /// <returns>What each ended with, by rank; null where nothing was thrown.</returns>
    public static Exception?[] Try(int size, Action<ProcessWorld> body, TimeSpan? timeout = null, OpenCommunicator? open = null)
    {
        var ends = new Exception?[size];
        using ControlHub hub = Hub(size, timeout ?? Long);
        Thread[] threads = [.. Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            try
            {
                using var world = rank == 0
                    ? ProcessWorld.Host(hub, LaunchOf(0, size), open, null, static _ => { }, CancellationToken.None)
                    : ProcessWorld.Join(LaunchOf(rank, size), MeetingAt(hub.Port), open, null, timeout ?? Long, static _ => { },
                        CancellationToken.None);
                body(world);
            }
            catch (Exception e)
            {
                ends[rank] = e;
            }
        }))];
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            Assert.That(thread.Join(2 * Long), Is.True, "a member does not end");
        return ends;
    }

    /// <summary>The same where nothing may be thrown.</summary>
    public static void Run(int size, Action<ProcessWorld> body, TimeSpan? timeout = null, OpenCommunicator? open = null) =>
        Assert.That(Try(size, body, timeout, open), Is.All.Null);

    /// <summary>A first process that waits for others.</summary>
    public static ControlHub Hub(int size, TimeSpan timeout) => new(LaunchOf(0, size), MeetingAt(0), timeout);

    /// <summary>Where those of this class meet.</summary>
    public static Meeting MeetingAt(int port) => new(["127.0.0.1"], [port], proof) { IsLocal = true, Patience = TimeSpan.Zero };

    /// <summary>Who one of them is.</summary>
    public static Launch LaunchOf(int rank, int size) => new(Launcher.Environment, rank, size) { LocalRank = rank, LocalSize = size };
}
