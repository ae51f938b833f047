using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Evaluation;
using PerturbedForgetting.Training.Options;
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
    /// <exception cref="OptionException">An option is wrong, or cannot change on a resume.</exception>
    /// <exception cref="DatasetException">The data cannot be used.</exception>
    /// <exception cref="Checkpoints.CheckpointException">The checkpoint cannot be used.</exception>
    /// <exception cref="NotFiniteException">A loss or gradient is not finite and <c>--on-nan</c> is <c>stop</c>.</exception>
    /// <exception cref="IOException">A result cannot be written; what was there is unchanged.</exception>
    public static TrainResult Run(TrainOptions options, ITrainingObserver observer, CancellationToken token,
        IReadOnlySet<OptionSpec>? given = null)
    {
        options.RequireValid();
        return RunChecked(options, observer, token, given);
    }

    /// <summary>The same with options that <see cref="RunOptions.RequireValid"/> has seen.</summary>
    internal static TrainResult RunChecked(
        TrainOptions options, ITrainingObserver observer, CancellationToken token, IReadOnlySet<OptionSpec>? given)
    {
        Cpu.Threads = options.Threads > 0 ? options.Threads : Environment.ProcessorCount;
        var result = Train(options, null, observer, token, given, out var settled);
        if (result.Status != TrainStatus.Completed || result.Bias is null)
            return result;
        observer.Message(MessageLevel.Info, $"{Name(settled)}: {result.Bias}");
        bool compares = given is not null && settled.Opt.Perturbs && !given.Contains(TrainOptions.OptOption);
        return compares ? BaselineComparison.Run(result, settled, observer, token) : result;
    }

    /// <summary>One run without a comparison.</summary>
    internal static TrainResult Train(TrainOptions options, string? folder, ITrainingObserver observer, CancellationToken token,
        IReadOnlySet<OptionSpec>? given,
        out TrainOptions settled, Action<int>? batchDone = null)
    {
        using var checkpoint = Resume.Find(options, observer);
        settled = checkpoint is null ? options : Resume.Settle(checkpoint, options, given, observer);
        using var parts = RunParts.Build(settled, observer, checkpoint is null ? null : new ClassList(checkpoint.State.Info.Classes));
        folder ??= checkpoint is not null && settled.Experiment.Length == 0
            ? Path.GetDirectoryName(Path.GetFullPath(checkpoint.Path))!
            : RunFolder.Resolve(settled, parts.Images.Size);
        if (checkpoint is null)
            RunFolder.RequireFresh(folder, settled);
        RunFolder.WriteOptions(folder, settled);
        StartupLog.Write(parts, folder, observer);
        var start = checkpoint is null ? Fresh(parts) : Resume.Restore(checkpoint, parts, observer);
        var run = new TrainingRun(parts, folder, start, observer, token) { BatchDone = batchDone };
        var status = run.Run();
        foreach (var bad in parts.BadImages)
            observer.Message(MessageLevel.Warning, $"{bad.Path}: {bad.Reason}");
        var bias = status == TrainStatus.Completed ? BackgroundBias.Measure(parts) : null;
        return new(status, folder, run.Epochs, settled.EvalMetric, bias);
    }

    internal static string Name(TrainOptions options) => options.Opt.Perturbs
        ? $"{options.Opt} {TrainOptions.PerturbLossOption} {TrainOptions.PerturbLossOption.Show(options)}"
            + (options.AdaptiveSam ? $" {TrainOptions.AdaptiveSamOption}" : "")
        : options.Opt.ToString();

    static RunPosition Fresh(RunParts parts)
    {
        int epoch = parts.Options.StartEpoch ?? 0;
        parts.Step.Progress = parts.Step.Progress with { Updates = (long)epoch * parts.UpdatesPerEpoch };
        return new RunPosition { Epoch = epoch };
    }
}
