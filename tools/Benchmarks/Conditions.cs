using System.Globalization;

namespace Benchmarks;

/// <summary>How quiet the machine was while figures were measured. What the system does not tell is null.</summary>
/// <param name="Name">What was measured: a case or a part of a suite.</param>
/// <param name="Load">Average number of threads that wanted a processor in the last minute of it.</param>
/// <param name="Steal">Part of all processors' time that the hypervisor gave to other machines.</param>
/// <param name="Others">Part of all processors' time that other processes of this machine had.</param>
/// <param name="Spread">The most that the median of a time lies above its minimum, as a part of that; null without repeated times.</param>
/// <param name="Remarks">What was not quiet, in words; none where nothing disturbed.</param>
sealed record Conditions(string Name, double? Load, double? Steal, double? Others, double? Spread, IReadOnlyList<string> Remarks)
{
    // A quiet machine's own services have about a hundredth; the two counters that are compared differ by as much.
    const double MostOthers = 0.03, MostSteal = 0.01;

    // Medians of steps lie 2 to 8 % above their minima on a quiet machine.
    const double MostSpread = 0.15;

    // Threads beyond this program's own.
    const double MostLoad = 1;

    /// <summary>What lies between two moments.</summary>
    /// <param name="name">What was measured.</param>
    /// <param name="before">When it began.</param>
    /// <param name="after">When it ended.</param>
    /// <param name="threads">Threads that it keeps busy at most.</param>
    /// <param name="figures">What came out.</param>
    public static Conditions Between(string name, ProcessorTicks? before, ProcessorTicks? after, int threads, IEnumerable<Figure> figures)
    {
        double? load = after?.Load, steal = null, others = null;
        if (before is { } first && after is { } last && last.Total > first.Total)
        {
            double total = last.Total - first.Total, stolen = last.Stolen - first.Stolen;
            double busy = total - stolen - (last.Idle - first.Idle), own = last.Own - first.Own;
            steal = Math.Max(0, stolen / total);
            others = Math.Max(0, (busy - own) / total);
        }
        var widest = figures.Where(f => f.Unit == "s" && f.Runs > 1).MaxBy(f => f.Median / f.Minimum);
        double? spread = widest is null ? null : (widest.Median / widest.Minimum) - 1;
        List<string> remarks = [];
        Remark(others > MostOthers, $"other processes had {others:P0} of the processors");
        Remark(steal > MostSteal, $"the hypervisor took {steal:P0} of the processors");
        Remark(load > threads + MostLoad, $"the load average was {load:F1} at the end, of which at most {threads} are this program's");
        Remark(spread > MostSpread, $"the median of '{widest?.Name}' lies {spread:P0} above its minimum");
        return new(name, load, steal, others, spread, remarks);

        void Remark(bool isWanted, FormattableString text)
        {
            if (isWanted)
                remarks.Add(text.ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>A line that says all of it.</summary>
    public override string ToString() => Remarks.Count > 0 ? $"NOT QUIET: {string.Join("; ", Remarks)}"
        : Others is null ? "whether the machine was quiet is not known: this system does not tell"
        : string.Create(CultureInfo.InvariantCulture,
            $"quiet: other processes {Others:P1}, steal {Steal:P1}, load {Load:F1}, spread {Spread ?? 0:P0}");
}
