using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Training.Logs;

/// <summary>
/// The logs of a run that other programs follow: those that the options ask for. They get what is read at the log interval anyway, so the
/// device is waited for no oftener. A checkpoint carries their lengths, to which they are cut back where a run continues from it.
/// </summary>
sealed class RunLogs : IDisposable
{
    readonly RunParts parts;
    readonly string folder, run;
    readonly ITrainingObserver observer;
    readonly List<IRunLog> logs = [];
    readonly Tensor? squaredNorm;
    List<LogLength> earlier;
    int images;
    double seconds, waited;
    bool hasEnded;

    RunLogs(RunParts parts, string folder, string run, List<LogLength> earlier, ITrainingObserver observer)
    {
        (this.parts, this.folder, this.run, this.earlier, this.observer) = (parts, folder, run, earlier, observer);
        if (AreAskedFor(parts))
            squaredNorm = Tensor.Persistent([1], DType.Float64, parts.Device);
    }

    TrainOptions Options => parts.Options;

    bool WritesEvents => Options.LogTensorboard || Options.LogWandb;

    /// <summary>Whether the options ask for any. A device that executes nothing has no numbers for them.</summary>
    public static bool AreAskedFor(RunParts parts) =>
        parts.Options is var o && (o.LogJson || o.LogTensorboard || o.LogWandb) && !parts.Device.IsCounting;

    /// <summary>Opens the logs that the options ask for, and puts those of earlier starts in order.</summary>
    /// <param name="parts">What is trained.</param>
    /// <param name="folder">Folder of the run.</param>
    /// <param name="start">Where it begins or goes on.</param>
    /// <param name="observer">Hears how to send the run elsewhere.</param>
    /// <exception cref="IOException">One cannot be written.</exception>
    public static RunLogs Open(RunParts parts, string folder, RunPosition start, ITrainingObserver observer)
    {
        var (files, hasCut) = LogFiles.Settle(folder, start.Logs);
        var logs = new RunLogs(parts, folder, start.Run, files, observer);
        if (AreAskedFor(parts))
            logs.Begin(start.Epoch, files.Count > 0, hasCut);
        if (parts.Options.LogWandb)
            observer.Message(MessageLevel.Info, $"{TrainOptions.LogWandbOption} sends nothing itself. When the run has ended, this command "
                + $"of Weights & Biases sends it: {WandbSync.Command(folder)}");
        return logs;
    }

    bool AreOpen => logs.Count > 0;

    /// <summary>An update whose numbers have been read.</summary>
    /// <param name="update">What observers are told.</param>
    /// <param name="report">Numbers of its last batch.</param>
    /// <param name="averages">Averages of the epoch so far.</param>
    /// <param name="isLogged">Whether it lies at the log interval; others add to the speed only.</param>
    /// <exception cref="IOException">A log cannot be written.</exception>
    public void UpdateDone(in UpdateProgress update, in StepReport report, TrainMetrics averages, bool isLogged)
    {
        if (!AreOpen)
            return;
        (images, seconds, waited) = (images + update.Images, seconds + update.StepSeconds, waited + update.DataSeconds);
        if (!isLogged)
            return;
        List<LogScalar> scalars =
        [
            new("loss", report.MeanLoss),
            new("perturb_loss", report.MeanPerturbLoss),
            new("mean_loss", averages.MeanLoss),
            new("mean_perturb_loss", averages.MeanPerturbLoss),
            new("lr", update.LearningRate),
            new("rho", update.Rho),
            new("weight_norm", WeightNorm()),
            new("gradient_norm", report.GradientNorm),
        ];
        if (Options.Opt.Perturbs)
        {
            scalars.Add(new("direction_norm", report.DirectionNorm));
            scalars.Add(new("perturbation_norm", report.PerturbationNorm));
            scalars.Add(new("cosine", report.Cosine));
        }
        scalars.Add(new("images_per_second", images / seconds));
        scalars.Add(new("data_share", waited / seconds));
        scalars.Add(new("skipped_updates", update.SkippedUpdates));
        (images, seconds, waited) = (0, 0, 0);
        Add(new(LogPointKind.Update, DateTimeOffset.UtcNow, parts.Step.Updates, update.Epoch,
            update.Epoch + ((double)update.Update / update.UpdatesPerEpoch), scalars));
    }

    /// <summary>An epoch that is trained and evaluated. It comes before the checkpoint that says so.</summary>
    /// <exception cref="IOException">A log cannot be written.</exception>
    public void EpochEnded(EpochRecord epoch)
    {
        if (AreOpen)
            Add(new(LogPointKind.Epoch, DateTimeOffset.UtcNow, parts.Step.Updates, epoch.Epoch, epoch.Epoch + 1,
                [.. EpochColumns.Always.Select(c => new LogScalar(c.Name, c.Value(epoch)!.Value))]));
    }

    /// <summary>Brings the logs to the disk.</summary>
    /// <returns>The lengths of all that the run has.</returns>
    /// <exception cref="IOException">One cannot be written.</exception>
    public IReadOnlyList<LogLength> Flush() => [.. earlier, .. logs.Select(static l => new LogLength(l.Name, l.Flush()))];

    /// <summary>The folder was removed and is there again: what was logged is lost, what comes goes into new files.</summary>
    /// <param name="epoch">The epoch at hand.</param>
    /// <exception cref="IOException">One cannot be written.</exception>
    public void Renew(int epoch)
    {
        bool wereOpen = AreOpen;
        Close();
        earlier = [];
        if (wereOpen)
            Begin(epoch, isContinued: false, hasCut: false);
    }

    /// <summary>The start is over.</summary>
    /// <exception cref="IOException">A log cannot be written.</exception>
    public void Ended(LogEnd end)
    {
        hasEnded = true;
        End(end);
        if (Options.LogWandb)
            observer.Message(MessageLevel.Info, $"To send the run to Weights & Biases: {WandbSync.Command(folder)}");
    }

    /// <summary>Closes the files. A start that nobody has ended failed.</summary>
    public void Dispose()
    {
        try
        {
            if (!hasEnded)
                End(LogEnd.Failed);
        }
        // What ended the run is the error to report.
        catch (IOException)
        {
        }
        Close();
        squaredNorm?.Dispose();
    }

    void Begin(int epoch, bool isContinued, bool hasCut)
    {
        var now = DateTimeOffset.UtcNow;
        if (Options.LogJson)
        {
            earlier.RemoveAll(static f => f.Name == JsonLinesLog.FileName);
            logs.Add(new JsonLinesLog(folder));
        }
        if (WritesEvents)
            logs.Add(new EventFileLog(folder, now));
        var start = new LogStart(now, run, Options, parts.Step.Updates, epoch, parts.UpdatesPerEpoch,
            parts.Arena.Segments.Sum(static s => (long)s.Count), parts.Device.ToString(), isContinued, hasCut);
        foreach (var log in logs)
            log.Started(start);
    }

    void Add(in LogPoint point)
    {
        foreach (var log in logs)
            log.Add(point);
    }

    void End(LogEnd end)
    {
        foreach (var log in logs)
            log.Ended(end, DateTimeOffset.UtcNow);
    }

    void Close()
    {
        foreach (var log in logs)
            log.Dispose();
        logs.Clear();
    }

    double WeightNorm()
    {
        using var scope = Scope.Begin();
        MultiTensorOps.SquaredNorm(parts.Optimizer.Layout, parts.Arena.Weights, Weighting.None, squaredNorm!);
        return Math.Sqrt(squaredNorm!.Item());
    }
}
