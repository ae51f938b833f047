using System.Globalization;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Reports;

namespace PerturbedForgetting.Training.Checkpoints;

/// <summary>Writes the checkpoints of a run.</summary>
/// <param name="path">Of the model file.</param>
/// <param name="kept">The best epochs, as the state shall name them.</param>
delegate void SaveCheckpoint(string path, IReadOnlyList<KeptEpoch> kept);

/// <summary>
/// The checkpoints of one run directory: <c>last</c>, <c>best</c>, the N best epochs as <c>checkpoint-EPOCH</c>, and the two newest
/// <c>recovery-EPOCH-UPDATE</c>. Every one is complete in itself; nothing relies on links.
/// </summary>
sealed class CheckpointFolder
{
    const int RecoveriesKept = 2;

    readonly string folder;
    readonly EvalMetric metric;
    readonly int history;
    readonly Queue<string> recoveries;
    List<KeptEpoch> kept;

    /// <param name="folder">The run directory.</param>
    /// <param name="metric">By which epochs compare.</param>
    /// <param name="history">How many of the best epochs to keep, from 0.</param>
    /// <param name="epochs">Epochs finished before a resume: the best of all of them counts, not only of those to come.</param>
    /// <param name="kept">Epochs kept before a resume.</param>
    public CheckpointFolder(string folder, EvalMetric metric, int history, IReadOnlyList<EpochRecord> epochs, IReadOnlyList<KeptEpoch> kept)
    {
        this.folder = folder;
        this.metric = metric;
        this.history = history;
        // The metric may have changed with the resume, so the values are looked up again.
        this.kept = Sort(kept.Join(epochs, k => k.Epoch, e => e.Epoch, (k, e) => k with { Value = metric.Of(e.Validation) })
            .Where(k => File.Exists(EpochPath(k.Epoch))));
        recoveries = new Queue<string>(Recoveries(folder).OrderBy(File.GetLastWriteTimeUtc));
    }

    /// <summary>The checkpoint written at every epoch's end and at an interruption.</summary>
    public string LastPath => Path.Combine(folder, "last" + CheckpointFiles.Extension);

    /// <summary>The checkpoint of the best epoch.</summary>
    public string BestPath => Path.Combine(folder, "best" + CheckpointFiles.Extension);

    /// <summary>Keeps the end of an epoch. <c>last</c> is written after the others, so that whatever is interrupted is done
    /// again.</summary>
    /// <param name="epochs">All finished epochs; the last of them has just ended.</param>
    /// <param name="save">Writes one checkpoint.</param>
    /// <exception cref="IOException">A checkpoint cannot be written; the old <c>last</c> is intact.</exception>
    public void EpochEnded(IReadOnlyList<EpochRecord> epochs, SaveCheckpoint save)
    {
        var epoch = epochs[^1];
        var next = Sort(kept.Where(k => k.Epoch != epoch.Epoch).Append(new KeptEpoch(epoch.Epoch, metric.Of(epoch.Validation))));
        var evicted = next.Skip(history).ToArray();
        next = next.Take(history).ToList();
        if (next.Exists(k => k.Epoch == epoch.Epoch))
            save(EpochPath(epoch.Epoch), next);
        if (metric.Best(epochs) == epoch)
            save(BestPath, next);
        save(LastPath, next);
        kept = next;
        foreach (var old in evicted)
            CheckpointFiles.Delete(EpochPath(old.Epoch));
    }

    /// <summary>Keeps a position within an epoch; of these the two newest stay.</summary>
    public void Recover(int epoch, long update, SaveCheckpoint save)
    {
        string path = Path.Combine(folder,
            string.Create(CultureInfo.InvariantCulture, $"recovery-{epoch}-{update}{CheckpointFiles.Extension}"));
        save(path, kept);
        if (!recoveries.Contains(path))
            recoveries.Enqueue(path);
        while (recoveries.Count > RecoveriesKept)
            CheckpointFiles.Delete(recoveries.Dequeue());
    }

    /// <summary>Keeps the position at which a run was interrupted.</summary>
    public void Interrupted(SaveCheckpoint save) => save(LastPath, kept);

    /// <summary>
    /// The newest valid checkpoint among <c>last</c> and the recoveries of a run directory, verified; none where there are no
    /// checkpoints at all.
    /// </summary>
    /// <param name="folder">The run directory.</param>
    /// <param name="report">Receives a line for each checkpoint that had to be passed over.</param>
    /// <exception cref="CheckpointException">There are checkpoints, and none of them is valid.</exception>
    public static ResumableCheckpoint? FindNewest(string folder, Action<string> report)
    {
        var states = Directory.Exists(folder)
            ? Recoveries(folder).Append(Path.Combine(folder, "last" + CheckpointFiles.Extension))
            .Where(p => File.Exists(CheckpointFiles.StatePath(p))).ToArray()
            : [];
        var dated = new List<(string Path, DateTimeOffset Written, long Update)>();
        foreach (string path in states)
            if (Try(path, report, p =>
                {
                    using var file = SafetensorsFile.Open(CheckpointFiles.StatePath(p));
                    return CheckpointFiles.ReadState(file);
                }) is { } state)
                dated.Add((path, state.Written, state.Progress.Updates));
        foreach (var (path, _, _) in dated.OrderByDescending(d => d.Written).ThenByDescending(d => d.Update))
            if (Try(path, report, CheckpointFiles.OpenForResume) is { } checkpoint)
                return checkpoint;
        return states.Length == 0
            ? null
            : throw new CheckpointException(folder,
                $"none of its {states.Length} checkpoints is valid (see above). "
                + $"Restore one, or start anew with another {TrainOptions.ExperimentOption}.");
    }

    static T? Try<T>(string path, Action<string> report, Func<string, T> open) where T : class
    {
        try
        {
            return open(path);
        }
        catch (Exception e) when (e is CheckpointException or SafetensorsException or IOException or UnauthorizedAccessException)
        {
            report($"Checkpoint {Path.GetFileName(path)} is not usable and is passed over: {e.Message}");
            return null;
        }
    }

    static IEnumerable<string> Recoveries(string folder) => Directory.Exists(folder)
        ? Directory.EnumerateFiles(folder, "recovery-*.state" + CheckpointFiles.Extension).Select(CheckpointFiles.ModelPath)
        : [];

    List<KeptEpoch> Sort(IEnumerable<KeptEpoch> epochs)
    {
        // Of equals the earlier is better, as for the best epoch; a sort that keeps the order of equals makes NaN the last.
        var sorted = epochs.OrderBy(k => k.Epoch).ToList();
        var result = new List<KeptEpoch>(sorted.Count);
        foreach (var epoch in sorted)
        {
            int at = result.FindIndex(k => metric.IsBetter(epoch.Value, k.Value));
            result.Insert(at < 0 ? result.Count : at, epoch);
        }
        return result;
    }

    string EpochPath(int epoch) =>
        Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"checkpoint-{epoch}{CheckpointFiles.Extension}"));
}
