using System.Collections.Concurrent;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Loading;

/// <summary>A data set with black images in the places of those that cannot be read, so that each image keeps its place and none is seen
/// twice; which they are is known afterwards.</summary>
/// <param name="inner">The set, which the caller disposes.</param>
public sealed class ForgivingDataset(Dataset inner) : Dataset
{
    readonly ConcurrentDictionary<int, BadImage> bad = new();
    readonly ConcurrentDictionary<int, (int Width, int Height)> open = new();

    /// <summary>The images that could not be read so far, in the set's order.</summary>
    public IReadOnlyList<BadImage> Bad => [.. bad.Values.OrderBy(b => b.Index)];

    /// <inheritdoc/>
    public override string Name => inner.Name;

    /// <inheritdoc/>
    public override int Count => inner.Count;

    /// <inheritdoc/>
    public override ClassList Classes => inner.Classes;

    /// <summary>Whether an image that was read is bad.</summary>
    public bool IsBad(int index) => bad.ContainsKey(index);

    /// <inheritdoc/>
    public override int Label(int index) => inner.Label(index);

    /// <inheritdoc/>
    public override string Describe(int index) => inner.Describe(index);

    /// <inheritdoc/>
    public override string ImageName(int index) => inner.ImageName(index);

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> Encoded(int index, ImageDecoder decoder) => inner.Encoded(index, decoder);

    /// <inheritdoc/>
    public override (int Width, int Height) Open(int index, ImageDecoder decoder)
    {
        try
        {
            return open[index] = inner.Open(index, decoder);
        }
        catch (ImageDecodeException e)
        {
            Add(index, e.Reason);
            return (1, 1);
        }
    }

    /// <inheritdoc/>
    public override ImageInfo Decode(int index, ImageDecoder decoder, CropBox region, RgbImage image)
    {
        (int Width, int Height) size = (1, 1);
        if (open.TryRemove(index, out var opened))
        {
            size = opened;
            try
            {
                ImageInfo decoded = inner.Decode(index, decoder, region, image);
                if (!decoded.Warnings.AreDamage() || decoded.Filled)
                    return decoded;
                Add(index, $"the image is damaged: {decoded.Warnings.Describe()}");
            }
            catch (ImageDecodeException e)
            {
                Add(index, e.Reason);
            }
        }
        image.Resize(size.Width, size.Height);
        image.Pixels.Clear();
        return new ImageInfo(size.Width, size.Height, "none", ImageColor.Rgb);
    }

    void Add(int index, string reason) => bad.TryAdd(index, new BadImage(index, inner.Describe(index), reason));
}
