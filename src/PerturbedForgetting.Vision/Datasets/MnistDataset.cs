using System.Buffers.Binary;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>MNIST, and sets in its IDX format (Fashion-MNIST, KMNIST): grey images, plain or packed by gzip. Held in memory.</summary>
public sealed class MnistDataset : Dataset
{
    const int ImagesMagic = 0x803, LabelsMagic = 0x801;

    readonly string imagesFile;
    readonly byte[] images;
    readonly byte[] labels;
    readonly int width;
    readonly int height;

    MnistDataset(string name, string imagesFile, string labelsFile, DatasetOptions options)
    {
        Name = name;
        this.imagesFile = imagesFile;
        images = BinaryFile.Read(imagesFile);
        labels = BinaryFile.Read(labelsFile);
        CheckMagic(imagesFile, images, ImagesMagic, 16);
        CheckMagic(labelsFile, labels, LabelsMagic, 8);
        (Count, height, width) = (Int32(images, 4), Int32(images, 8), Int32(images, 12));
        if (Count <= 0 || height is < 1 or > 4096 || width is < 1 or > 4096 || images.Length != 16 + (long)Count * height * width)
            throw new DatasetException($"{imagesFile}: {Count} images of {width} x {height} do not take {images.Length} bytes; the file is "
                + "cut short or damaged, download it again");
        if (Int32(labels, 4) != Count || labels.Length != 8 + Count)
            throw new DatasetException($"{labelsFile} has {Int32(labels, 4)} labels in {labels.Length} bytes for {Count} images; the files "
                + "do not belong together, or one is cut short");
        int classes = Math.Max(10, labels.AsSpan(8).ToArray().Max() + 1);
        Classes = new ClassList(Enumerable.Range(0, classes).Select(i => FormattableString.Invariant($"{i}")));
        NoteDifference(options.Classes);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override ClassList Classes { get; }

    /// <summary>Opens a split from the four files in <paramref name="dataDir"/>.</summary>
    /// <exception cref="DatasetException">A file is missing or damaged.</exception>
    public static MnistDataset Open(string dataDir, string split, DatasetOptions options)
    {
        bool training = SplitNames.IsTraining(split, "mnist");
        string prefix = training ? "train" : "t10k";
        return new MnistDataset(
            $"mnist/{(training ? "train" : "test")}", Find(dataDir, $"{prefix}-images", "idx3-ubyte"),
            Find(dataDir, $"{prefix}-labels", "idx1-ubyte"), options);
    }

    /// <inheritdoc/>
    public override int Label(int index) => labels[8 + index];

    /// <inheritdoc/>
    public override string Describe(int index) => $"{imagesFile}, image {index}";

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> Encoded(int index, ImageDecoder decoder) => EncodePng(index, decoder);

    /// <inheritdoc/>
    public override (int Width, int Height) Open(int index, ImageDecoder decoder) => (width, height);

    /// <inheritdoc/>
    public override ImageInfo Decode(int index, ImageDecoder decoder, CropBox region, RgbImage image)
    {
        image.Resize(width, height);
        int pixels = width * height;
        ReadOnlySpan<byte> grey = images.AsSpan(16 + index * pixels, pixels);
        Span<byte> target = image.Pixels;
        for (int i = 0, at = 0; i < pixels; i++, at += 3)
            target[at] = target[at + 1] = target[at + 2] = grey[i];
        return new ImageInfo(width, height, "IDX", ImageColor.Grey);
    }

    static string Find(string dataDir, string name, string kind)
    {
        string[] candidates = [$"{name}-{kind}", $"{name}.{kind}", $"{name}-{kind}.gz", $"{name}.{kind}.gz"];
        string? file = Array.Find(candidates, c => File.Exists(Path.Combine(dataDir, c)));
        return file is not null
            ? Path.Combine(dataDir, file)
            : throw new DatasetException($"mnist: there is no {candidates[0]} (or {candidates[0]}.gz) in {dataDir}", wrongOption: true);
    }

    static void CheckMagic(string file, byte[] bytes, int magic, int header)
    {
        if (bytes.Length < header || Int32(bytes, 0) != magic)
            throw new DatasetException($"{file} does not begin like an IDX file of bytes (00 00 08 0{magic & 15}); it is of another kind "
                + "or damaged, download it again");
    }

    static int Int32(byte[] bytes, int at) => BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(at));
}
