using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;
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
            Classes = classes,
            Seed = (ulong)((options as TrainOptions)?.Seed ?? seed ?? 42),
            Progress = progress => observer.Message(MessageLevel.Info, Describe(progress)),
            Stop = token,
        });

    /// <summary>Reads a data set into batches.</summary>
    /// <param name="data">The images.</param>
    /// <param name="transform">What is done with each.</param>
    /// <param name="batches">Size and order of the batches.</param>
    /// <param name="options">How images are decoded, and what happens at bad ones.</param>
    /// <param name="device">Where the batches go.</param>
    public static ImageLoader Loader(Dataset data, ImageTransform transform, LoaderOptions batches, RunOptions options, Device device) =>
        new(data, transform, batches with { Device = device, Decoder = ImageSetup.Decoder(options), BadImages = options.BadImages });

    static string Describe(DatasetProgress progress) => string.Create(CultureInfo.InvariantCulture,
        $"{progress.Task}: {progress.Done / 1e9:0.0} of {progress.Total / 1e9:0.0} GB "
            + $"({100.0 * progress.Done / Math.Max(progress.Total, 1):0} %)");
}
