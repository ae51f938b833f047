using System.Globalization;
using System.Text.RegularExpressions;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Runs.Reporting;

/// <summary>Runs that differ in their seeds alone.</summary>
/// <param name="Name">What their folders' names have in common.</param>
/// <param name="Runs">One a seed, by their seeds.</param>
public sealed record RunGroup(string Name, IReadOnlyList<RunRecord> Runs)
{
    /// <summary>What says nothing of what a run computes.</summary>
    static readonly HashSet<OptionSpec> aside =
    [
        TrainOptions.SeedOption, TrainOptions.CheckpointHistOption, TrainOptions.RecoveryIntervalOption, TrainOptions.LogIntervalOption,
        TrainOptions.LogNormsOption, TrainOptions.EvalMetricOption, TrainOptions.ValidationBatchSizeOption,
        TrainOptions.PretrainedPathOption,
    ];

    /// <summary>The options whose values make a group.</summary>
    public static IReadOnlyList<OptionSpec> Telling { get; } =
        [.. OptionTables.Train.Specs.Where(s => !s.Resume.IsOfThisStart && !aside.Contains(s))];

    /// <summary>Puts runs into groups, in the order in which they come.</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="report">Receives a line for each run that is left out: the second of a seed.</param>
    public static IReadOnlyList<RunGroup> Of(IEnumerable<RunRecord> runs, Action<string> report)
    {
        List<RunGroup> groups = [];
        foreach (var alike in runs.GroupBy(Key, StringComparer.Ordinal))
        {
            List<RunRecord> chosen = [];
            foreach (var run in alike)
            {
                if (chosen.Find(r => r.Options.Seed == run.Options.Seed) is { } first)
                    report($"'{run.Folder}' is left out: it has the options and the seed of '{first.Folder}'.");
                else
                    chosen.Add(run);
            }
            groups.Add(new(CommonName(chosen), [.. chosen.OrderBy(r => r.Options.Seed)]));
        }
        return Distinguished(groups);
    }

    /// <summary>The name of a run without its seed, where that stands at its end: <c>vanilla-1</c>, <c>rho=0.1,seed=1</c>.</summary>
    public static string NameWithoutSeed(string name, int seed)
    {
        string number = Regex.Escape(seed.ToString(CultureInfo.InvariantCulture));
        string without = Regex.Replace(name, $"[-_,. ]?(?:seed|(?<![a-z])s)?[-_=]?(?<![0-9.]){number}$", "", RegexOptions.IgnoreCase);
        return without.Length > 0 ? without : name;
    }

    static string Key(RunRecord run)
    {
        var values = Telling.Select(spec => spec.Show(run.Options));
        // Weights of another seed of the same experiment are of the same kind.
        string source = run.Options.PretrainedPath is { } path && Path.GetDirectoryName(path) is { } folder
            ? NameWithoutSeed(Path.GetFileName(folder), run.Options.Seed)
            : "";
        return string.Join('\n', [.. values, source]);
    }

    static string CommonName(List<RunRecord> runs)
    {
        string[] names = [.. runs.Select(r => NameWithoutSeed(r.Name, r.Options.Seed)).Distinct(StringComparer.Ordinal)];
        return names is [var one] ? one : string.Join(", ", names);
    }

    /// <summary>Groups of one name are told apart by the options in which they differ.</summary>
    static List<RunGroup> Distinguished(List<RunGroup> groups) => [.. groups.Select(group =>
    {
        RunGroup[] namesakes = [.. groups.Where(g => g.Name == group.Name)];
        if (namesakes.Length == 1)
            return group;
        var differing = Telling.Where(s => namesakes.Select(g => s.Show(g.Runs[0].Options)).Distinct().Count() > 1);
        return group with
        {
            Name = $"{group.Name} ({string.Join(' ', differing.Select(s => $"{s.Name}={s.Show(group.Runs[0].Options)}"))})",
        };
    })];
}
