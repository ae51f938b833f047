using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Evaluation;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Models;

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
    /// <exception cref="OptionException">An option is wrong.</exception>
    /// <exception cref="CheckpointException">The checkpoint cannot be used.</exception>
    /// <exception cref="DatasetException">The data cannot be used, or has a class that the model does not know.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static ValidationResult Run(ValidateOptions options, ITrainingObserver observer, CancellationToken token,
        IReadOnlySet<OptionSpec>? given = null)
    {
        options.RequireValid();
        return RunChecked(options, observer, token, given);
    }

    /// <summary>The same with options that <see cref="RunOptions.RequireValid"/> has seen.</summary>
    internal static ValidationResult RunChecked(
        ValidateOptions options, ITrainingObserver observer, CancellationToken token, IReadOnlySet<OptionSpec>? given)
    {
        Cpu.Threads = options.Threads > 0 ? options.Threads : Environment.ProcessorCount;
        if (options.Checkpoint.Length == 0)
        {
            observer.Message(MessageLevel.Warning,
                $"Without {ValidateOptions.CheckpointOption} the model has random weights; its accuracy means nothing.");
            return Evaluate(new(options, null, null), null, null, observer, token);
        }
        var (file, info) = CheckpointFiles.OpenModel(options.Checkpoint);
        using (file)
        {
            var trained = info is null ? new(options, null, null) : TrainedOptions.Complete(options, info, given, options.Checkpoint);
            return Evaluate(trained, file, info, observer, token);
        }
    }

    static ValidationResult Evaluate(TrainedOptions<ValidateOptions> trained, SafetensorsFile? file, ModelInfo? info,
        ITrainingObserver observer, CancellationToken token)
    {
        var options = trained.Options;
        options.RequireData();
        var entry = ModelRegistry.Find(options.Model);
        var images = ImageSetup.Resolve(options, entry.Config, useTestSize: !options.UseTrainSize);
        var comparison = new EvaluationComparison(trained, images, info?.Evaluation);
        using var data = Data.Open(options, options.Split, info is null ? null : new ClassList(info.Classes), trained.Run?.Seed);
        foreach (string note in data.Notes)
            observer.Message(MessageLevel.Warning, note);
        int numClasses = options.NumClasses ?? info?.Classes.Count ?? HeadRows(file) ?? data.Classes.Count;
        data.CheckLabels(numClasses);
        ImageModel model;
        using var device = OpenDevice.From(options, observer);
        if (HostMemory.Feeds(device, options))
            MemoryEstimate.OfEvaluation(options, numClasses, data.Count).Require(HostMemory.Find(), options);
        using (Initialization.Begin(42, device))
            model = ModelRegistry.Create(options.Model, ModelSettings.From(options, numClasses));
        if (file is not null && Vision.Models.Pretrained.Load(model, file.Path) is { Skipped: [var head, ..] })
        {
            throw new CheckpointException(file.Path,
                $"'{head}' has another number of classes than {numClasses}; give its own with {RunOptions.NumClassesOption}.");
        }
        foreach (string line in (string[])[
            FormattableString.Invariant($"Model: {options.Model}, {ModelSummary.Of(model).Parameters / 1e6:F2} M parameters, ")
                + FormattableString.Invariant($"{(file is null ? "random weights" : $"weights of '{file.Path}'")}"),
            FormattableString.Invariant($"Data: {data.Name}, {Quantity.Of(data.Count, "image")}; ")
                + FormattableString.Invariant($"{Quantity.Of(data.Classes.Count, "class", "classes")}, hash {data.Classes.Hash}; ")
                + FormattableString.Invariant($"{ImageSetup.Describe(images.EvaluationTransform)}")])
            observer.Message(MessageLevel.Info, line);
        comparison.Announce(observer);
        using var loader = Data.Loader(data, images.EvaluationTransform, LoaderOptions.Evaluation(options.BatchSize, options.Workers),
            options, device);
        var metrics = new Evaluator(model, loader, images.Normalization, numClasses, options.LogFreq, Losses.Training(options))
            .Run(observer, token)
            ?? throw new OperationCanceledException("The evaluation was interrupted; there is no result.", token);
        comparison.Conclude(metrics, data.Count, device, observer);
        foreach (var bad in loader.Skipped.Concat(loader.Filled).Concat(loader.Damaged))
            observer.Message(MessageLevel.Warning, $"{bad.Path}: {bad.Reason}");
        return new(options.Model, metrics, model.NamedParameters().Sum(p => p.Parameter.Count), images.Size, images.CropPct,
            ImageSetup.Name(images.Interpolation));
    }

    /// <summary>Classes of a bare file, by the names that classifiers of the registry have.</summary>
    static int? HeadRows(SafetensorsFile? file)
    {
        foreach (string name in (ReadOnlySpan<string>)["fc.weight", "head.weight"])
            if (file is not null && file.Contains(name) && file.Entry(name).Shape is [> 0 and < int.MaxValue and var rows, _])
                return (int)rows;
        return null;
    }
}
