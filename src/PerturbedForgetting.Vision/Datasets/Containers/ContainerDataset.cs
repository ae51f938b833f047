using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets.Containers;

/// <summary>Images that are parts of large files: read by their place, without what lies before them.</summary>
/// <param name="files">The files.</param>
/// <param name="ranges">Where the bytes of each image are.</param>
/// <param name="labels">The label of each image.</param>
abstract class ContainerDataset(ContainerFiles files, FileRange[] ranges, int[] labels) : Dataset
{
    /// <inheritdoc/>
    public sealed override int Count => ranges.Length;

    /// <inheritdoc/>
    public sealed override int Label(int index) => labels[index];

    /// <inheritdoc/>
    public sealed override (int Width, int Height) Open(int index, ImageDecoder decoder)
    {
        string name = Describe(index);
        return decoder.Open(Read(index, decoder, name), name);
    }

    /// <inheritdoc/>
    public sealed override ReadOnlyMemory<byte> Encoded(int index, ImageDecoder decoder) => Read(index, decoder, Describe(index));

    /// <inheritdoc/>
    public sealed override ImageInfo Decode(int index, ImageDecoder decoder, CropBox region, RgbImage image) =>
        decoder.Decode(region, image);

    /// <inheritdoc/>
    public override void Dispose() => files.Dispose();

    /// <summary>Where an image lies.</summary>
    protected FileRange Range(int index) => ranges[index];

    /// <summary>The path of the file that an image lies in.</summary>
    protected string FileOf(int index) => files.Paths[ranges[index].File];

    /// <summary>The image within the bytes that were read for it, once these are checked.</summary>
    /// <exception cref="ImageDecodeException">They are damaged.</exception>
    protected virtual ReadOnlyMemory<byte> Image(int index, ReadOnlyMemory<byte> bytes, string name) => bytes;

    ReadOnlyMemory<byte> Read(int index, ImageDecoder decoder, string name) =>
        Image(index, decoder.Read(files, ranges[index], name), name);
}
