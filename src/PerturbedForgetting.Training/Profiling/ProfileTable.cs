using System.Globalization;
using System.Text;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Training.Profiling;

/// <summary>A profile as a table for people and as CSV for programs: time by kernel, or by operation where operations run on the
/// host.</summary>
static class ProfileTable
{
    const string Header = "name,calls,milliseconds,share_percent,bytes,gigabytes_per_second,operations,gigaflops_per_second,instructions";

    /// <summary>The table, with what it means before it.</summary>
    /// <param name="profile">What was recorded.</param>
    /// <param name="steps">In so many steps.</param>
    /// <param name="usesGraphs">Whether other steps of the run are replayed as graphs.</param>
    /// <param name="rows">The most rows; the others are summed up in the last.</param>
    public static string Text(Profile profile, int steps, bool usesGraphs, int rows = 40)
    {
        bool isDevice = profile.Streams.Count > 0;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"Profile of {Quantity.Of(steps, "step")} on {profile.Device}: {profile.Microseconds / 1000:F1} ms, "
            + $"{profile.Microseconds / 1000 / steps:F2} ms a step; ");
        text.AppendLine(isDevice
            ? $"{Share(Busy(profile), profile.Microseconds)} of them with work on the device."
            : $"{Share(profile.EntryMicroseconds, profile.Microseconds)} of them in operations.");
        if (profile.Passes.Count > 0)
        {
            double all = isDevice ? profile.EntryMicroseconds : profile.Microseconds;
            string shares = string.Join(", ", profile.Passes.Select(p => $"{p.Pass} {Share(p.Microseconds, all)}"));
            text.AppendLine(CultureInfo.InvariantCulture, $"{(isDevice ? "Device time" : "Time")} by pass: {shares}.");
        }
        if (profile.IsInterpreted)
            text.AppendLine("Times are those of the interpretation on this machine's processor, not of a GPU; bytes and instructions are "
                + "what a GPU would move and execute.");
        if (usesGraphs)
            text.AppendLine("These steps ran kernel by kernel; the others of the run are replayed as CUDA graphs, with one call each.");
        int width = Math.Max(6, profile.Entries.Take(rows).Select(static e => e.Name.Length).DefaultIfEmpty().Max());
        text.Append((isDevice ? "kernel" : "operation").PadRight(width)).Append($"{"calls",8}{"ms",11}{"share",8}");
        if (isDevice)
            text.Append($"{"MB",11}{"GB/s",9}{"GFLOP/s",10}");
        foreach (var entry in Shortened(profile.Entries, rows))
        {
            text.AppendLine();
            text.Append(entry.Name.PadRight(width)).Append(CultureInfo.InvariantCulture,
                $"{entry.Calls,8}{entry.Microseconds / 1000,11:F3}{Share(entry.Microseconds, profile.EntryMicroseconds),8}");
            if (isDevice)
                text.Append(CultureInfo.InvariantCulture, $"{Known(entry.Cost.Bytes / 1e6, "F3"),11}"
                    + $"{Known(Rate(entry.Cost.Bytes, entry), "F1"),9}"
                    + $"{Known(Rate(entry.Cost.Operations, entry), "F1"),10}");
        }
        return text.ToString();
    }

    /// <summary>All entries, one a line; an empty field is not known.</summary>
    public static string Csv(Profile profile)
    {
        var text = new StringBuilder(Header).Append('\n');
        foreach (var e in profile.Entries)
            text.Append(CultureInfo.InvariantCulture,
                $"{e.Name},{e.Calls},{e.Microseconds / 1000:F6},{100 * e.Microseconds / profile.EntryMicroseconds:F4},"
                    + $"{Known(e.Cost.Bytes, "F0", "")},{Known(Rate(e.Cost.Bytes, e), "F3", "")},"
                    + $"{Known(e.Cost.Operations, "F0", "")},{Known(Rate(e.Cost.Operations, e), "F3", "")},"
                    + $"{Known(e.Cost.Instructions, "F0", "")}\n");
        return text.ToString();
    }

    /// <summary>Microseconds in which at least one stream had work.</summary>
    internal static double Busy(Profile profile)
    {
        double busy = 0, end = 0;
        foreach (var launch in profile.Launches.OrderBy(static l => l.Start))
        {
            busy += Math.Max(0, launch.Start + launch.Duration - Math.Max(end, launch.Start));
            end = Math.Max(end, launch.Start + launch.Duration);
        }
        return busy;
    }

    static IEnumerable<ProfileEntry> Shortened(IReadOnlyList<ProfileEntry> entries, int rows)
    {
        if (entries.Count <= rows)
            return entries;
        var rest = entries.Skip(rows - 1).ToArray();
        return [.. entries.Take(rows - 1), new($"{rest.Length} others", rest.Sum(static e => e.Calls), rest.Sum(static e => e.Microseconds),
            rest.Aggregate(default(Cuda.LaunchCost), static (sum, e) => sum + e.Cost))];
    }

    static double Rate(long amount, in ProfileEntry entry) => entry.Microseconds > 0 ? amount / entry.Microseconds / 1e3 : 0;

    static string Known(double value, string format, string unknown = "-") =>
        value > 0 ? value.ToString(format, CultureInfo.InvariantCulture) : unknown;

    static string Share(double part, double whole) =>
        (whole > 0 ? 100 * part / whole : 0).ToString("F1", CultureInfo.InvariantCulture) + "%";
}
