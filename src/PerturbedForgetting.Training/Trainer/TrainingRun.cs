using System.Diagnostics;
using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Profiling;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Evaluation;
using PerturbedForgetting.Training.Logs;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Profiling;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Training;

/// <summary>The epochs of a run: training, evaluation, reports and checkpoints, from any position.</summary>
/// <param name="parts">What is trained on what.</param>
/// <param name="output">What it leaves in its folder; none in all of several processes but the first.</param>
/// <param name="start">Where it begins.</param>
/// <param name="observer">Receives what happens.</param>
/// <param name="token">Ends the run after the batch at hand, if this process is alone; several agree through their world.</param>
sealed class TrainingRun(RunParts parts, RunOutput? output, RunPosition start, ITrainingObserver observer, CancellationToken token)
{
    readonly TrainOptions options = parts.Options;
    readonly World world = parts.World;
    readonly EvalMetric metric = parts.Options.EvalMetric;
    readonly Evaluator evaluator = Evaluator.Of(parts);
    readonly List<EpochRecord> epochs = [.. start.Epochs];
    readonly StepProfiler? profiler = parts.Options.Profile > 0 && output is not null
        ? new(parts.Device, parts.World.Communicator, parts.Options.Profile, () => parts.Step.UsesGraphs, parts.Options.RooflineOfCard,
            output.Folder, observer)
        : null;
    int epoch = start.Epoch, batch = start.Batch, notesTold = parts.Device.Notes.Count;
    // Several processes ask each other no oftener than somebody wants to know.
    readonly bool readsEveryBatch = (!parts.Device.IsAsynchronous && parts.World.Size == 1) || parts.Options.SynchronizeStep;
    EpochMeters meters = new(parts.Step, parts.World, start.Sums);
    long updatesRead = parts.Step.Updates, positions;
    CommunicationTimes communication;
    bool areStatisticsShared = start.AreStatisticsShared;
    double lastRate = start.LearningRate, lastRho = start.Rho;
    UpdateNorms? lastNorms = parts.Options.LogNorms ? start.Norms : null;

    /// <summary>Whether weights and counters are those of a finished batch, so that a checkpoint can be made of them.</summary>
    bool isWhole = true;

    bool hasStepped;

    /// <summary>What the weights reached on the validation split; null once they have changed.</summary>
    EvaluationMetrics? measured;

    /// <summary>All finished epochs.</summary>
    public IReadOnlyList<EpochRecord> Epochs => epochs;

    /// <summary>When the program began with the run, in ticks of <see cref="Stopwatch"/>.</summary>
    public required long Begun { get; init; }

    /// <summary>Called after each batch, also within a window of accumulation, where observers hear nothing.</summary>
    public Action<int>? BatchDone { get; init; }

    /// <summary>Trains to the end or until told to stop.</summary>
    /// <exception cref="NotFiniteException">A loss or gradient is not finite and <c>--on-nan</c> is <c>stop</c>.</exception>
    /// <exception cref="IOException">A result cannot be written.</exception>
    /// <exception cref="DeviceException">The device failed; the message names the last checkpoint.</exception>
    public TrainStatus Run()
    {
        using var recording = profiler;
        try
        {
            return RunEpochs();
        }
        catch (Exception e) when (isWhole && world.Size == 1 && e is not NotFiniteException && !DeviceException.IsDeviceFailure(e))
        {
            KeepWhatIsDone();
            throw;
        }
        catch (Exception e) when (DeviceException.IsDeviceFailure(e))
        {
            throw new DeviceException(string.Create(CultureInfo.InvariantCulture,
                $"{e.Message} This was in epoch {epoch + 1} after batch {batch} of {parts.TrainingLoader.BatchesPerEpoch}.")
                + LastCheckpoint, e);
        }
        catch (CommunicationException e) when (output is not null)
        {
            throw new CommunicationException(e.Message + LastCheckpoint, e);
        }
    }

    /// <summary>Where to go on from; the first of several processes knows.</summary>
    string LastCheckpoint => output is null ? ""
        : output.LastSaved is { } saved
            ? $" The last checkpoint is '{saved}'; continue with {TrainOptions.ResumeOption} \"{saved}\"."
            : " No checkpoint had been written yet.";

    /// <summary>Asked before each update, and before each batch of an evaluation.</summary>
    bool MayGoOn() => world.Size == 1 ? !token.IsCancellationRequested : world.MayBegin(positions++);

    TrainStatus RunEpochs()
    {
        parts.Model.Train();
        // A kill may have come between the checkpoint of an epoch and its row.
        if (epochs.Count > 0)
            output?.WriteTables(epochs);
        while (epoch < options.Epochs)
        {
            bool isTrained = TrainEpoch();
            if (parts.Device.IsCounting && profiler is { IsDone: true })
                return TrainStatus.Counted;
            if (isTrained && FinishEpoch())
                continue;
            SavePosition();
            output?.DrawCurves(epochs);
            return TrainStatus.Interrupted;
        }
        output?.DrawCurves(epochs);
        return TrainStatus.Completed;
    }

    void SavePosition()
    {
        Read(lastRate);
        Keep(static (checkpoints, save) => checkpoints.Interrupted(save), epoch, batch, meters.Sums);
        if (output is not null)
            observer.Message(MessageLevel.Info, $"Stopped in epoch {epoch + 1} after batch {batch} of "
                + $"{parts.TrainingLoader.BatchesPerEpoch}. Continue with {TrainOptions.ResumeOption} \"{output.Checkpoints.LastPath}\".");
    }

    /// <summary>Saves the position of a run that something else than its training ends. What ended it is the error to report.</summary>
    void KeepWhatIsDone()
    {
        try
        {
            SavePosition();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotFiniteException or CheckpointException
            || DeviceException.IsDeviceFailure(e))
        {
        }
    }

    /// <returns>False when told to stop before the evaluation.</returns>
    bool TrainEpoch()
    {
        var loader = parts.TrainingLoader;
        int batches = loader.BatchesPerEpoch;
        observer.EpochStarted(new(epoch, options.Epochs, batch / options.GradAccumSteps, parts.UpdatesPerEpoch, loader.ImagesOfAll));
        parts.Device.ResetPeak();
        var clock = new UpdateClock(loader);
        if (batch < batches)
        {
            profiler?.Advance(batch, batches, isFirst: true);
            foreach (var images in parts.Input.Epoch(loader, epoch, batch, world.Size == 1 ? token : default))
            {
                bool mayStop = world.Size == 1 || images.Number % options.GradAccumSteps == 0;
                if (mayStop && !MayGoOn())
                    return false;
                using (Ranges.Push(RangeKind.Step, "step"))
                    TrainBatch(images, batches, clock);
                TellNotes();
                profiler?.Advance(batch, batches, isFirst: false);
                if (parts.Device.IsCounting && profiler is { IsDone: true })
                    return false;
                BatchDone?.Invoke(batch);
                if (IsRecoveryDue(batch, batches))
                    Keep((checkpoints, save) => checkpoints.Recover(epoch, batch / options.GradAccumSteps, save), epoch, batch,
                        meters.Sums, isRecovery: true);
            }
        }
        return world.Size > 1 || !token.IsCancellationRequested;
    }

    /// <summary>Passes on what the device has to say since the last time.</summary>
    void TellNotes()
    {
        for (; notesTold < parts.Device.Notes.Count; notesTold++)
            observer.Message(MessageLevel.Warning, parts.Device.Notes[notesTold]);
    }

    bool IsRecoveryDue(int done, int batches) =>
        options.RecoveryInterval > 0 && done < batches && done % options.GradAccumSteps == 0
        && done / options.GradAccumSteps % options.RecoveryInterval == 0;

    void TrainBatch(InputBatch images, int batches, UpdateClock clock)
    {
        var step = parts.Step;
        double rate = step.LearningRate, rho = step.Rho;
        step.RunsEagerly = profiler is { IsRecording: true };
        bool isUpdate = UpdateWindow.At(images.Number, batches, options.GradAccumSteps).IsLast;
        int update = (images.Number / options.GradAccumSteps) + 1;
        bool isLogged = isUpdate && (update % options.LogInterval == 0 || update == parts.UpdatesPerEpoch);
        // In the first step, too, so that memory which is too small for it shows at once.
        step.Diagnostics = options.LogNorms || (RunLogs.AreAskedFor(parts) && (isLogged || !hasStepped));
        (isWhole, measured, areStatisticsShared) = (false, null, false);
        long started = Stopwatch.GetTimestamp();
        using (Scope.Begin())
            step.Batch(images.Images, images.Labels, images.Number, batches);
        if (!hasStepped)
            TellFirstStep(started);
        (isWhole, batch) = (true, images.Number + 1);
        meters.Count(images.Count, clock.Batch(images.Count));
        if (isUpdate)
            (lastRate, lastRho) = (rate, rho);
        // A device that works on its own is asked no oftener than somebody wants to know.
        bool isDue = isLogged || (isUpdate && IsRecoveryDue(images.Number + 1, batches));
        if (!isDue && !readsEveryBatch)
            return;
        long updates = step.Updates - updatesRead;
        var report = Read(rate);
        // Waiting is part of the batches it waits for; after the last of an epoch no other would count it.
        meters.Count(0, clock.Batch(0));
        if (!isUpdate)
            return;
        if (options.LogNorms)
            lastNorms = new(options.Opt.Perturbs ? report.PerturbationNorm : 0, report.GradientNorm);
        var (count, seconds, waited) = clock.Update();
        var averages = meters.Averages;
        var progress = new UpdateProgress(epoch, update, parts.UpdatesPerEpoch, count * world.Size, report.Loss, report.PerturbLoss,
            averages.Loss, averages.PerturbLoss, rate, rho, report.GradientNorm, seconds, waited, meters.Sums.Skipped, (int)updates,
            lastNorms);
        observer.UpdateDone(progress);
        output?.Logs.UpdateDone(progress, report, averages, isLogged);
    }

    /// <summary>Says how long a person has waited for the first step: a GPU's driver compiles the kernels in it.</summary>
    void TellFirstStep(long started)
    {
        hasStepped = true;
        parts.Device.Synchronize();
        double before = Stopwatch.GetElapsedTime(Begun, started).TotalSeconds, inside = Stopwatch.GetElapsedTime(started).TotalSeconds;
        observer.Message(MessageLevel.Info, string.Create(CultureInfo.InvariantCulture,
            $"First step after {before + inside:F1} s: {before:F1} s to open data, model and device, {inside:F1} s in the step itself")
            + (parts.Device.IsAsynchronous ? ", with the compiling of kernels by the driver, which keeps them for the next run" : ""));
    }

    /// <summary>Brings the meters up to date; waits for the device.</summary>
    /// <exception cref="NotFiniteException">Something was not finite since the last time, and <c>--on-nan</c> is <c>stop</c>.</exception>
    StepReport Read(double rate)
    {
        var report = parts.Step.Report().Over(world);
        if (meters.Read() && options.OnNan == NotFiniteAction.Stop)
            throw NotFinite(report, rate);
        updatesRead = parts.Step.Updates;
        return report;
    }

    /// <returns>False when told to stop during the evaluation.</returns>
    bool FinishEpoch()
    {
        long started = Stopwatch.GetTimestamp();
        var sums = meters.Sums;
        if (sums.Skipped >= parts.UpdatesPerEpoch)
            throw NothingLearnt();
        ShareStatistics();
        if (evaluator.Run(observer, world.Size == 1 ? token : default, mayGoOn: world.Size == 1 ? null : MayGoOn) is not { } validation)
            return false;
        TellNotes();
        var record = new EpochRecord
        {
            Epoch = epoch,
            LearningRate = lastRate,
            Rho = lastRho,
            Train = meters.Averages,
            Norms = lastNorms,
            Validation = validation,
            Seconds = sums.Seconds + Stopwatch.GetElapsedTime(started).TotalSeconds,
            ImagesPerSecond = sums.Images / sums.Seconds,
            PeakBytes = parts.Device.Memory.Peak,
            SkippedUpdates = sums.Skipped,
        };
        epochs.Add(record);
        measured = validation;
        output?.Logs.EpochEnded(record);
        Keep((checkpoints, save) => checkpoints.EpochEnded(epochs, save), epoch + 1, 0, new EpochSums());
        (epoch, batch, meters) = (epoch + 1, 0, new(parts.Step, world, new EpochSums()));
        output?.WriteTables(epochs);
        TellCommunication(sums.Seconds);
        if (SkipLog.Line(sums.Skipped, parts.TrainingLoader.TakeBadImageCounts().Over(world),
            parts.ValidationLoader.TakeBadImageCounts().Over(world)) is { } left)
            observer.Message(MessageLevel.Warning, left);
        observer.EpochEnded(new(record.Epoch, options.Epochs, record.Train.MeanLoss, record.Train.PerturbLoss, validation.Loss,
            validation.Top1, validation.Top5, record.LearningRate, record.Seconds, record.ImagesPerSecond, metric.Best(epochs) == record));
        return true;
    }

    /// <summary>Says what the sums over several processes have cost since the last time.</summary>
    void TellCommunication(double seconds)
    {
        if (world.Size == 1 || output is null)
            return;
        var times = world.Communicator.Times;
        var spent = times - communication;
        communication = times;
        observer.Message(MessageLevel.Info, $"Communication in this epoch: {spent.Describe(seconds)}");
    }

    /// <summary>Makes the running statistics of several processes the same, as <c>--dist-bn</c> says, before they are evaluated.</summary>
    void ShareStatistics()
    {
        if (world.Size == 1 || areStatisticsShared || options.DistBn == DistBn.None || parts.Arena.Buffers is not { } buffers)
            return;
        // Those are the floating-point ones; a batch norm counts its batches in int64.
        foreach (var statistics in buffers.ByType(buffers.Values).Where(static b => b.DType.IsFloating()))
        {
            if (options.DistBn == DistBn.Reduce)
                world.Communicator.AllReduce(statistics, ReduceOperation.Mean);
            else
                world.Communicator.Broadcast(statistics, 0);
        }
        areStatisticsShared = true;
    }

    /// <summary>Makes a checkpoint; the first of several processes writes it, the others send what they have of their own.</summary>
    void Keep(Action<CheckpointFolder, SaveCheckpoint> place, int nextEpoch, int nextBatch, EpochSums sums, bool isRecovery = false)
    {
        if (output is null)
            parts.OfRanks(areStatisticsShared).Send();
        else
            place(output.Checkpoints, (path, kept) => output.Save(path, State(kept, nextEpoch, nextBatch, sums), epoch, batch, isRecovery));
    }

    TrainingState State(IReadOnlyList<KeptEpoch> kept, int nextEpoch, int nextBatch, EpochSums sums) => new()
    {
        Format = TrainingState.CurrentFormat,
        Written = DateTimeOffset.UtcNow,
        Run = start.Run,
        Restarts = start.Restarts,
        Compares = start.Compares,
        Epoch = nextEpoch,
        Batch = nextBatch,
        Progress = parts.Step.Progress,
        DropoutCalls = DropoutStream.Of(parts.Model).Select(d => d.Calls).ToArray(),
        TrainingImages = parts.TrainingSet.Count,
        Ranks = world.Size,
        AreStatisticsShared = areStatisticsShared,
        Sums = sums,
        LastLearningRate = lastRate,
        LastRho = lastRho,
        LastNorms = lastNorms,
        Epochs = epochs.ToArray(),
        Kept = kept,
        Info = new ModelInfo
        {
            Model = options.Model,
            Classes = parts.TrainingSet.Classes.Names,
            Options = OptionsJson.Object(options),
            Images = parts.Images.Preparation(options),
            Evaluation = measured is null ? null
                : new() { Metrics = measured, Images = parts.ValidationSet.Count, Device = parts.Device.ToString() },
        },
    };

    NotFiniteException NotFinite(in StepReport report, double rate) => new(string.Create(CultureInfo.InvariantCulture,
        $"{NotFiniteSince(report)}the loss "
        + $"is {report.Loss} in epoch {epoch + 1} at update {parts.Step.Updates} "
        + $"(learning rate {rate:G6}, gradient norm {report.GradientNorm:G6}); training on would produce nonsense. ")
        + $"{LastGood()}{Advice}, or {TrainOptions.OnNanOption} skip to leave such updates out.");

    static readonly string Advice = $"Use a smaller {TrainOptions.LrOption}, a longer warm-up, {TrainOptions.ClipGradOption} 1";

    string LastGood() =>
        output?.LastSaved is { } saved ? $"The last good checkpoint is '{saved}'. " : "No checkpoint had been written yet. ";

    NotFiniteException NothingLearnt() => new($"every update of epoch {epoch + 1} was left out, because a loss or gradient was not finite; "
        + "the run would go on without learning. " + LastGood() + Advice + ".");

    /// <summary>What was wrong, where the numbers of the last update need not show it.</summary>
    string NotFiniteSince(in StepReport report) =>
        parts.Step.Updates - updatesRead > 1 ? $"a loss, gradient or running statistic was not finite after update {updatesRead}, and "
        : double.IsFinite(report.Loss) && double.IsFinite(report.GradientNorm) ? "a running statistic of batch norm is not finite, and "
        : "";
}
