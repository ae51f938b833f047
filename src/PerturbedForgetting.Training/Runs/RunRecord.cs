using System.Text.Json;
using System.Text.Json.Nodes;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Reports;

namespace PerturbedForgetting.Training.Runs;

/// <summary>How far a run is.</summary>
public enum RunState
{
    /// <summary>All its epochs are there.</summary>
    Finished,

    /// <summary>A process trains in its folder: it gave a sign of life within the last minute.</summary>
    Running,

    /// <summary>It ended before its last epoch.</summary>
    Stopped,

    /// <summary>Its process has given no sign of life for a minute, nor said that it ended: it was killed, it is paused, or its machine is
    /// gone. Which of these, the folder does not say.</summary>
    Silent,
}

/// <summary>A checkpoint in a run's folder.</summary>
/// <param name="Path">Of the model file.</param>
/// <param name="Epoch">Epochs finished when it was written.</param>
/// <param name="Batch">Batches trained since; 0 at an epoch's end.</param>
/// <param name="Evaluation">Of the last epoch that was finished; null before the first, and within an epoch.</param>
public sealed record RunCheckpoint(string Path, int Epoch, int Batch, EvaluationMetrics? Evaluation);

/// <summary>
/// What the folder of a run says about it, read without changing anything: <c>args.json</c>, <c>results.json</c>, <c>summary.csv</c> and
/// the checkpoints. The folder may be another's, and the run may be going on.
/// </summary>
/// <example><code>
/// var run = RunRecord.Read("output/train/my-run");
/// Console.WriteLine($"{run.Name}: {run.State}, {run.Best?.Validation.Top1}");
/// </code></example>
public sealed record RunRecord
{
    const string ArgumentsName = "args.json", ResultsName = "results.json";

    static readonly TimeSpan silence = TimeSpan.FromMinutes(1);

    RunRecord(string folder, TrainOptions options, IReadOnlyList<string> unknown, IReadOnlyList<EpochRecord> epochs)
    {
        (Folder, Options, UnknownOptions, Epochs) = (folder, options, unknown, epochs);
        string owner = Path.Combine(folder, RunLock.OwnerName);
        bool hasOwner = File.Exists(owner);
        Owner = hasOwner ? RunLock.ReadOwner(owner)?.ToString() : null;
        string?[] written = hasOwner ? [owner] : [Path.Combine(folder, ArgumentsName), Path.Combine(folder, ResultsName), LastCheckpoint];
        LastSign = written.OfType<string>().Max(File.GetLastWriteTimeUtc);
        State = epochs.Count > 0 && epochs[^1].Epoch >= options.Epochs - 1 ? RunState.Finished
            : !hasOwner ? RunState.Stopped
            : DateTime.UtcNow - LastSign < silence ? RunState.Running : RunState.Silent;
    }

    /// <summary>Full path of the folder.</summary>
    public string Folder { get; }

    /// <summary>Name of the folder.</summary>
    public string Name => Path.GetFileName(Folder);

    /// <summary>The options it was last started with.</summary>
    public TrainOptions Options { get; }

    /// <summary>Options of <c>args.json</c> that this version of the program has not.</summary>
    public IReadOnlyList<string> UnknownOptions { get; }

    /// <summary>Its finished epochs in order; what its files do not say is NaN.</summary>
    public IReadOnlyList<EpochRecord> Epochs { get; }

    /// <summary>How far it is.</summary>
    public RunState State { get; }

    /// <summary>The process that trains in the folder, or that was there last and did not say that it ended:
    /// <c>process 4711 on node12, since …</c>; null where none is named.</summary>
    public string? Owner { get; }

    /// <summary>When its process last gave a sign of life, or, where it ended by itself, when it last wrote something (UTC).</summary>
    public DateTime LastSign { get; }

    /// <summary>The last finished epoch; null before the first.</summary>
    public EpochRecord? Last => Epochs.Count > 0 ? Epochs[^1] : null;

    /// <summary>The best epoch by the run's own metric; null before the first.</summary>
    public EpochRecord? Best => Options.EvalMetric.Best(Epochs);

    /// <summary>The model file of the checkpoint of the last epoch, or of the place where the run was stopped; null where there is
    /// none.</summary>
    public string? LastCheckpoint => Existing("last");

    /// <summary>The model file of the best epoch's checkpoint; null where there is none.</summary>
    public string? BestCheckpoint => Existing("best");

    /// <summary>Whether a folder is that of a run.</summary>
    public static bool IsRun(string folder) => File.Exists(Path.Combine(folder, ArgumentsName));

    /// <summary>Reads the folder of a run.</summary>
    /// <param name="folder">The folder that holds <c>args.json</c>.</param>
    /// <exception cref="RunException">It is not the folder of a run, or one of its files is malformed or cut off.</exception>
    public static RunRecord Read(string folder)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)), path = Path.Combine(full, ArgumentsName);
        if (!Directory.Exists(full))
            throw new RunException(folder, "there is no such folder.");
        if (RunText.Find(path) is not { } json)
            throw new RunException(folder, $"is not the folder of a run: it holds no {ArgumentsName}, which every run writes.");
        var (options, unknown) = ReadOptions(json, path);
        var epochs = RunEpochs.Read(full);
        return new(full, options, unknown, epochs);
    }

    /// <summary>The runs in some folders: each is one itself, or holds some at any depth. What lies within a
    /// run, such as the comparisons of the quick start, belongs to it and is left out. Each run occurs once, in the order of the folders
    /// and then of the names.</summary>
    /// <exception cref="RunException">A folder does not exist, holds no run, or one of its runs cannot be read.</exception>
    public static IReadOnlyList<RunRecord> ReadAll(IEnumerable<string> folders)
    {
        List<string> found = [];
        foreach (string folder in folders)
        {
            if (!Directory.Exists(folder))
                throw new RunException(folder, "there is no such folder.");
            int before = found.Count;
            Collect(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)), found);
            if (found.Count == before)
                throw new RunException(folder, $"neither it nor a folder in it is that of a run, which holds {ArgumentsName}.");
        }
        return [.. found.Distinct(StringComparer.Ordinal).Select(Read)];
    }

    /// <summary>Its checkpoints from the earliest to the latest, each position in the run once.</summary>
    /// <param name="report">Receives a line for each file that had to be passed over.</param>
    public IReadOnlyList<RunCheckpoint> ReadCheckpoints(Action<string> report)
    {
        List<(RunCheckpoint Checkpoint, string Run)> found = [];
        foreach (string path in Directory.EnumerateFiles(Folder, "*" + CheckpointFiles.StateExtension)
            .Select(CheckpointFiles.ModelPath).Where(File.Exists).Order(StringComparer.Ordinal))
        {
            try
            {
                var state = CheckpointFiles.Peek(path);
                var evaluation = state.Batch == 0 ? state.Epochs.LastOrDefault()?.Validation : null;
                found.Add((new(path, state.Epoch, state.Batch, evaluation), state.Run));
            }
            catch (Exception e) when (e is CheckpointException or SafetensorsException or IOException or UnauthorizedAccessException)
            {
                report($"Checkpoint '{path}' cannot be read and is passed over: {e.Message}");
            }
        }
        string? own = found.Find(c => c.Checkpoint.Path == LastCheckpoint).Run;
        foreach (var (checkpoint, _) in found.Where(c => own is not null && c.Run != own))
            report($"Checkpoint '{checkpoint.Path}' belongs to another run and is passed over.");
        return [.. found.Where(c => own is null || c.Run == own).Select(c => c.Checkpoint)
            .OrderBy(c => (c.Epoch, c.Batch)).DistinctBy(c => (c.Epoch, c.Batch))];
    }

    static (TrainOptions Options, IReadOnlyList<string> Unknown) ReadOptions(string json, string path)
    {
        try
        {
            if (JsonNode.Parse(json) is not JsonObject all)
                throw new RunException(path, "holds no JSON object of options.");
            string[] unknown = [.. all.Select(m => m.Key).Where(name => OptionTables.Train.Find(name) is null)];
            foreach (string name in unknown)
                all.Remove(name);
            TrainOptions options = new();
            OptionsJson.Apply(options, all.ToJsonString(), path);
            OptionProblem[] wrong = [.. options.Validate().Where(p => p.IsError)];
            return wrong.Length > 0
                ? throw new RunException(path, $"its options cannot be used: {string.Join("; ", wrong.AsEnumerable())}")
                : (options, unknown);
        }
        // Of a name that occurs twice, and of half a character.
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            throw new RunException(path, $"is not valid JSON, or is cut off: {e.Message}", e);
        }
        catch (OptionException e)
        {
            throw new RunException(path, $"its options cannot be used: {e.Problems[0].Message}", e);
        }
    }

    static void Collect(string folder, List<string> found)
    {
        if (IsRun(folder))
        {
            found.Add(folder);
            return;
        }
        EnumerationOptions readable = new() { AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = true };
        foreach (string inner in Directory.EnumerateDirectories(folder, "*", readable).Order(StringComparer.Ordinal))
            Collect(inner, found);
    }

    string? Existing(string name) =>
        Path.Combine(Folder, name + CheckpointFiles.Extension) is var path && File.Exists(path) ? path : null;
}
