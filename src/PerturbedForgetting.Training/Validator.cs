using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Answers;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Evaluation;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Training;

/// <summary>Measures the accuracy of a checkpoint: the work of the command <c>validate</c>.</summary>
public static class Validator
{
    /// <summary>Evaluates once over the split.</summary>
    /// <param name="options">What to evaluate on what.</param>
    /// <param name="observer">Receives the progress.</param>
    /// <param name="token">Ends the evaluation.</param>
    /// <param name="given">The options that a person gave; without this set, those that differ from the defaults. Of the others,
    /// those of the model and of its images come from the checkpoint, and the data too where none are named.</param>
    /// <param name="world">The processes that each measure their part; none is this one alone. All have the result of the whole.</param>
    /// <exception cref="OptionException">An option is wrong.</exception>
    /// <exception cref="CheckpointException">The checkpoint cannot be used.</exception>
    /// <exception cref="DatasetException">The data cannot be used, or has a class that the model does not know.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static ValidationResult Run(ValidateOptions options, ITrainingObserver observer, CancellationToken token,
        IReadOnlySet<OptionSpec>? given = null, World? world = null)
    {
        options.RequireValid();
        return RunChecked(options, observer, token, given, world);
    }

    /// <summary>The same with options that <see cref="RunOptions.RequireValid"/> has seen.</summary>
    internal static ValidationResult RunChecked(
        ValidateOptions options, ITrainingObserver observer, CancellationToken token, IReadOnlySet<OptionSpec>? given, World? world = null)
    {
        world ??= World.Alone;
        Cpu.Threads = options.Threads > 0 ? options.Threads : ProcessDevice.ThreadsOf(world);
        using var checkpoint = ModelCheckpoint<ValidateOptions>.Open(options, given);
        return Evaluate(checkpoint, world.IsFirst ? observer : NullObserver.Instance, token, world);
    }

    static ValidationResult Evaluate(ModelCheckpoint<ValidateOptions> checkpoint, ITrainingObserver observer, CancellationToken token,
        World world)
    {
        var options = checkpoint.Options;
        options.RequireData();
        EvaluationRecords.Require(options, world);
        using var data = Data.OpenEvaluated(options, checkpoint.Classes, checkpoint.Training, observer, token);
        foreach (string note in data.Notes)
            observer.Message(MessageLevel.Warning, note);
        int numClasses = checkpoint.NumClasses ?? data.Classes.Count;
        data.CheckLabels(numClasses);
        using var loaded = LoadedModel.Create(checkpoint, numClasses, data.Count, observer, world);
        var images = loaded.Images;
        observer.Message(MessageLevel.Info,
            FormattableString.Invariant($"Data: {data.Name}, {Quantity.Of(data.Count, "image")}; ")
                + FormattableString.Invariant($"{Quantity.Of(data.Classes.Count, "class", "classes")}, hash {data.Classes.Hash}; ")
                + FormattableString.Invariant($"{ImageSetup.Describe(images.EvaluationTransform)}"));
        var comparison = new EvaluationComparison(checkpoint, images);
        comparison.Announce(observer);
        using var loader = Data.Loader(data, images.EvaluationTransform, LoaderOptions.Evaluation(options.BatchSize, options.Workers),
            options, loaded.Device, world);
        Agreement.RequireData(world, data);
        Agreement.RequireModel(world, loaded.Model);
        using var group = world.Use(loaded.Device);
        var evaluator = new Evaluator(
            loaded.Model, loader, images.Normalization, numClasses, options.LogFreq, Losses.Training(options), world);
        var metrics = EvaluationRecords.AreAsked(options)
            ? new EvaluationRecords(options, data, new ClassNames(checkpoint.Classes ?? data.Classes), numClasses,
                Predictor.ClassScoresOf(checkpoint, observer)).Write(Measure, observer)
            : Measure(null);
        foreach (AccuracyScore score in evaluator.Scores)
            observer.Message(MessageLevel.Info, FormattableString.Invariant(
                $"{score.Title}: top-1 {score.Top1:F4} %, top-5 {score.Top5:F4} % of {Quantity.Of(score.Images, "image")}"));
        comparison.Conclude(metrics, data.Count, loaded.Device, observer);
        foreach (var bad in loader.Skipped.Concat(loader.Filled).Concat(loader.Damaged))
            observer.Message(MessageLevel.Warning, $"{bad.Path}: {bad.Reason}");
        return new(options.Model, metrics, loaded.Model.NamedParameters().Sum(p => p.Parameter.Count), images.Size, images.CropPct,
            ImageSetup.Name(images.Interpolation), evaluator.Scores);

        EvaluationMetrics Measure(Action<InputBatch, float[]>? answered) => evaluator.Run(observer, token, answered)
            ?? throw new OperationCanceledException("The evaluation was interrupted; there is no result.", token);
    }
}
