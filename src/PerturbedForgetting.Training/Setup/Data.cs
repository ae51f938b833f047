using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Training.Setup;

/// <summary>Opens the data sets that options name, and reads them as the options say.</summary>
static class Data
{
    /// <summary>Opens a split.</summary>
    /// <param name="options">Data set, folder, class order and labels.</param>
    /// <param name="split">Its name.</param>
    /// <param name="classes">Classes that labels must follow: those of the training split or of a checkpoint.</param>
    /// <param name="observer">Receives how far a long preparation is.</param>
    /// <param name="token">Ends a long preparation.</param>
    /// <param name="seed">Of generated sets, where the options have none.</param>
    /// <exception cref="DatasetException">It cannot be opened.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static Dataset Open(RunOptions options, string split, ClassList? classes, ITrainingObserver observer, CancellationToken token,
        int? seed = null) =>
        DatasetFactory.Open(options.Dataset, options.DataDir, split, new DatasetOptions
        {
            ClassOrder = options.ClassOrder == ClassFolderOrder.Natural ? ClassOrder.Natural : ClassOrder.Ordinal,
            ClassMapFile = options.ClassMap,
            LabelsFile = options.Labels,
            ImageColumn = options.ImageColumn,
            LabelColumn = options.LabelColumn,
            RealLabelsFile = (options as ValidateOptions)?.RealLabels,
            Classes = classes,
            ReadRetries = options.IoRetries,
            Seed = (ulong)((options as TrainOptions)?.Seed ?? seed ?? 42),
            Progress = progress => observer.Message(MessageLevel.Info, Describe(progress)),
            Stop = token,
        });

    /// <summary>Opens what a run is validated on: a split, or a share of the training images, which it then is not trained on.</summary>
    /// <param name="training">The training split; it is closed with the training set that is returned.</param>
    /// <param name="options">Split, or share and seed.</param>
    /// <param name="observer">Receives how far a long preparation is.</param>
    /// <param name="token">Ends a long preparation.</param>
    /// <exception cref="DatasetException">There is no such split, or no image to hold out.</exception>
    public static (Dataset Training, Dataset Validation) WithValidation(Dataset training, TrainOptions options,
        ITrainingObserver observer, CancellationToken token)
    {
        if (options.ValShare is { } share)
            return HoldOut.Split(training, share, (ulong)options.ValSeed);
        try
        {
            return (training, Open(options, options.ValSplit, training.Classes, observer, token));
        }
        catch (DatasetException e) when (e.WrongOption)
        {
            throw new DatasetException($"there are no images to validate on: {e.Message}. {TrainOptions.ValSplitOption} NAME names the "
                + $"split to validate on; where there is none, {RunOptions.ValShareOption} 0.1 holds out a tenth of the training images.",
                wrongOption: true);
        }
    }

    /// <summary>Opens what an evaluation measures: a split, or what a run with the same share and seed holds out of the training
    /// split.</summary>
    /// <param name="options">Split, share and seed.</param>
    /// <param name="classes">Classes that labels must follow.</param>
    /// <param name="trained">Options of the run that made the model, where they are known.</param>
    /// <param name="observer">Is warned where the images are some that the model was trained on.</param>
    /// <param name="token">Ends a long preparation.</param>
    /// <exception cref="DatasetException">There is no such split, or no image to hold out.</exception>
    public static Dataset OpenEvaluated(ValidateOptions options, ClassList? classes, TrainOptions? trained, ITrainingObserver observer,
        CancellationToken token)
    {
        string own = trained?.ValShare is null ? ""
            : $"The run that made the model held out images of its own: {RunOptions.ValShareOption} "
            + $"{RunOptions.ValShareOption.Show(trained)} "
                + $"{RunOptions.ValSeedOption} {RunOptions.ValSeedOption.Show(trained)} evaluates those.";
        if (options.ValShare is { } share)
        {
            if (trained is not null && (trained.ValShare != share || trained.ValSeed != options.ValSeed))
                observer.Message(MessageLevel.Warning,
                    ($"{RunOptions.ValShareOption} and {RunOptions.ValSeedOption} are not those that the "
                    + $"model was trained with: it has seen images that are evaluated. {own}").TrimEnd());
            string split = options.Split == new ValidateOptions().Split ? new TrainOptions().TrainSplit : options.Split;
            return HoldOut.Split(Open(options, split, classes, observer, token, trained?.Seed), share, (ulong)options.ValSeed).Validation;
        }
        if (trained is not null && options.Split == trained.TrainSplit && !options.ValidateHessian)
            observer.Message(MessageLevel.Warning, ($"Split '{options.Split}' is what the model was trained on, if the data are the same: "
                + $"the accuracy does not tell how it does on new images. {own}").TrimEnd());
        try
        {
            return Open(options, options.Split, classes, observer, token, trained?.Seed);
        }
        catch (DatasetException e) when (e.WrongOption && own.Length > 0)
        {
            throw new DatasetException($"{e.Message}. {own}", wrongOption: true);
        }
    }

    /// <summary>Reads a data set into batches.</summary>
    /// <param name="data">The images.</param>
    /// <param name="transform">What is done with each.</param>
    /// <param name="batches">Size and order of the batches.</param>
    /// <param name="options">How images are decoded, and what happens at bad ones.</param>
    /// <param name="device">Where the batches go.</param>
    /// <param name="world">The processes that share the data set; none is this one alone.</param>
    public static ImageLoader Loader(Dataset data, ImageTransform transform, LoaderOptions batches, RunOptions options, Device device,
        World? world = null) =>
        new(data, transform, batches with
        {
            Device = device,
            Decoder = ImageSetup.Decoder(options),
            BadImages = options.BadImages,
            Rank = world?.Rank ?? 0,
            Ranks = world?.Size ?? 1,
        });

    static string Describe(DatasetProgress progress) => string.Create(CultureInfo.InvariantCulture,
        $"{progress.Task}: {progress.Done / 1e9:0.0} of {progress.Total / 1e9:0.0} GB "
            + $"({100.0 * progress.Done / Math.Max(progress.Total, 1):0} %)");
}
