namespace PerturbedForgetting.Cuda.Cards;

/// <summary>All launches of a name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Launches">How many.</param>
/// <param name="Cost">What they cost at the least, all together.</param>
/// <param name="Microseconds">Their least time, all together.</param>
/// <param name="Roof">What needs most of it.</param>
public readonly record struct RooflineEntry(string Name, long Launches, LaunchCost Cost, double Microseconds, Roof Roof);

/// <summary>Adds up the least times of launches that follow each other, such as those of a training step.</summary>
/// <param name="roofline">Of the card.</param>
public sealed class RooflineSum(Roofline roofline)
{
    readonly Dictionary<string, Row> rows = [];
    readonly double[] microseconds = new double[Enum.GetValues<Roof>().Length];

    /// <summary>The card.</summary>
    public Roofline Roofline => roofline;

    /// <summary>Launches.</summary>
    public long Launches { get; private set; }

    /// <summary>What they cost at the least.</summary>
    public LaunchCost Cost { get; private set; }

    /// <summary>Microseconds on the device, where its next launch is always there: in a graph.</summary>
    public double GraphMicroseconds => microseconds.Sum();

    /// <summary>Microseconds of the host, which puts one launch after the other on a stream.</summary>
    public double HostMicroseconds => Launches * Roofline.LaunchMicroseconds;

    /// <summary>Microseconds kernel by kernel: the host works ahead of the device as far as it can, so the slower one counts.</summary>
    public double EagerMicroseconds => Math.Max(GraphMicroseconds, HostMicroseconds);

    /// <summary>By name, the longest first.</summary>
    public IReadOnlyList<RooflineEntry> Entries => [.. rows.Select(static r => r.Value.Entry(r.Key))
        .OrderByDescending(static e => e.Microseconds).ThenBy(static e => e.Name, StringComparer.Ordinal)];

    /// <summary>Part of <see cref="GraphMicroseconds"/> that a roof needs.</summary>
    public double ShareOf(Roof roof) => GraphMicroseconds > 0 ? microseconds[(int)roof] / GraphMicroseconds : 0;

    /// <summary>Adds launches that all cost the same.</summary>
    public void Add(string name, in LaunchCost cost, long launches = 1)
    {
        LeastTime least = roofline.Of(name, cost);
        if (!rows.TryGetValue(name, out Row? row))
            rows.Add(name, row = new Row());
        LaunchCost all = cost * launches;
        row.Add(all, launches, launches * least.Microseconds, least.Roof);
        microseconds[(int)least.Roof] += launches * least.Microseconds;
        (Launches, Cost) = (Launches + launches, Cost + all);
    }

    sealed class Row
    {
        readonly double[] microseconds = new double[Enum.GetValues<Roof>().Length];
        long launches;
        LaunchCost cost;

        public void Add(in LaunchCost all, long count, double time, Roof roof)
        {
            (cost, launches) = (cost + all, launches + count);
            microseconds[(int)roof] += time;
        }

        public RooflineEntry Entry(string name) =>
            new(name, launches, cost, microseconds.Sum(), (Roof)Array.IndexOf(microseconds, microseconds.Max()));
    }
}
