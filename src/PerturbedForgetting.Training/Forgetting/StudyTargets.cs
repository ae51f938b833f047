using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Runs;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>A checkpoint that a study measures.</summary>
/// <param name="Folder">The folder it lies in: its run.</param>
/// <param name="Path">The file.</param>
/// <param name="Epoch">Epochs it was trained; null where nothing tells.</param>
/// <param name="Recorded">What its run measured with it; null likewise.</param>
sealed record StudyTarget(string Folder, string Path, int? Epoch, EvaluationMetrics? Recorded)
{
    /// <summary>Name of the run: that of its folder, with those above it as far as other runs have the same name.</summary>
    public string Run { get; init; } = "";
}

/// <summary>Finds the checkpoints that a command names: files, folders of runs, and folders of such folders.</summary>
static class StudyTargets
{
    /// <summary>The checkpoints, each once, in the order in which they are named and within a run by epoch.</summary>
    /// <param name="options">They name them.</param>
    /// <param name="observer">Hears of files that are passed over.</param>
    /// <exception cref="OptionException">None is named.</exception>
    /// <exception cref="RunException">A folder is not that of a run, or cannot be read.</exception>
    /// <exception cref="CheckpointException">There is no such checkpoint.</exception>
    public static IReadOnlyList<StudyTarget> Of(ForgettingOptions options, ITrainingObserver observer)
    {
        if (options.Targets.Count == 0)
        {
            throw new OptionException(new OptionProblem(CheckpointOptions.CheckpointOption.Flag,
                "nothing is named to measure: put a checkpoint, or the folder of a run, behind the command."));
        }
        List<StudyTarget> targets = [];
        foreach (string target in options.Targets)
        {
            if (!Directory.Exists(target))
                targets.Add(OfFile(target));
            else
                foreach (var run in RunRecord.ReadAll([target]))
                    targets.AddRange(OfRun(run, options.Over, observer));
        }
        return Named([.. targets.DistinctBy(static t => t.Path)]);
    }

    static IEnumerable<StudyTarget> OfRun(RunRecord run, string over, ITrainingObserver observer)
    {
        if (over != ForgettingOptions.OverAll)
        {
            string? path = over == ForgettingOptions.OverBest ? run.BestCheckpoint : run.LastCheckpoint;
            return [OfFile(path ?? throw new CheckpointException(run.Folder,
                $"it holds no checkpoint '{over}' yet; wait for the end of its first epoch, or leave the run out."))];
        }
        StudyTarget[] all =
        [
            .. run.ReadCheckpoints(line => observer.Message(MessageLevel.Warning, line)).Where(static c => c.Batch == 0)
                .Select(c => new StudyTarget(run.Folder, c.Path, c.Epoch, c.Evaluation)),
        ];
        return all.Length > 0 ? all
            : throw new CheckpointException(run.Folder, "it holds no checkpoint of an epoch's end; wait for the end of its first epoch.");
    }

    static StudyTarget OfFile(string path)
    {
        string full = Path.GetFullPath(File.Exists(path) ? path : CheckpointFiles.ModelPath(path));
        if (!File.Exists(full))
            throw new CheckpointException(path, "there is no such file or folder.");
        string folder = Path.GetDirectoryName(full)!;
        try
        {
            if (full.EndsWith(CheckpointFiles.Extension, StringComparison.OrdinalIgnoreCase) && File.Exists(CheckpointFiles.StatePath(full))
                && CheckpointFiles.Peek(full) is { } state)
                return new(folder, full, state.Epoch, state.Batch == 0 ? state.Epochs.LastOrDefault()?.Validation : null);
        }
        catch (Exception e) when (e is CheckpointException or SafetensorsException or IOException or UnauthorizedAccessException)
        {
            // The model alone is measured; if it is damaged too, its reading says so.
        }
        return new(folder, full, null, null);
    }

    static StudyTarget[] Named(StudyTarget[] targets)
    {
        string[] folders = [.. targets.Select(static t => t.Folder).Distinct(StringComparer.Ordinal)];
        return [.. targets.Select(t => t with { Run = Enumerable.Range(1, 64).Select(parts => Tail(t.Folder, parts))
            .First(name => name == t.Folder || folders.Count(f => Tail(f, name.Count(static c => c == '/') + 1) == name) == 1) })];
    }

    /// <summary>The last parts of a path, with '/' between; the path where it has no more.</summary>
    static string Tail(string path, int parts)
    {
        string[] all = path.Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries);
        return parts < all.Length ? string.Join('/', all[^parts..]) : path;
    }
}
