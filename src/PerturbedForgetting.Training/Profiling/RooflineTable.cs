using System.Globalization;
using System.Text;
using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Training.Profiling;

/// <summary>The least times of what a profile has recorded on some card: as a table for people and as CSV for programs.</summary>
static class RooflineTable
{
    const string Header = "name,launches,least_milliseconds,share_percent,bytes,operations,bound_by";

    /// <summary>Adds up what was launched on the stream that computes, as each launch states it; copies of the next batch run beside
    /// it.</summary>
    public static RooflineSum Sum(Profile profile, Roofline roofline)
    {
        var sum = new RooflineSum(roofline);
        foreach (var launch in profile.Launches.Where(static l => l.Stream == 0))
            sum.Add(launch.Name, launch.Cost);
        return sum;
    }

    /// <summary>The table, with what it is made of before it.</summary>
    /// <param name="sum">All launches.</param>
    /// <param name="steps">In so many steps.</param>
    /// <param name="rows">The most rows; the others are summed up in the last.</param>
    public static string Text(RooflineSum sum, int steps, int rows = 40)
    {
        var text = new StringBuilder();
        text.AppendLine(Rates(sum.Roofline));
        text.AppendLine(Step(sum, steps));
        RooflineEntry[] entries = [.. sum.Entries];
        int width = Math.Max(6, entries.Take(rows).Select(static e => e.Name.Length).DefaultIfEmpty().Max());
        text.Append("kernel".PadRight(width)).Append($"{"calls",8}{"least ms",11}{"share",8}{"MB",12}{"GFLOP",11}  bound by");
        foreach (var e in entries.Take(entries.Length > rows ? rows - 1 : rows))
        {
            text.AppendLine();
            text.Append(e.Name.PadRight(width)).Append(CultureInfo.InvariantCulture,
                $"{e.Launches,8}{e.Microseconds / 1000,11:F3}{Share(e.Microseconds, sum),8}{e.Cost.Bytes / 1e6,12:F3}"
                + $"{(e.Cost.Operations > 0 ? e.Cost.Operations / 1e9 : 0),11:F2}  {Name(e.Roof)}");
        }
        if (entries.Length > rows)
        {
            RooflineEntry[] others = entries[(rows - 1)..];
            text.AppendLine();
            text.Append($"{others.Length} others".PadRight(width)).Append(CultureInfo.InvariantCulture,
                $"{others.Sum(static e => e.Launches),8}{others.Sum(static e => e.Microseconds) / 1000,11:F3}");
        }
        return text.ToString();
    }

    /// <summary>The card's rates in a line.</summary>
    public static string Rates(Roofline roofline) => string.Create(CultureInfo.InvariantCulture,
        $"Least times on {roofline.Card}, computed and not measured: {roofline.Card.Bandwidth:0} GB/s; {roofline.Card.Tf32:0.#} TFLOP/s in "
        + $"TF32, {roofline.Card.Bfloat16:0.#} in bfloat16, {roofline.Card.Float32:0.#} in float32; {Roofline.NodeMicroseconds} us a node "
        + $"of a graph, {Roofline.LaunchMicroseconds} us a launch. Bytes and operations are the least, as each launch states them.");

    /// <summary>The least time of a step in a line.</summary>
    public static string Step(RooflineSum sum, int steps) => string.Create(CultureInfo.InvariantCulture,
        $"A step of {Quantity.Of((sum.Launches + (steps / 2)) / steps, "launch", "launches")}, {sum.Cost.Bytes / 1e6 / steps:0.###} MB and "
        + $"{sum.Cost.Operations / 1e9 / steps:0.###} GFLOP takes at the least {sum.GraphMicroseconds / 1e3 / steps:0.000} ms as a graph "
        + $"({string.Join(", ", Enum.GetValues<Roof>().Select(r => $"{Name(r)} {100 * sum.ShareOf(r):0}%"))}) and "
        + $"{sum.EagerMicroseconds / 1e3 / steps:0.000} ms kernel by kernel"
        + $"{(sum.HostMicroseconds > sum.GraphMicroseconds ? ", bound by the host's launches." : ".")}");

    /// <summary>All entries, one a line.</summary>
    public static string Csv(RooflineSum sum)
    {
        var text = new StringBuilder(Header).Append('\n');
        foreach (var e in sum.Entries)
            text.Append(CultureInfo.InvariantCulture, $"{e.Name},{e.Launches},{e.Microseconds / 1000:F6},"
                + $"{100 * e.Microseconds / sum.GraphMicroseconds:F4},{e.Cost.Bytes},{e.Cost.Operations},{Name(e.Roof)}\n");
        return text.ToString();
    }

    /// <summary>A roof in a word.</summary>
    public static string Name(Roof roof) => roof switch { Roof.Memory => "memory", Roof.Compute => "compute", _ => "launch" };

    static string Share(double microseconds, RooflineSum sum) =>
        (100 * microseconds / sum.GraphMicroseconds).ToString("F1", CultureInfo.InvariantCulture) + "%";
}
