using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Training.Setup;

/// <summary>Images that a model is shown one after the other, each in its place, whether or not others are bad.</summary>
sealed class ImageInput : IDisposable
{
    readonly Dataset data;
    readonly ForgivingDataset? forgiving;
    readonly ImageLoader loader;
    int named;

    ImageInput(Dataset data, ForgivingDataset? forgiving, ImageLoader loader) =>
        (this.data, this.forgiving, this.loader) = (data, forgiving, loader);

    /// <summary>Delivers the images.</summary>
    public ImageLoader Loader => loader;

    /// <summary>Prepares images for a model.</summary>
    /// <param name="data">The images; the caller disposes them.</param>
    /// <param name="options">Batches, and what happens at a bad image.</param>
    /// <param name="model">The model.</param>
    public static ImageInput Create(Dataset data, RunOptions options, LoadedModel model)
    {
        var forgiving = options.BadImages == BadImagePolicy.Skip ? new ForgivingDataset(data) : null;
        return new(data, forgiving, Data.Loader(forgiving ?? data, model.Images.EvaluationTransform,
            LoaderOptions.Evaluation(options.BatchSize, options.Workers) with { BadImages = BadImagePolicy.Fail }, options, model.Device));
    }

    /// <summary>Whether an image that was read could be read.</summary>
    public bool IsGood(int index) => forgiving?.IsBad(index) != true;

    /// <summary>Names the bad images that were met since the last call, and those that were decoded in spite of damage.</summary>
    public void Name(ITrainingObserver observer)
    {
        var bad = forgiving is null ? [.. loader.Filled, .. loader.Damaged] : forgiving.Bad.Concat(loader.Filled).ToArray();
        foreach (var image in bad.Skip(named))
            observer.Message(MessageLevel.Warning, $"{image.Path}: {image.Reason}");
        named = bad.Length;
    }

    /// <summary>Refuses a result of no image at all.</summary>
    /// <exception cref="DatasetException">None could be read.</exception>
    public void RequireGood()
    {
        if (forgiving?.Bad.Count == data.Count)
            throw new DatasetException($"{data.Name}: none of {Quantity.Of(data.Count, "image")} can be read");
    }

    /// <summary>Stops the loader.</summary>
    public void Dispose() => loader.Dispose();
}
