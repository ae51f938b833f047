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

/// <summary>How often images were not taken as they should be, each time that one was met.</summary>
/// <param name="Skipped">Another image took the place of one that cannot be decoded.</param>
/// <param name="Filled">What was missing was made grey.</param>
/// <param name="Damaged">Wrong pixels were taken as they are.</param>
/// <param name="Irregular">Something was odd with the file, but not with the pixels.</param>
/// <param name="Retried">A read was tried again that a disk or network had failed.</param>
public readonly record struct BadImageCounts(int Skipped, int Filled, int Damaged, int Irregular, int Retried = 0);

/// <summary>What the workers of a loader found wrong; shared by them.</summary>
sealed class BadImages
{
    readonly ConcurrentDictionary<int, BadImage> skipped = new(), filled = new(), damaged = new();
    int skips, fills, damages, irregularities, retries;

    public IReadOnlyList<BadImage> Skipped => InOrder(skipped);

    public IReadOnlyList<BadImage> Filled => InOrder(filled);

    public IReadOnlyList<BadImage> Damaged => InOrder(damaged);

    public void AddSkipped(int index, string path, string reason)
    {
        Interlocked.Increment(ref skips);
        skipped.TryAdd(index, new BadImage(index, path, reason));
    }

    /// <summary>Notes what was odd with an image that was decoded.</summary>
    public void AddDecoded(int index, string path, ImageInfo image)
    {
        if (image.Filled)
        {
            Interlocked.Increment(ref fills);
            filled.TryAdd(index, new BadImage(index, path, "the rest of the image was filled with grey"));
        }
        else if (image.Warnings.AreDamage())
        {
            Interlocked.Increment(ref damages);
            damaged.TryAdd(index, new BadImage(index, path, $"decoded in spite of {image.Warnings.Describe()}"));
        }
        else
        {
            Interlocked.Increment(ref irregularities);
        }
    }

    /// <summary>Notes reads that were tried again.</summary>
    public void AddRetried(int count) => Interlocked.Add(ref retries, count);

    /// <summary>What was met since the last call.</summary>
    public BadImageCounts TakeCounts() => new(Interlocked.Exchange(ref skips, 0), Interlocked.Exchange(ref fills, 0),
        Interlocked.Exchange(ref damages, 0), Interlocked.Exchange(ref irregularities, 0),
        Interlocked.Exchange(ref retries, 0));

    static BadImage[] InOrder(ConcurrentDictionary<int, BadImage> images) => [.. images.Values.OrderBy(b => b.Index)];
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
                ImageInfo decoded = dataset.Decode(index, decoder, transform.Region(crop), image);
                if (decoded.Warnings.AreDamage() && !decoded.Filled && options.BadImages == BadImagePolicy.Skip)
                    throw new ImageDecodeException(ImageProblem.Corrupt, $"the image is damaged: {decoded.Warnings.Describe()}");
                if (decoded.Filled || decoded.Warnings != ImageWarnings.None)
                    bad.AddDecoded(index, dataset.Describe(index), decoded);
                break;
            }
            catch (ImageDecodeException e) when (options.BadImages == BadImagePolicy.Skip
                && ++replacements < Math.Min(dataset.Count, MostReplacements))
            {
                bad.AddSkipped(index, dataset.Describe(index), e.Reason);
                index = (index + 1) % dataset.Count;
            }
        }
        if (decoder.TakeRetries() is > 0 and int retried)
            bad.AddRetried(retried);
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
