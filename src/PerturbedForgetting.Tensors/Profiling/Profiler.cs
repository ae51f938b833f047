using System.Diagnostics;

namespace PerturbedForgetting.Tensors.Profiling;

/// <summary>
/// Records what a device and this thread do from its making to <see cref="Finish"/>: the ranges of the host, and on a GPU every launch
/// with its time between two events. What is recorded becomes a little slower by it.
/// </summary>
/// <example><code>
/// using var profiler = new Profiler(device);
/// step.Batch(images, labels, 0, 1);
/// Profile profile = profiler.Finish();
/// </code></example>
public sealed class Profiler : IDisposable
{
    readonly Device device;
    readonly LaunchRecorder? launches;
    readonly RangeRecorder ranges;
    readonly long origin;
    bool isFinished;

    /// <summary>Waits for the device and begins.</summary>
    public Profiler(Device device)
    {
        this.device = device;
        device.Synchronize();
        launches = device.Backend.RecordLaunches();
        origin = launches?.Origin ?? Stopwatch.GetTimestamp();
        Ranges.Add(ranges = new RangeRecorder(origin));
        if (launches is not null)
            launches.Pass = () => ranges.Pass;
    }

    /// <summary>Waits for the device and ends the recording.</summary>
    public Profile Finish()
    {
        var recorded = launches?.Finish();
        double microseconds = Stopwatch.GetElapsedTime(origin).TotalMicroseconds;
        Dispose();
        return new Profile(device.Name, microseconds, ranges.Records, launches?.Streams ?? [], recorded?.Launches ?? [],
            recorded?.Entries ?? RangeRecorder.Summarize(ranges.Records), launches?.IsInterpreted ?? false);
    }

    /// <summary>Ends the recording, if it was not yet.</summary>
    public void Dispose()
    {
        if (isFinished)
            return;
        isFinished = true;
        Ranges.Remove(ranges);
        launches?.Dispose();
    }
}
