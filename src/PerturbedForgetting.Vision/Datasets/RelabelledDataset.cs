using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>The images of another set with other labels.</summary>
abstract class RelabelledDataset : Dataset
{
    /// <param name="inner">The other set; closed with this one.</param>
    /// <param name="name">What the set is called.</param>
    /// <param name="classes">Its classes.</param>
    protected RelabelledDataset(Dataset inner, string name, ClassList classes)
    {
        (Inner, Name, Classes) = (inner, name, classes);
        Note(inner.Notes);
    }

    /// <inheritdoc/>
    public sealed override string Name { get; }

    /// <inheritdoc/>
    public sealed override ClassList Classes { get; }

    /// <inheritdoc/>
    public sealed override int Count => Inner.Count;

    /// <summary>The other set.</summary>
    protected Dataset Inner { get; }

    /// <inheritdoc/>
    public sealed override (int Width, int Height) Open(int index, ImageDecoder decoder) => Inner.Open(index, decoder);

    /// <inheritdoc/>
    public sealed override ImageInfo Decode(int index, ImageDecoder decoder, CropBox region, RgbImage image) =>
        Inner.Decode(index, decoder, region, image);

    /// <inheritdoc/>
    public sealed override ReadOnlyMemory<byte> Encoded(int index, ImageDecoder decoder) => Inner.Encoded(index, decoder);

    /// <inheritdoc/>
    public sealed override string ImageName(int index) => Inner.ImageName(index);

    /// <inheritdoc/>
    public sealed override string Describe(int index) => Inner.Describe(index);

    /// <inheritdoc/>
    internal sealed override string Identity(int index) => Inner.Identity(index);

    /// <inheritdoc/>
    public sealed override void Dispose() => Inner.Dispose();
}
