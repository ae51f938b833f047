using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Profiling;

/// <summary>A range of the host's time.</summary>
/// <param name="Kind">What the time was spent on.</param>
/// <param name="Name">Its name.</param>
/// <param name="Depth">Number of ranges around it.</param>
/// <param name="Start">Microseconds since the recording began.</param>
/// <param name="Duration">Microseconds.</param>
public readonly record struct RangeRecord(RangeKind Kind, string Name, int Depth, double Start, double Duration);

/// <summary>A launch on a stream of a device: a kernel, a call of a library, a copy, a whole graph.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Stream">Which of <see cref="Profile.Streams"/>.</param>
/// <param name="Start">Microseconds since the recording began.</param>
/// <param name="Duration">Microseconds.</param>
/// <param name="Cost">What it costs at the least, where its maker knows it.</param>
/// <param name="Pass">The outermost pass in which it was launched; null outside any.</param>
public readonly record struct LaunchRecord(string Name, int Stream, double Start, double Duration, LaunchCost Cost, string? Pass);

/// <summary>All launches of a name, or where work is not launched all runs of an operation.</summary>
/// <param name="Name">The name.</param>
/// <param name="Calls">How many.</param>
/// <param name="Microseconds">Their time; of an operation without that of the operations inside it.</param>
/// <param name="Cost">What they did; zeros where it is not known.</param>
public readonly record struct ProfileEntry(string Name, int Calls, double Microseconds, LaunchCost Cost);

/// <summary>What a <see cref="Profiler"/> has recorded.</summary>
/// <param name="Device">Name of the device.</param>
/// <param name="Microseconds">Length of the recording.</param>
/// <param name="Ranges">Ranges of the host, in the order of their beginning.</param>
/// <param name="Streams">Names of the device's streams; none where operations run on the host.</param>
/// <param name="Launches">What ran on them, in the order of issue.</param>
/// <param name="Entries">Time by name, the longest first.</param>
/// <param name="IsInterpreted">Whether the device is software: then times are the interpreter's, and costs were counted.</param>
public sealed record Profile(
    string Device,
    double Microseconds,
    IReadOnlyList<RangeRecord> Ranges,
    IReadOnlyList<string> Streams,
    IReadOnlyList<LaunchRecord> Launches,
    IReadOnlyList<ProfileEntry> Entries,
    bool IsInterpreted)
{
    /// <summary>Sum of the entries' times.</summary>
    public double EntryMicroseconds => Entries.Sum(static e => e.Microseconds);

    /// <summary>Microseconds by outermost pass, in the order of their beginning: those of the device, or of the host where operations run
    /// there.</summary>
    public IReadOnlyList<(string Pass, double Microseconds)> Passes
    {
        get
        {
            var times = Streams.Count > 0
                ? Launches.Where(static l => l.Pass is not null).Select(static l => (Pass: l.Pass!, l.Duration))
                : OutermostPasses().Select(static r => (Pass: r.Name, r.Duration));
            return [.. times.GroupBy(static t => t.Pass).Select(static g => (g.Key, g.Sum(static t => t.Duration)))];
        }
    }

    IEnumerable<RangeRecord> OutermostPasses()
    {
        double end = 0;
        foreach (var range in Ranges)
        {
            if (range.Kind != RangeKind.Pass || range.Start < end)
                continue;
            end = range.Start + range.Duration;
            yield return range;
        }
    }
}
