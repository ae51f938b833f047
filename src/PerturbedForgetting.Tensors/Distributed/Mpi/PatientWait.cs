using System.Diagnostics;
using System.Runtime.InteropServices;

namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>The pauses between two looks at whether something has happened: none at first, then short sleeps, so that who waits long takes
/// next to nothing from who computes.</summary>
partial struct PatientWait(TimeSpan limit)
{
    const int Spins = 20, SpinLength = 20, Yields = 20;
    const uint SleepMicroseconds = 50;

    readonly long start = Stopwatch.GetTimestamp();
    int looks;

    /// <summary>Pauses once.</summary>
    /// <returns>False when the time is over.</returns>
    public bool Once()
    {
        if (looks < Spins)
            Thread.SpinWait(SpinLength);
        else if (looks < Spins + Yields)
            Thread.Yield();
        else if (OperatingSystem.IsWindows())
            Thread.Sleep(1);
        else
            _ = Sleep(SleepMicroseconds);
        if (looks < Spins + Yields)
            looks++;
        return limit == Timeout.InfiniteTimeSpan || Stopwatch.GetElapsedTime(start) < limit;
    }

    // The runtime's own shortest sleep is a millisecond.
    [LibraryImport("libc", EntryPoint = "usleep")]
    private static partial int Sleep(uint microseconds);
}
