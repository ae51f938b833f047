using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Some images of a data set.</summary>
public sealed class SubsetDataset : Dataset
{
    readonly Dataset whole;
    readonly int[] indices;
    readonly bool ownsWhole;

    /// <param name="whole">The data set.</param>
    /// <param name="indices">Which of its images, in the order they have here.</param>
    /// <param name="name">What the part is called.</param>
    /// <param name="notes">What is to be known about it.</param>
    /// <param name="ownsWhole">Whether the whole is closed with this part.</param>
    public SubsetDataset(Dataset whole, int[] indices, string name, IEnumerable<string> notes, bool ownsWhole)
    {
        (this.whole, this.indices, this.ownsWhole, Name) = (whole, indices, ownsWhole, name);
        Note(notes);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => indices.Length;

    /// <inheritdoc/>
    public override ClassList Classes => whole.Classes;

    /// <inheritdoc/>
    public override bool HasLabelSets => whole.HasLabelSets;

    /// <inheritdoc/>
    public override IReadOnlyList<DatasetScore> Scores => whole.Scores;

    /// <inheritdoc/>
    public override int Label(int index) => whole.Label(indices[index]);

    /// <inheritdoc/>
    public override ReadOnlySpan<int> LabelSet(int index) => whole.LabelSet(indices[index]);

    /// <inheritdoc/>
    public override (int Width, int Height) Open(int index, ImageDecoder decoder) => whole.Open(indices[index], decoder);

    /// <inheritdoc/>
    public override ImageInfo Decode(int index, ImageDecoder decoder, CropBox region, RgbImage image) =>
        whole.Decode(indices[index], decoder, region, image);

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> Encoded(int index, ImageDecoder decoder) => whole.Encoded(indices[index], decoder);

    /// <inheritdoc/>
    public override string ImageName(int index) => whole.ImageName(indices[index]);

    /// <inheritdoc/>
    public override string Describe(int index) => whole.Describe(indices[index]);

    /// <inheritdoc/>
    internal override string Identity(int index) => whole.Identity(indices[index]);

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (ownsWhole)
            whole.Dispose();
    }
}
