using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Vision.Models;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Training.Setup;

/// <summary>A model with the weights of a checkpoint, on its device, and how images reach it: what validation, predictions, features and
/// conversion begin with.</summary>
sealed class LoadedModel : IDisposable
{
    LoadedModel(ImageModel model, Device device, ImageSetup images) => (Model, Device, Images) = (model, device, images);

    /// <summary>The model.</summary>
    public ImageModel Model { get; }

    /// <summary>Where it runs.</summary>
    public Device Device { get; }

    /// <summary>How images are prepared for it.</summary>
    public ImageSetup Images { get; }

    /// <summary>Makes the model that a checkpoint is of, and loads it.</summary>
    /// <param name="checkpoint">The checkpoint with its options.</param>
    /// <param name="numClasses">Classes of the model.</param>
    /// <param name="count">Images that it will see; a batch has no more.</param>
    /// <param name="observer">Hears which model it is, and whatever a person should know of it.</param>
    /// <param name="world">The processes of which each takes a device of its own; none is this one alone.</param>
    /// <exception cref="OptionException">The model does not fit into memory, or an option is wrong.</exception>
    /// <exception cref="CheckpointException">The head has another number of classes.</exception>
    /// <exception cref="PretrainedException">The file does not belong to this model.</exception>
    /// <exception cref="DeviceException">The device is not there.</exception>
    public static LoadedModel Create<TOptions>(ModelCheckpoint<TOptions> checkpoint, int numClasses, int count, ITrainingObserver observer,
        World? world = null)
        where TOptions : CheckpointOptions, new()
    {
        var options = checkpoint.Options;
        if (checkpoint.Path is null)
        {
            observer.Message(MessageLevel.Warning,
                $"Without {CheckpointOptions.CheckpointOption} the model has random weights; what it says means nothing.");
        }
        var images = ImageSetup.Resolve(options, ModelRegistry.Find(options.Model).Config, useTestSize: !options.UseTrainSize);
        // Where accuracy is measured, more than the images is compared.
        if (options is not ValidateOptions)
            EvaluationComparison.AnnounceImages(checkpoint, images, observer);
        var device = OpenDevice.From(options, observer, world);
        try
        {
            if (HostMemory.Feeds(device, options))
                MemoryEstimate.OfEvaluation(options, numClasses, count).Require(HostMemory.Find(), options);
            ImageModel model;
            using (Initialization.Begin(42, device))
                model = ModelRegistry.Create(options.Model, ModelSettings.From(options, numClasses));
            if (checkpoint.File is { } weights)
                Load(model, weights, numClasses, observer);
            observer.Message(MessageLevel.Info,
                FormattableString.Invariant($"Model: {options.Model}, {ModelSummary.Of(model).Parameters / 1e6:F2} M parameters, ")
                    + FormattableString.Invariant($"{(checkpoint.Path is { } file ? $"weights of '{file}'" : "random weights")}"));
            return new(model, device, images);
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    static void Load(ImageModel model, WeightsFile weights, int numClasses, ITrainingObserver observer)
    {
        var report = Pretrained.Load(model, weights, Interpolation.Bicubic);
        if (report.Skipped is [var head, ..])
        {
            throw new CheckpointException(weights.Path, $"{report.SkippedBecause}, and '{head}' of the model is for {numClasses}"
                + (Pretrained.ClassesOf(weights) is null ? "; train one first." : $"; give its own with {RunOptions.NumClassesOption}."));
        }
        if (report.LeftOut.Count > 0 || report.Notes.Count > 0 || report.Resized is not null)
            foreach (string statement in report.Statements)
                observer.Message(MessageLevel.Info, $"Weights from '{weights.Path}': {statement}.");
    }

    /// <summary>Frees the device, and with it the model.</summary>
    public void Dispose() => Device.Dispose();
}
