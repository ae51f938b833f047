using System.Globalization;
using System.Text.RegularExpressions;
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
/// <c>recovery-EPOCH-UPDATE</c>. Every one is complete in itself; nothing relies on links. An epoch has ended when <c>last</c> says so; the
/// others are copies of it and follow from what it says, so that a kill between them leaves nothing that the next start cannot complete.
/// </summary>
sealed partial class CheckpointFolder
{
    const int RecoveriesKept = 2;
    const string EpochPrefix = "checkpoint-", RecoveryPrefix = "recovery-";

    readonly string folder;
    readonly EvalMetric metric;
    readonly int history;
    readonly Queue<string> recoveries;
    List<KeptEpoch> kept;
    EpochRecord? best;

    /// <param name="folder">The run directory, which is settled.</param>
    /// <param name="metric">By which epochs compare.</param>
    /// <param name="history">How many of the best epochs to keep, from 0.</param>
    /// <param name="start">Where the run begins. Epochs that finished before a resume count: the best of all of them is the best.</param>
    /// <exception cref="IOException">What a kill left undone cannot be done.</exception>
    public CheckpointFolder(string folder, EvalMetric metric, int history, RunPosition start)
    {
        (this.folder, this.metric, this.history) = (folder, metric, history);
        // The metric may have changed with the resume, so the values are looked up again.
        kept = Sort(start.Kept.Join(start.Epochs, k => k.Epoch, e => e.Epoch, (k, e) => k with { Value = metric.Of(e.Validation) }))
            .Take(history).ToList();
        if (start is { Batch: 0, Source: { } source, Epochs: [.., { } ended] })
            KeepEpoch(ended, source);
        Evict(start.Epoch);
        RestoreBest(start);
        recoveries = new(Existing(folder, RecoveryPrefix)
            .Select(p => (Path: p, Try(p, static _ => { }, CheckpointFiles.Peek)?.Position))
            .OrderBy(r => r.Position).Select(r => r.Path));
        DropRecoveries();
    }

    /// <summary>The checkpoint written at every epoch's end and at an interruption.</summary>
    public string LastPath => NamePath(folder, "last");

    /// <summary>The checkpoint of the best epoch.</summary>
    public string BestPath => NamePath(folder, "best");

    /// <summary>Keeps the end of an epoch: first as <c>last</c>, of which the others are copies.</summary>
    /// <param name="epochs">All finished epochs; the last of them has just ended.</param>
    /// <param name="save">Writes one checkpoint.</param>
    /// <exception cref="IOException">A checkpoint cannot be written; the old <c>last</c>, or the new one, is intact.</exception>
    public void EpochEnded(IReadOnlyList<EpochRecord> epochs, SaveCheckpoint save)
    {
        var ended = epochs[^1];
        var next = Sort(kept.Where(k => k.Epoch != ended.Epoch && File.Exists(EpochPath(k.Epoch)))
            .Append(new KeptEpoch(ended.Epoch, metric.Of(ended.Validation)))).Take(history).ToList();
        save(LastPath, next);
        kept = next;
        KeepEpoch(ended, LastPath);
        Evict(ended.Epoch + 1);
        if (best is null || !File.Exists(BestPath) || metric.IsBetter(metric.Of(ended.Validation), metric.Of(best.Validation)))
        {
            CheckpointFiles.Copy(LastPath, BestPath);
            best = ended;
        }
    }

    /// <summary>Keeps a position within an epoch; of these the two newest stay.</summary>
    public void Recover(int epoch, long update, SaveCheckpoint save)
    {
        string path = NamePath(folder, string.Create(CultureInfo.InvariantCulture, $"{RecoveryPrefix}{epoch}-{update}"));
        save(path, kept);
        if (!recoveries.Contains(path))
            recoveries.Enqueue(path);
        DropRecoveries();
    }

    /// <summary>Keeps the position at which a run was interrupted.</summary>
    public void Interrupted(SaveCheckpoint save) => save(LastPath, kept);

    /// <summary>Finishes what a kill interrupted and removes what it left behind. The caller holds the run's lock.</summary>
    /// <exception cref="IOException">A file cannot be renamed or removed.</exception>
    public static void Settle(string folder)
    {
        AtomicFile.DeleteAbandoned(folder);
        foreach (string path in Directory.GetFiles(folder, "*" + CheckpointFiles.NewExtension))
            CheckpointFiles.Settle(path);
        // The rest of a checkpoint that was being removed.
        foreach (string path in Directory.GetFiles(folder, "*" + CheckpointFiles.Extension))
            if (RemovableNames().IsMatch(Path.GetFileName(path)) && !File.Exists(CheckpointFiles.StatePath(path)))
                AtomicFile.Delete(path);
    }

    /// <summary>Whether a directory holds checkpoints of a run.</summary>
    public static bool HasCheckpoints(string folder) => Existing(folder, "").Length > 0
        || File.Exists(NamePath(folder, "last")) || File.Exists(NamePath(folder, "best"));

    /// <summary>
    /// The newest valid checkpoint of a run directory, verified; none where there are no checkpoints at all. Newest is what lies furthest
    /// in the run that <c>last</c> belongs to, or, without <c>last</c>, that was written to latest; clocks decide nothing else.
    /// </summary>
    /// <param name="folder">The run directory.</param>
    /// <param name="report">Receives a line for each checkpoint that had to be passed over.</param>
    /// <exception cref="CheckpointException">There are checkpoints, and none of them is valid.</exception>
    public static ResumableCheckpoint? FindNewest(string folder, Action<string> report)
    {
        string[] paths = Existing(folder, "");
        var states = paths.Select(p => (Path: p, State: Try(p, report, CheckpointFiles.Peek)))
            .Where(c => c.State is not null).Select(c => (c.Path, State: c.State!, IsLast: Path.GetFileName(c.Path) == "last.safetensors"))
            .OrderByDescending(c => c.IsLast).ThenByDescending(c => c.State.Written).ToList();
        foreach (var (path, state, _) in states.OrderByDescending(c => c.State.Position).ThenByDescending(c => c.IsLast))
        {
            if (state.Run != states[0].State.Run)
                report($"Checkpoint {Path.GetFileName(path)} belongs to another run and is passed over.");
            else if (Try(path, report, CheckpointFiles.OpenForResume) is { } checkpoint)
                return checkpoint;
        }
        return paths.Length == 0
            ? null
            : throw new CheckpointException(folder,
                $"{(paths.Length == 1 ? "its only checkpoint is not" : $"none of its {paths.Length} checkpoints is")} valid (see above). "
                + $"Restore one, or start anew with another {TrainOptions.ExperimentOption}.");
    }

    /// <summary>The position of a run's newest checkpoint in a directory; that of a beginning where there is none.</summary>
    public static (int Restarts, int Epoch, int Batch) NewestPosition(string folder, string run) => Existing(folder, "")
        .Select(p => Try(p, static _ => { }, CheckpointFiles.Peek)).Where(s => s?.Run == run).Select(s => s!.Position)
        .DefaultIfEmpty().Max();

    /// <summary>Writes the checkpoint of an epoch that has ended, if it is one of those to keep and is not there.</summary>
    void KeepEpoch(EpochRecord ended, string source)
    {
        if (kept.Exists(k => k.Epoch == ended.Epoch) && Held(EpochPath(ended.Epoch)) != ended)
            CheckpointFiles.Copy(source, EpochPath(ended.Epoch));
    }

    /// <summary>Removes the checkpoints of epochs before one that are not kept, and forgets those that are not there.</summary>
    void Evict(int end)
    {
        kept.RemoveAll(k => !File.Exists(EpochPath(k.Epoch)));
        foreach (string path in Existing(folder, EpochPrefix))
        {
            string number = Path.GetFileNameWithoutExtension(path)[EpochPrefix.Length..];
            if (int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int epoch) && epoch < end
                && !kept.Exists(k => k.Epoch == epoch))
                CheckpointFiles.Delete(path);
        }
    }

    /// <summary>Makes <c>best</c> the best of the finished epochs, as far as its checkpoint is there.</summary>
    void RestoreBest(RunPosition start)
    {
        var there = Held(BestPath);
        best = start.Epochs.FirstOrDefault(e => e == there);
        if (metric.Best(start.Epochs) is not { } better || better == best)
            return;
        if (((string?[])[start.Source, EpochPath(better.Epoch)]).FirstOrDefault(p => p is not null && Held(p) == better) is { } source)
        {
            CheckpointFiles.Copy(source, BestPath);
            best = better;
        }
    }

    /// <summary>The epoch at whose end a checkpoint was written; none where there is no such checkpoint.</summary>
    static EpochRecord? Held(string path) =>
        File.Exists(path) && Try(path, static _ => { }, CheckpointFiles.Peek) is { Batch: 0, Epochs: [.., { } ended] } ? ended : null;

    void DropRecoveries()
    {
        while (recoveries.Count > RecoveriesKept)
            CheckpointFiles.Delete(recoveries.Dequeue());
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

    /// <summary>The model files of the checkpoints whose names begin so; sorted, so that the order is the same everywhere.</summary>
    static string[] Existing(string folder, string prefix) => !Directory.Exists(folder) ? []
        : [.. Directory.EnumerateFiles(folder, prefix + "*" + CheckpointFiles.StateExtension).Select(CheckpointFiles.ModelPath)
            .Order(StringComparer.Ordinal)];

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

    string EpochPath(int epoch) => NamePath(folder, string.Create(CultureInfo.InvariantCulture, $"{EpochPrefix}{epoch}"));

    static string NamePath(string folder, string name) => Path.Combine(folder, name + CheckpointFiles.Extension);

    /// <summary>Checkpoints that are removed when others take their place.</summary>
    [GeneratedRegex("^(checkpoint-[0-9]+|recovery-[0-9]+-[0-9]+)\\.safetensors$")]
    private static partial Regex RemovableNames();
}
