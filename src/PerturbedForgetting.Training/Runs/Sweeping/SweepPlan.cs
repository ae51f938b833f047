using System.Security.Cryptography;
using System.Text;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Presets;
using PerturbedForgetting.Training.Runs.Reporting;

namespace PerturbedForgetting.Training.Runs.Sweeping;

/// <summary>One run of a sweep.</summary>
/// <param name="Name">Of its folder, made of its values: <c>rho=0.1,seed=3</c>.</param>
/// <param name="Values">One an axis.</param>
/// <param name="Options">All its options.</param>
/// <param name="Given">Those that a person, a preset or the sweep gave.</param>
/// <param name="Source">The number of the run in the plan whose weights it starts from; null where it waits for none.</param>
public sealed record SweepPoint(string Name, IReadOnlyList<string> Values, TrainOptions Options, IReadOnlySet<OptionSpec> Given,
    int? Source = null);

/// <summary>All runs of a sweep: every combination of the values of its axes, the last axis changing first.</summary>
/// <param name="Folder">Where the runs have their folders.</param>
/// <param name="Axes">What varies.</param>
/// <param name="Points">The runs.</param>
public sealed record SweepPlan(string Folder, IReadOnlyList<SweepAxis> Axes, IReadOnlyList<SweepPoint> Points)
{
    const int MostPoints = 100_000, LongestName = 150;

    /// <summary>Makes the plan; whatever is wrong with any of its runs is known now.</summary>
    /// <param name="options">What all runs have in common; the experiment names the sweep.</param>
    /// <param name="given">Which of them were given.</param>
    /// <param name="axes">What varies.</param>
    /// <exception cref="OptionException">An option is wrong, or a folder already holds a run with other options.</exception>
    public static SweepPlan Make(TrainOptions options, IReadOnlySet<OptionSpec> given, IReadOnlyList<SweepAxis> axes)
    {
        if (axes.Count == 0)
            throw Wrong("--vary", "nothing varies: name an option with its values, such as --vary rho=0.05,0.1.");
        if (axes.GroupBy(a => a.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw Wrong("--vary", $"'{twice.Key}' is named twice; put all its values behind one.");
        if (options.Experiment.Length == 0)
            throw Wrong(TrainOptions.ExperimentOption.Flag, "is missing: it names the sweep, whose runs are folders in it.");
        if (axes.Aggregate(1.0, (n, a) => n * a.Values.Count) is > MostPoints and var all)
            throw Wrong("--vary", FormattableString.Invariant($"makes {all} runs; {MostPoints} is the most."));
        string folder = RunFolder.Resolve(options, 0);
        SweepPoint[] points = [.. Combinations(axes).Select(values => Point(options, given, axes, values, folder))];
        string? namesake = points.GroupBy(p => p.Name, StringComparer.OrdinalIgnoreCase).FirstOrDefault(g => g.Count() > 1)?.Key;
        if (namesake is not null)
            throw Wrong("--vary", $"two runs would have the folder '{namesake}'.");
        var numbers = points.Index().ToDictionary(p => Path.Combine(folder, p.Item.Name), p => p.Index, StringComparer.Ordinal);
        points = [.. points.Select(p => p with { Source = SourceOf(p, numbers) })];
        OptionProblem[] problems = [.. points.SelectMany(p => Problems(p, folder)).Take(10)];
        return problems.Length == 0 ? new(folder, axes, points) : throw new OptionException(problems);
    }

    static OptionException Wrong(string option, string message) => new(new OptionProblem(option, message));

    static IEnumerable<string[]> Combinations(IReadOnlyList<SweepAxis> axes)
    {
        IEnumerable<string[]> all = [[]];
        foreach (var axis in axes)
            all = all.SelectMany(before => axis.Values.Select(v => (string[])[.. before, v]));
        return all;
    }

    static SweepPoint Point(
        TrainOptions common, IReadOnlySet<OptionSpec> given, IReadOnlyList<SweepAxis> axes, string[] values, string folder)
    {
        var options = common with { };
        HashSet<OptionSpec> typed = [.. given, .. axes.Select(a => a.Spec).OfType<OptionSpec>()];
        HashSet<OptionSpec> set = [.. typed, TrainOptions.OutputOption, TrainOptions.ExperimentOption, TrainOptions.ResumeOption];
        var preset = axes.Zip(values).FirstOrDefault(p => p.First.Spec is null).Second is { } name ? PresetTable.Find(name) : null;
        if (preset is not null)
        {
            options = new();
            set.UnionWith(preset.Apply(options));
            foreach (var spec in given)
                spec.Set(options, spec.Get(common));
        }
        foreach (var (axis, value) in axes.Zip(values).Where(p => p.First.Spec is not null))
            axis.Set(options, value);
        options.Output = folder;
        options.Experiment = NameOf(axes, values);
        options.Resume = "auto";
        preset?.Settle(options, typed);
        if (preset is { Source: { } source } && !typed.Contains(TrainOptions.PretrainedPathOption))
            options.PretrainedPath = SourcePath(common, axes, values, source, options);
        return new(options.Experiment, values, options, set);
    }

    /// <summary>The weights that a preset starts from: of the run of this sweep that has the same values but the preset's, or else of the
    /// run that <c>presets run</c> leaves.</summary>
    /// <exception cref="OptionException">They are neither there nor made by this sweep.</exception>
    static string SourcePath(TrainOptions common, IReadOnlyList<SweepAxis> axes, string[] values, string source, TrainOptions run)
    {
        string own = Preset.LastOf(run.Output, NameOf(axes, [.. axes.Zip(values, (a, v) => a.Spec is null ? source : v)])),
            other = Preset.LastOf(RunFolder.OutputOf(common), source);
        if (axes.Any(a => a.Spec is null && a.Values.Contains(source)) || File.Exists(own))
            return own;
        if (File.Exists(other) || RunFolder.Continued(run) is { } begun && CheckpointFolder.HasCheckpoints(begun))
            return other;
        throw Wrong(TrainOptions.PretrainedPathOption.Flag,
            $"{run.Experiment} starts from the weights of {source}, but neither '{own}' nor '{other}' is there. "
                + $"Put {source} among the presets of --vary, run it first, or name a file.");
    }

    /// <summary>The run of the plan whose weights a run starts from; none where it names a file of another.</summary>
    /// <param name="point">The run.</param>
    /// <param name="numbers">Of all runs, by their folders.</param>
    static int? SourceOf(SweepPoint point, Dictionary<string, int> numbers) => point.Options.PretrainedPath is { Length: > 0 } path
        && Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && Path.GetFileName(folder) != point.Name
        && numbers.TryGetValue(folder, out int number) ? number : null;

    /// <summary>A name that every file system takes; two points keep different ones.</summary>
    static string NameOf(IReadOnlyList<SweepAxis> axes, string[] values)
    {
        string exact = string.Join(',', axes.Zip(values, (a, v) => a.Spec is null ? v : $"{a.Name}={v}"));
        string name = string.Concat(exact.Select(c => char.IsAsciiLetterOrDigit(c) || "._=+-,".Contains(c) ? c : '_'));
        if (name == exact && name.Length <= LongestName)
            return name;
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(exact)))[..8];
        return $"{name[..Math.Min(name.Length, LongestName)]}-{hash}";
    }

    static IEnumerable<OptionProblem> Problems(SweepPoint point, string folder)
    {
        foreach (var problem in point.Options.Validate().Where(p => p.IsError))
            yield return problem with { Message = $"{problem.Message} (in {point.Name})" };
        string run = Path.Combine(folder, point.Name);
        if (!RunRecord.IsRun(run))
            yield break;
        var telling = RunGroup.Telling.Append(TrainOptions.SeedOption).Select(s => s.Flag).ToHashSet(StringComparer.Ordinal);
        string[] changes = [.. OptionsJson.Diff(RunRecord.Read(run).Options, point.Options).Where(c => telling.Contains(c.Option))
            .Select(c => c.ToString())];
        if (changes.Length > 0)
            yield return new OptionProblem(TrainOptions.ExperimentOption.Flag,
                $"'{run}' holds a run with other options ({string.Join(", ", changes)}); name another experiment, or remove that run.");
    }
}
