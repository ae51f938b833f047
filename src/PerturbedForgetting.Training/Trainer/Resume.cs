using System.Text;
using System.Text.Json.Nodes;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Training;

/// <summary>Continues a run from a checkpoint: finds it, settles the options, restores the parts.</summary>
static class Resume
{
    /// <summary>The checkpoint that the options name, open and verified; none where there is nothing to continue. Of several processes the
    /// first finds it, and all open the same file.</summary>
    /// <exception cref="CheckpointException">It cannot be used.</exception>
    public static ResumableCheckpoint? Find(TrainOptions options, ITrainingObserver observer, World world)
    {
        if (options.Resume.Length == 0)
            return null;
        var found = world.IsFirst ? Find(options, observer) : null;
        if (world.Size == 1)
            return found;
        string path = Encoding.UTF8.GetString(world.Gather(Encoding.UTF8.GetBytes(found?.Path ?? ""))[0]);
        return world.IsFirst ? found : path.Length == 0 ? null : CheckpointFiles.OpenForResume(path);
    }

    static ResumableCheckpoint? Find(TrainOptions options, ITrainingObserver observer)
    {
        void PassedOver(string line) => observer.Message(MessageLevel.Warning, line);
        if (options.Resume != "auto")
            return Directory.Exists(options.Resume)
                ? CheckpointFolder.FindNewest(options.Resume, PassedOver)
                ?? throw new CheckpointException(options.Resume, "the folder holds no checkpoint.")
                : CheckpointFiles.OpenForResume(options.Resume);
        string folder = RunFolder.Resolve(options, 0);
        var found = CheckpointFolder.FindNewest(folder, PassedOver);
        if (found is null)
        {
            observer.Message(MessageLevel.Info,
                $"{TrainOptions.ResumeOption} auto: there is no checkpoint in '{folder}' yet, so the run begins anew.");
        }
        return found;
    }

    /// <summary>The options of the continued run: those given, else those of the checkpoint. Every change is reported.</summary>
    /// <param name="checkpoint">What the run continues from.</param>
    /// <param name="options">Options as they came.</param>
    /// <param name="given">Which of them the user gave; none means that all are meant.</param>
    /// <param name="workers">Processes that train together now.</param>
    /// <param name="observer">Receives the list of changes.</param>
    /// <exception cref="OptionException">A change is refused.</exception>
    public static TrainOptions Settle(ResumableCheckpoint checkpoint, TrainOptions options, IReadOnlySet<OptionSpec>? given,
        int workers, ITrainingObserver observer)
    {
        var info = checkpoint.State.Info;
        var old = info.Options;
        var settled = options with { };
        if (given is not null)
        {
            var stored = new TrainOptions();
            OptionsJson.Apply(stored, old.ToJsonString(), checkpoint.Path);
            foreach (var spec in OptionTables.Train.Specs)
                if (!given.Contains(spec) && !spec.Resume.IsOfThisStart)
                    spec.Set(settled, spec.Get(stored));
        }
        bool withinEpoch = checkpoint.State.Batch > 0 && settled.StartEpoch is null;
        var changes = ResumePolicy.Compare(Shared(Resolved(old)), Resolved(OptionsJson.Object(settled)), withinEpoch);
        foreach (var change in changes)
            observer.Message(change.Refusal is null && !change.Effect.StartsWith("warning", StringComparison.Ordinal)
                ? MessageLevel.Info
                : MessageLevel.Warning, $"Option changed: {change}");
        var refused = changes.Where(c => c.Refusal is not null)
            .Select(c => new OptionProblem("--" + c.Name, $"cannot change from {c.Old} to {c.New}: {c.Refusal}."))
            .Concat(settled.Validate().Where(p => p.IsError)).ToArray();
        return refused.Length == 0 ? settled : throw new OptionException(refused);

        // What hangs on the batch hangs on that of all processes together: other processes with other batches may make the same.
        JsonObject Shared(JsonObject options)
        {
            long images = (long)(int)options[RunOptions.BatchSizeOption.Name]! * checkpoint.State.Ranks;
            if (images == (long)settled.BatchSize * workers)
                options[RunOptions.BatchSizeOption.Name] = settled.BatchSize;
            return options;
        }

        // A number of classes that was not given is that of the data.
        JsonObject Resolved(JsonObject options)
        {
            var resolved = options.DeepClone().AsObject();
            resolved[TrainOptions.NumClassesOption.Name] ??= info.Classes.Count;
            return resolved;
        }
    }

    /// <summary>Loads weights, optimiser, counters and records into freshly built parts.</summary>
    /// <param name="checkpoint">What the run continues from.</param>
    /// <param name="folder">The run directory, which may be another than the checkpoint's; then this is another run.</param>
    /// <param name="parts">What is trained.</param>
    /// <param name="observer">Receives what a person should know.</param>
    /// <exception cref="CheckpointException">They do not fit.</exception>
    /// <exception cref="DatasetException">The training set is not the one the run stopped in.</exception>
    public static RunPosition Restore(ResumableCheckpoint checkpoint, string folder, RunParts parts, ITrainingObserver observer)
    {
        var state = checkpoint.State;
        int epoch = parts.Options.StartEpoch ?? state.Epoch, batch = parts.Options.StartEpoch is null ? state.Batch : 0;
        if (batch > parts.TrainingLoader.BatchesPerEpoch || (batch > 0 && state.TrainingImages != parts.TrainingSet.Count))
        {
            throw new DatasetException($"{parts.TrainingSet.Name} has {Quantity.Of(parts.TrainingSet.Count, "image")}; "
                + $"the run stopped within an epoch of {state.TrainingImages}. "
                + $"Restore the data, or begin an epoch anew with {TrainOptions.StartEpochOption} {epoch}.");
        }
        if (batch > 0)
            RequireSameBatches(state, parts);
        StateDict.Read(parts.Model, checkpoint.Model);
        foreach (var (stream, calls) in DropoutStream.Of(parts.Model).Zip(state.DropoutCalls))
            stream.Calls = calls;
        // Between epochs the schedule continues at the epoch, however long epochs are now.
        parts.Step.Progress = batch > 0
            ? state.Progress
            : state.Progress with { Updates = (long)epoch * parts.UpdatesPerEpoch, IsWindowOpen = false };
        foreach (string missing in StepTensors.Read(parts.Step, checkpoint.StateTensors))
            observer.Message(MessageLevel.Warning, $"The checkpoint has no '{missing}', which therefore starts from zero.");
        if (state.Ranks == parts.World.Size)
            parts.OfRanks(state.AreStatisticsShared).Read(checkpoint.StateTensors);
        var epochs = state.Epochs.Where(e => e.Epoch < epoch).ToArray();
        var metric = parts.Options.EvalMetric;
        string name = TrainOptions.EvalMetricOption.Show(parts.Options);
        string best = metric.Best(epochs) is not { } b ? ""
            : FormattableString.Invariant($"; best {name} {metric.Of(b.Validation):F4} in epoch {b.Epoch + 1}");
        observer.Message(MessageLevel.Info, $"Continuing from '{checkpoint.Path}': epoch {epoch + 1}, "
            + $"batch {batch} of {parts.TrainingLoader.BatchesPerEpoch}, update {parts.Step.Updates}{best}.");
        bool isSameRun = RunFolder.FolderOf(checkpoint.Path) == folder;
        var newest = isSameRun ? CheckpointFolder.NewestPosition(folder, state.Run) : default;
        return new RunPosition
        {
            Run = isSameRun ? state.Run : RunPosition.NewRun(),
            Restarts = !isSameRun ? 0 : (state.Restarts, epoch, batch).CompareTo(newest) < 0 ? newest.Restarts + 1 : state.Restarts,
            Epoch = epoch,
            Batch = batch,
            Sums = batch > 0 ? state.Sums : new EpochSums(),
            AreStatisticsShared = state.AreStatisticsShared && batch > 0,
            LearningRate = state.LastLearningRate,
            Rho = state.LastRho,
            Norms = state.LastNorms,
            Epochs = epochs,
            Kept = state.Kept.Where(k => k.Epoch < epoch).ToArray(),
            Logs = isSameRun ? state.Logs : [],
            Compares = state.Compares,
            Source = checkpoint.Path,
        };
    }

    /// <summary>Refuses to go on within an epoch with other images in a batch of all processes.</summary>
    static void RequireSameBatches(TrainingState state, RunParts parts)
    {
        int ranks = parts.World.Size, mine = parts.Options.BatchSize;
        long before = (long)(int)state.Info.Options[RunOptions.BatchSizeOption.Name]! * state.Ranks;
        if (before == (long)mine * ranks)
            return;
        string advice = before % ranks == 0
            ? $"give {RunOptions.BatchSizeOption} {before / ranks}"
            : $"train with a number of processes that divides {before}";
        throw new OptionException(new OptionProblem(RunOptions.BatchSizeOption.Flag,
            $"the checkpoint lies within an epoch of {before} images an update's batch in "
            + $"{Quantity.Of(state.Ranks, "process", "processes")}, "
            + $"and {Quantity.Of(ranks, "process", "processes")} of {mine} have {(long)mine * ranks}: {advice}, or name an epoch with "
            + $"{TrainOptions.StartEpochOption}."));
    }
}
