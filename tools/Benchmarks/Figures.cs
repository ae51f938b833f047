namespace Benchmarks;

/// <summary>One measured cost: the less the better.</summary>
/// <param name="Name">SUITE/PART/CASE, the same from run to run.</param>
/// <param name="Unit">"s" for times, "MiB" for memory, "ratio" for one cost over another.</param>
/// <param name="Median">Of all runs.</param>
/// <param name="Minimum">The best run.</param>
/// <param name="Runs">How often it was measured.</param>
sealed record Figure(string Name, string Unit, double Median, double Minimum, int Runs);

/// <summary>The figures of a run of this program, in the order in which they were first measured.</summary>
/// <param name="keep">Called whenever there is more: a run that is ended from outside then loses nothing that it has measured.</param>
sealed class Figures(Action<Figures>? keep = null)
{
    readonly List<Figure> all = [];
    readonly List<Conditions> conditions = [];

    public IReadOnlyList<Figure> All => all;

    /// <summary>How often one was added or replaced.</summary>
    public int Additions { get; private set; }

    /// <summary>How quiet the machine was.</summary>
    public IReadOnlyList<Conditions> Conditions => conditions;

    /// <summary>Adds a figure, or replaces the one of this name: with every round it rests on more runs.</summary>
    /// <param name="name">Name of the figure.</param>
    /// <param name="unit">Its unit.</param>
    /// <param name="samples">One number a run; none that is not a finite number.</param>
    public void Add(string name, string unit, params ReadOnlySpan<double> samples)
    {
        double[] sorted = samples.ToArray();
        Array.Sort(sorted);
        // A peer that failed has no time, and a comparison needs numbers.
        if (sorted.Length > 0 && Array.TrueForAll(sorted, double.IsFinite))
            Put(new(name, unit, sorted[sorted.Length / 2], sorted[0], sorted.Length));
    }

    public void Add(string name, Timing.Result seconds) => Put(new(name, "s", seconds.Median, seconds.Minimum, seconds.Runs));

    /// <summary>Says whether the machine was quiet since <paramref name="begin"/>, and keeps it.</summary>
    /// <param name="name">What was measured.</param>
    /// <param name="begin">When that began.</param>
    /// <param name="threads">Threads that it keeps busy at most.</param>
    /// <param name="first">Number of the first figure that belongs to it.</param>
    public Conditions Conclude(string name, ProcessorTicks? begin, int threads, int first)
    {
        var concluded = Benchmarks.Conditions.Between(name, begin, ProcessorTicks.Now(), threads, all.Skip(first));
        conditions.Add(concluded);
        keep?.Invoke(this);
        return concluded;
    }

    void Put(Figure figure)
    {
        int place = all.FindIndex(f => f.Name == figure.Name);
        if (place < 0)
            all.Add(figure);
        else
            all[place] = figure;
        Additions++;
        keep?.Invoke(this);
    }
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
