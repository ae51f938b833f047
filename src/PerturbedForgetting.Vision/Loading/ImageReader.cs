using System.Collections.Concurrent;
using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Vision.Loading;

/// <summary>An image that was left out or filled up, and why.</summary>
/// <param name="Index">Its index in the data set.</param>
/// <param name="Path">Where it is.</param>
/// <param name="Reason">What is wrong with it.</param>
public readonly record struct BadImage(int Index, string Path, string Reason);

/// <summary>What the workers of a loader found wrong; shared by them.</summary>
sealed class BadImages
{
    readonly ConcurrentDictionary<int, BadImage> skipped = new();
    readonly ConcurrentDictionary<int, BadImage> filled = new();

    public IReadOnlyList<BadImage> Skipped => [.. skipped.Values.OrderBy(b => b.Index)];

    public IReadOnlyList<BadImage> Filled => [.. filled.Values.OrderBy(b => b.Index)];

    public void AddSkipped(int index, string path, string reason) => skipped.TryAdd(index, new BadImage(index, path, reason));

    public void AddFilled(int index, string path) =>
        filled.TryAdd(index, new BadImage(index, path, "the rest of the image was filled with grey"));
}

/// <summary>One worker's means to read an image into its place in a batch.</summary>
sealed class ImageReader(Dataset dataset, ImageTransform transform, LoaderOptions options, BadImages bad) : IDisposable
{
    /// <summary>So many images in a row cannot be bad by chance; then the data set itself is.</summary>
    const int MostReplacements = 1000;

    readonly ImageDecoder decoder = new(options.Decoder);
    readonly RgbImage image = new();
    readonly Resampler resampler = new();

    /// <summary>Reads image <paramref name="index"/>, transforms it with the random numbers of (seed, epoch, index), and
    /// writes it with label and index to <paramref name="position"/>.</summary>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> ended it.</exception>
    public void Read(int index, int epoch, ImageBatch batch, int position, CancellationToken stop)
    {
        decoder.Stop = stop;
        int replacements = 0;
        Crop crop;
        while (true)
        {
            var random = new RandomSequence(options.Seed, Streams.Augmentation | (ulong)(epoch & 0xFFFFFF) << 32 | (uint)index);
            try
            {
                (int width, int height) = dataset.Open(index, decoder);
                crop = transform.Draw(width, height, ref random);
                if (dataset.Decode(index, decoder, transform.Region(crop), image).Filled)
                    bad.AddFilled(index, dataset.Describe(index));
                break;
            }
            catch (ImageDecodeException e) when (options.BadImages == BadImagePolicy.Skip
                && ++replacements < Math.Min(dataset.Count, MostReplacements))
            {
                bad.AddSkipped(index, dataset.Describe(index), e.Reason);
                index = (index + 1) % dataset.Count;
            }
        }
        transform.Apply(crop, image, resampler, batch.Image(position));
        batch.Set(position, index, dataset.Label(index), crop.Flip);
    }

    public void Dispose()
    {
        decoder.Dispose();
        image.Dispose();
        resampler.Dispose();
    }
}
