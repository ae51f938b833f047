namespace Benchmarks;

/// <summary>One measured cost: the less the better.</summary>
/// <param name="Name">SUITE/PART/CASE, the same from run to run.</param>
/// <param name="Unit">"s" for times, "MiB" for memory, "ratio" for one cost over another.</param>
/// <param name="Median">Of all runs.</param>
/// <param name="Minimum">The best run.</param>
/// <param name="Runs">How often it was measured.</param>
sealed record Figure(string Name, string Unit, double Median, double Minimum, int Runs);

/// <summary>The figures of a run of this program, in the order in which they were measured.</summary>
sealed class Figures
{
    readonly List<Figure> all = [];

    public IReadOnlyList<Figure> All => all;

    /// <param name="name">Name of the figure.</param>
    /// <param name="unit">Its unit.</param>
    /// <param name="samples">One number a run; none that is not a finite number.</param>
    public void Add(string name, string unit, params ReadOnlySpan<double> samples)
    {
        double[] sorted = samples.ToArray();
        Array.Sort(sorted);
        // A peer that failed has no time, and a comparison needs numbers.
        if (sorted.Length > 0 && Array.TrueForAll(sorted, double.IsFinite))
            all.Add(new(name, unit, sorted[sorted.Length / 2], sorted[0], sorted.Length));
    }

    public void Add(string name, Timing.Result seconds) => all.Add(new(name, "s", seconds.Median, seconds.Minimum, seconds.Runs));
}

/// <summary>What a suite is asked for.</summary>
/// <param name="Prefix">Only cases whose name begins so.</param>
/// <param name="Peer">A program to measure in turn with ours, or none.</param>
/// <param name="Rounds">Turns of what is measured in turn with others.</param>
/// <param name="Images">A folder of JPEGs for the loader, or none.</param>
sealed record SuiteOptions(string Prefix, string? Peer, int Rounds, string? Images)
{
    public bool Includes(string name) => name.StartsWith(Prefix, StringComparison.Ordinal);
}
