using System.Diagnostics;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Evaluation;
using PerturbedForgetting.Training.Logs;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Training;

/// <summary>Trains a model from options to results: the work of the command <c>train</c>.</summary>
/// <example><code>
/// var options = new TrainOptions { Dataset = "builtin/shapes", Model = "resnet20", ImgSize = 32, Epochs = 2, Lr = 0.1 };
/// options.Opt = new(PerturbationKind.Sam, UpdateRule.SgdW);
/// var result = Trainer.Run(options, NullObserver.Instance, CancellationToken.None);
/// Console.WriteLine(result.Json);
/// </code></example>
public static class Trainer
{
    /// <summary>Runs to the end, or until cancelled: then the batch at hand is finished and a checkpoint written.</summary>
    /// <param name="options">What to train.</param>
    /// <param name="observer">Receives what happens.</param>
    /// <param name="token">Ends the run after the batch at hand.</param>
    /// <param name="given">
    /// The options that a person gave. On a resume the others come from the checkpoint; and on <c>builtin/shapes</c>, when no optimiser is
    /// among them, a plain baseline and standard SAM are trained as well, for comparison. Without this set all options are meant as they
    /// are.
    /// </param>
    /// <param name="world">The processes that train together; none is this one alone. All of them call with the same options.</param>
    /// <exception cref="CommunicationException">Another process of the world is gone.</exception>
    /// <exception cref="OptionException">An option is wrong, or cannot change on a resume.</exception>
    /// <exception cref="DatasetException">The data cannot be used.</exception>
    /// <exception cref="CheckpointException">The checkpoint cannot be used.</exception>
    /// <exception cref="NotFiniteException">A loss or gradient is not finite and <c>--on-nan</c> is <c>stop</c>.</exception>
    /// <exception cref="IOException">A result cannot be written; what was there is unchanged.</exception>
    public static TrainResult Run(TrainOptions options, ITrainingObserver observer, CancellationToken token,
        IReadOnlySet<OptionSpec>? given = null, World? world = null)
    {
        world ??= World.Alone;
        try
        {
            using var stopping = world.Size > 1 ? token.Register(world.RequestStop) : default;
            return RunTogether(options, world.IsFirst ? observer : NullObserver.Instance, token, given, world);
        }
        catch (Exception e) when (Leave(world, e))
        {
            throw;
        }
    }

    /// <summary>Tells the others, before anything is disposed that would wait for them.</summary>
    static bool Leave(World world, Exception exception)
    {
        // These all find together.
        if (exception is not (CommunicationException or DisagreementException or NotFiniteException))
            world.Leave(exception.Message);
        return false;
    }

    static TrainResult RunTogether(TrainOptions options, ITrainingObserver observer, CancellationToken token,
        IReadOnlySet<OptionSpec>? given, World world)
    {
        var run = Train(options, observer, token, given, world);
        if (run.Result.Status != TrainStatus.Completed || run.Result.Bias is null)
            return run.Result;
        observer.Message(MessageLevel.Info, $"{Name(run.Options)}: {run.Result.Bias}");
        return run.Compares ? BaselineComparison.Run(run.Result, run.Options, observer, world, token) : run.Result;
    }

    /// <summary>One run without a comparison.</summary>
    internal static FinishedRun Train(TrainOptions options, ITrainingObserver observer, CancellationToken token,
        IReadOnlySet<OptionSpec>? given, World world, Action<int>? batchDone = null)
    {
        long begun = Stopwatch.GetTimestamp();
        if (TrainOptions.ResumeOption.Check(options).ToArray() is { Length: > 0 } problems)
            throw new OptionException(problems);
        using var continued = world.IsFirst && RunFolder.Continued(options) is { } existing ? RunFolder.Own(existing, observer) : null;
        using var checkpoint = Resume.Find(options, observer, world);
        var settled = checkpoint is null ? options with { } : Resume.Settle(checkpoint, options, given, world.Size, observer);
        settled.WorldSize = world.Size;
        var notes = settled.RequireValid();
        // Those of a run that begins are known before it does.
        foreach (var note in options.Resume.Length > 0 ? notes : [])
            observer.Message(MessageLevel.Warning, note.ToString());
        Cpu.Threads = settled.Threads > 0 ? settled.Threads : ProcessDevice.ThreadsOf(world);
        using var parts = RunParts.Build(
            settled, observer, checkpoint is null ? null : new ClassList(checkpoint.State.Info.Classes), token, world);
        string folder = checkpoint is not null && settled.Experiment.Length == 0
            ? RunFolder.FolderOf(checkpoint.Path)
            : RunFolder.Resolve(settled, parts.Images.Size);
        using var own = continued?.Folder == folder || !world.IsFirst ? null : RunFolder.Own(folder, observer);
        if (world.IsFirst && (checkpoint is null || RunFolder.FolderOf(checkpoint.Path) != folder))
            RunFolder.RequireFresh(folder, settled);
        if (world.IsFirst)
            RunFolder.WriteOptions(folder, settled);
        StartupLog.Write(parts, folder, observer);
        var start = checkpoint is null ? Fresh(parts, given) : Resume.Restore(checkpoint, folder, parts, observer);
        using var logs = world.IsFirst ? RunLogs.Open(parts, folder, start, observer) : null;
        var output = logs is null ? null : new RunOutput(parts, (own ?? continued)!, start, logs, observer);
        var run = new TrainingRun(parts, output, start, observer, token) { Begun = begun, BatchDone = batchDone };
        var status = run.Run();
        logs?.Ended(status == TrainStatus.Completed ? LogEnd.Completed : LogEnd.Interrupted);
        foreach (var bad in parts.BadImages)
            observer.Message(MessageLevel.Warning, $"{bad.Path}: {bad.Reason}");
        var bias = status == TrainStatus.Completed ? BackgroundBias.Measure(parts) : null;
        return new(new(status, folder, run.Epochs, settled.EvalMetric, bias), settled, start.Compares);
    }

    internal static string Name(TrainOptions options) => options.Opt.Perturbs
        ? $"{options.Opt} {TrainOptions.PerturbLossOption} {TrainOptions.PerturbLossOption.Show(options)}"
            + (options.AdaptiveSam ? $" {TrainOptions.AdaptiveSamOption}" : "")
        : options.Opt.ToString();

    static RunPosition Fresh(RunParts parts, IReadOnlySet<OptionSpec>? given)
    {
        int epoch = parts.Options.StartEpoch ?? 0;
        parts.Step.Progress = parts.Step.Progress with { Updates = (long)epoch * parts.UpdatesPerEpoch };
        return new RunPosition
        {
            Run = RunPosition.NewRun(),
            Epoch = epoch,
            Compares = given?.Contains(TrainOptions.OptOption) == false && parts.Options.Opt.Perturbs,
        };
    }

    /// <summary>A run that has ended.</summary>
    /// <param name="Result">What it leaves behind.</param>
    /// <param name="Options">The options it had, those of a checkpoint included.</param>
    /// <param name="Compares">Whether the comparison of the quick start belongs to it.</param>
    internal readonly record struct FinishedRun(TrainResult Result, TrainOptions Options, bool Compares);
}
