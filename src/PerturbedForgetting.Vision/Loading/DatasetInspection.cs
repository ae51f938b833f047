using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Loading;

/// <summary>What a data set consists of.</summary>
/// <param name="Dataset">Name of the set.</param>
/// <param name="Images">Number of images.</param>
/// <param name="Classes">The classes.</param>
/// <param name="ImagesPerClass">Images by class.</param>
/// <param name="Looked">Images whose headers were looked at.</param>
/// <param name="Formats">How many of them have each format.</param>
/// <param name="Colors">How many of them have each colour model.</param>
/// <param name="Width">Their widths.</param>
/// <param name="Height">Their heights.</param>
/// <param name="Sizes">The most frequent sizes in pixels, the most frequent first.</param>
/// <param name="Bad">Those that cannot be read.</param>
/// <param name="Notes">What opening the set had to say.</param>
public sealed record DatasetSummary(string Dataset, int Images, ClassList Classes, IReadOnlyList<int> ImagesPerClass, int Looked,
    IReadOnlyDictionary<string, int> Formats, IReadOnlyDictionary<string, int> Colors, SizeRange Width, SizeRange Height,
    IReadOnlyList<(int Width, int Height, int Count)> Sizes, IReadOnlyList<BadImage> Bad, IReadOnlyList<string> Notes);

/// <summary>Looks at what a data set consists of: all labels, and the headers of some images.</summary>
public static class DatasetInspection
{
    const int MostSizes = 5;

    /// <summary>Looks at a set.</summary>
    /// <param name="dataset">The set.</param>
    /// <param name="decoder">Choices in decoding.</param>
    /// <param name="most">How many images are looked at, evenly chosen; 0 for all.</param>
    /// <param name="stop">Ends it.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static DatasetSummary Run(Dataset dataset, ImageDecoderOptions decoder, int most, CancellationToken stop)
    {
        var counts = new int[dataset.Classes.Count];
        for (int i = 0; i < dataset.Count; i++)
            if (dataset.Label(i) is var label && (uint)label < (uint)counts.Length)
                counts[label]++;
        int looked = most > 0 ? Math.Min(most, dataset.Count) : dataset.Count;
        var infos = new ImageInfo?[looked];
        var bad = new BadImage?[looked];
        int next = 0, threads = Math.Min(Environment.ProcessorCount, Math.Max(1, looked));
        Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = stop }, _ =>
        {
            using var reader = new ImageDecoder(decoder) { Stop = stop };
            using var image = new RgbImage();
            for (int i = Interlocked.Increment(ref next) - 1; i < looked; i = Interlocked.Increment(ref next) - 1)
            {
                stop.ThrowIfCancellationRequested();
                int index = (int)((long)i * dataset.Count / looked);
                try
                {
                    dataset.Open(index, reader);
                    infos[i] = dataset.Decode(index, reader, new CropBox(0, 0, 1, 1), image);
                }
                catch (ImageDecodeException e)
                {
                    bad[i] = new BadImage(index, dataset.Describe(index), e.Reason);
                }
            }
        });
        ImageInfo[] read = [.. infos.OfType<ImageInfo>()];
        return new(dataset.Name, dataset.Count, dataset.Classes, counts, looked, Count(read, static i => i.Format),
            Count(read, static i => i.Color switch { ImageColor.Rgb => "RGB", ImageColor.Grey => "grey", _ => "CMYK" }),
            Range(read, static i => i.Width), Range(read, static i => i.Height),
            [.. read.GroupBy(static i => (i.Width, i.Height)).OrderByDescending(static g => g.Count()).ThenBy(static g => g.Key)
                .Take(MostSizes).Select(static g => (g.Key.Width, g.Key.Height, g.Count()))],
            [.. bad.OfType<BadImage>()], dataset.Notes);
    }

    static SortedDictionary<string, int> Count(ImageInfo[] images, Func<ImageInfo, string> what) =>
        new(images.GroupBy(what).ToDictionary(static g => g.Key, static g => g.Count()), StringComparer.Ordinal);

    static SizeRange Range(ImageInfo[] images, Func<ImageInfo, int> extent) =>
        images.Length == 0 ? default : new(images.Min(extent), images.Max(extent), images.Average(extent));
}
