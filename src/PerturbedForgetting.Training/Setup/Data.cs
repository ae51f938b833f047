using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;
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
    /// <param name="seed">Of generated sets, where the options have none.</param>
    /// <exception cref="DatasetException">It cannot be opened.</exception>
    public static Dataset Open(RunOptions options, string split, ClassList? classes, int? seed = null) =>
        DatasetFactory.Open(options.Dataset, options.DataDir, split, new DatasetOptions
        {
            ClassOrder = options.ClassOrder == ClassFolderOrder.Natural ? ClassOrder.Natural : ClassOrder.Ordinal,
            ClassMapFile = options.ClassMap,
            LabelsFile = options.Labels,
            Classes = classes,
            Seed = (ulong)((options as TrainOptions)?.Seed ?? seed ?? 42),
        });

    /// <summary>Reads a data set into batches.</summary>
    /// <param name="data">The images.</param>
    /// <param name="transform">What is done with each.</param>
    /// <param name="batches">Size and order of the batches.</param>
    /// <param name="options">How images are decoded, and what happens at bad ones.</param>
    /// <param name="device">Where the batches go.</param>
    public static ImageLoader Loader(Dataset data, ImageTransform transform, LoaderOptions batches, RunOptions options, Device device) =>
        new(data, transform, batches with { Device = device, Decoder = ImageSetup.Decoder(options), BadImages = options.BadImages });
}
