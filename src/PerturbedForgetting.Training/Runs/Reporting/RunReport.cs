using System.Globalization;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Reports;

namespace PerturbedForgetting.Training.Runs.Reporting;

/// <summary>A group's numbers of one metric, and what it differs by from the baseline.</summary>
/// <param name="Values">By seed.</param>
/// <param name="All">Of all its runs; null where none has the number.</param>
/// <param name="Difference">Of the differences from the baseline's run of the same seed; null for the baseline itself, and where no seed is
/// in both.</param>
public sealed record ReportCell(IReadOnlyDictionary<int, double> Values, SampleStatistics? All, SampleStatistics? Difference);

/// <summary>One group with its numbers.</summary>
/// <param name="Group">The runs.</param>
/// <param name="Cells">One a metric.</param>
public sealed record ReportRow(RunGroup Group, IReadOnlyList<ReportCell> Cells);

/// <summary>Several runs as a table: a row a group of seeds, a column a metric.</summary>
public sealed record RunReport
{
    /// <summary>Heading.</summary>
    public required string Title { get; init; }

    /// <summary>Columns.</summary>
    public required IReadOnlyList<RunMetric> Metrics { get; init; }

    /// <summary>Rows.</summary>
    public required IReadOnlyList<ReportRow> Rows { get; init; }

    /// <summary>The row that the others are compared with; null where there is only one.</summary>
    public required ReportRow? Baseline { get; init; }

    /// <summary>Probability with which a confidence interval holds the mean.</summary>
    public required double Confidence { get; init; }

    /// <summary>What a reader should know: which epoch was taken, which runs were left out.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>Makes the table.</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="options">What is compared with what.</param>
    /// <exception cref="RunException">No run has finished, or a file cannot be read.</exception>
    /// <exception cref="OptionException">There is no such baseline.</exception>
    public static RunReport Of(IReadOnlyList<RunRecord> runs, ReportChoices options)
    {
        List<string> notes = [options.TakesBest
            ? "Numbers are of each run's best epoch by its own --eval-metric: chosen on the validation images, it looks better than it is."
            : "Numbers are of each run's last epoch."];
        List<RunRecord> used = [];
        foreach (var run in runs)
        {
            if (run.State == RunState.Finished || (options.TakesUnfinished && run.Epochs.Count > 0))
                used.Add(run);
            if (run.State != RunState.Finished)
                notes.Add($"'{run.Name}' {Progress(run)}: "
                    + FormattableString.Invariant($"{run.Epochs.Count} of {run.Options.Epochs} epochs are done; ")
                    + (used.Contains(run) ? "it counts with those." : "it is left out."));
        }
        if (used.Count == 0)
            throw new RunException(runs[0].Folder, $"none of {runs.Count} runs has finished; --unfinished takes what there is.");
        var groups = RunGroup.Of(used, notes.Add);
        Func<RunRecord, EpochRecord?> epoch = options.TakesBest ? run => run.Best : run => run.Last;
        RunMetric[] metrics = [.. RunMetric.OfEpoch(epoch), .. RunMetric.OfEvaluations(used), .. options.More];
        var baseline = groups.Count > 1 ? FindBaseline(groups, options.Baseline) : null;
        string[] sets = [.. groups.Select(g => DataOf(g.Runs[0].Options)).Distinct(StringComparer.Ordinal)];
        if (sets.Length > 1)
            notes.Add($"Rows are of different data ({string.Join(", ", sets)}): differences between those say nothing about methods.");
        if (groups.Any(g => g.Runs.Count < 2))
            notes.Add("A mean of one run has no spread; differences of single runs say nothing about methods.");
        var baseValues = metrics.Select(m => baseline is null ? null : Values(baseline, m)).ToArray();
        ReportRow[] rows = [.. groups.Select(g => new ReportRow(g,
            [.. metrics.Select((m, i) => Cell(Values(g, m), g == baseline ? null : baseValues[i]))]))];
        return new()
        {
            Title = options.Title,
            Metrics = metrics,
            Rows = rows,
            Baseline = Array.Find(rows, r => r.Group == baseline),
            Confidence = options.Confidence,
            Notes = notes,
        };
    }

    /// <summary>The data of a run as it was named; folders of images go by their folder's name.</summary>
    static string DataOf(TrainOptions options) => options.Dataset.Length > 0 && options.Dataset != "folder" ? options.Dataset
        : Path.GetFileName(Path.TrimEndingDirectorySeparator(options.DataDir ?? ""));

    /// <summary>What is known of a run that has not finished.</summary>
    static string Progress(RunRecord run) => run.State switch
    {
        RunState.Running => "goes on",
        RunState.Silent => FormattableString.Invariant($"was killed or is paused, its last sign of life was at {run.LastSign:u}")
            + (run.Owner is { } owner ? $" ({owner})" : ""),
        _ => FormattableString.Invariant($"was stopped, last written at {run.LastSign:u}"),
    };

    static RunGroup FindBaseline(IReadOnlyList<RunGroup> groups, string? name)
    {
        if (name is null)
            return groups.MinBy(g => Additions(g.Runs[0].Options))!;
        return groups.FirstOrDefault(g => g.Name == name) ?? throw new OptionException(new OptionProblem(ReportOptions.BaselineOption.Flag,
            $"there are no runs '{name}'; there are {string.Join(", ", groups.Select(g => $"'{g.Name}'"))}."));
    }

    /// <summary>How far training is from the plain one: 2 for a perturbation, 1 for labels or weights that are changed.</summary>
    static int Additions(TrainOptions options) =>
        (options.Opt.Perturbs ? 2 : 0) + (options.Smoothing > 0 || options.SnpFactor > 0 ? 1 : 0);

    static SortedDictionary<int, double> Values(RunGroup group, RunMetric metric)
    {
        SortedDictionary<int, double> values = [];
        foreach (var run in group.Runs)
            if (metric.Value(run) is { } value && double.IsFinite(value))
                values.Add(run.Options.Seed, value);
        return values;
    }

    static ReportCell Cell(SortedDictionary<int, double> values, SortedDictionary<int, double>? baseline)
    {
        double[] differences = [.. values.Where(v => baseline?.ContainsKey(v.Key) == true).Select(v => v.Value - baseline![v.Key])];
        return new(values, values.Count > 0 ? SampleStatistics.Of([.. values.Values]) : null,
            differences.Length > 0 ? SampleStatistics.Of(differences) : null);
    }

    /// <summary>A mean with its standard deviation: <c>93.21 ± 0.15</c>.</summary>
    public static string Mean(RunMetric metric, ReportCell cell) => cell.All is not { } all ? "–"
        : all.Count == 1 ? metric.Write(all.Mean) : $"{metric.Write(all.Mean)} ± {metric.Write(all.Deviation)}";

    /// <summary>A difference with its confidence interval: <c>+0.41 [-0.10, +0.92]</c>.</summary>
    public string Difference(RunMetric metric, ReportCell cell)
    {
        if (cell.Difference is not { } difference)
            return "–";
        double half = difference.HalfWidth(Confidence);
        return double.IsNaN(half) ? Signed(difference.Mean)
            : $"{Signed(difference.Mean)} [{Signed(difference.Mean - half)}, {Signed(difference.Mean + half)}]";

        string Signed(double value) => value >= 0 ? "+" + metric.Write(value) : metric.Write(value);
    }

    /// <summary>The confidence as text: <c>95 %</c>.</summary>
    public string ConfidenceText => string.Create(CultureInfo.InvariantCulture, $"{100 * Confidence:0.###} %");
}

/// <summary>What a report is to compare with what.</summary>
public sealed record ReportChoices
{
    /// <summary>Heading.</summary>
    public string Title { get; init; } = "Runs";

    /// <summary>Name of the group that the others are compared with; null takes the plainest: without a perturbation, label smoothing,
    /// shrink and perturb, if there is one.</summary>
    public string? Baseline { get; init; }

    /// <summary>The best epoch in place of the last.</summary>
    public bool TakesBest { get; init; }

    /// <summary>Runs count that have not finished.</summary>
    public bool TakesUnfinished { get; init; }

    /// <summary>Probability with which a confidence interval holds the mean.</summary>
    public double Confidence { get; init; } = 0.95;

    /// <summary>Columns beside those that all runs have.</summary>
    public IReadOnlyList<RunMetric> More { get; init; } = [];
}
