using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>CIFAR-10 or CIFAR-100, in the form of the binary version of its authors: records of label (CIFAR-100: coarse and fine label;
/// the fine one counts) and 3 x 32 x 32 bytes, planes red, green, blue. Held in memory.</summary>
public sealed class CifarDataset : Dataset
{
    const int Side = 32, Plane = Side * Side, Pixels = 3 * Plane;

    static readonly string[] Classes10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    readonly List<(string File, ReadOnlyMemory<byte> Records)> files;
    readonly int recordLength;
    readonly int perFile;

    CifarDataset(
        string name, int classes, List<(string File, ReadOnlyMemory<byte> Records)> files, string[]? names, DatasetOptions options)
    {
        Name = name;
        this.files = files;
        recordLength = Pixels + (classes == 10 ? 1 : 2);
        perFile = files[0].Records.Length / recordLength;
        Classes = new ClassList(names
            ?? (classes == 10 ? Classes10 : [.. Enumerable.Range(0, classes).Select(i => FormattableString.Invariant($"{i}"))]));
        Check(classes);
        NoteDifference(options.Classes);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => perFile * files.Count;

    /// <inheritdoc/>
    public override ClassList Classes { get; }

    /// <summary>Opens the set of 10 or 100 classes.</summary>
    /// <param name="classes">10 or 100.</param>
    /// <param name="dataDir">Where the files are, the folder that their archive makes, or the archive; binary or Python's.</param>
    /// <param name="split">train, or validation, which is the test split.</param>
    /// <param name="options">The training set's classes.</param>
    /// <exception cref="DatasetException">A file is missing or has an impossible size or label.</exception>
    public static CifarDataset Open(int classes, string dataDir, string split, DatasetOptions options)
    {
        string name = $"cifar{classes}";
        bool training = SplitNames.IsTraining(split, name);
        (List<(string, ReadOnlyMemory<byte>)> files, string[]? names) = new CifarFiles(classes, dataDir).Read(training);
        return new CifarDataset($"{name}/{(training ? "train" : "test")}", classes, files, names, options);
    }

    /// <inheritdoc/>
    public override int Label(int index) => Record(index)[recordLength - Pixels - 1];

    /// <inheritdoc/>
    public override string Describe(int index) => $"{files[index / perFile].File}, image {index % perFile}";

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> Encoded(int index, ImageDecoder decoder) => EncodePng(index, decoder);

    /// <inheritdoc/>
    public override (int Width, int Height) Open(int index, ImageDecoder decoder) => (Side, Side);

    /// <inheritdoc/>
    public override ImageInfo Decode(int index, ImageDecoder decoder, CropBox region, RgbImage image)
    {
        image.Resize(Side, Side);
        ReadOnlySpan<byte> planes = Record(index)[^Pixels..];
        Span<byte> pixels = image.Pixels;
        for (int i = 0, at = 0; i < Plane; i++, at += 3)
            (pixels[at], pixels[at + 1], pixels[at + 2]) = (planes[i], planes[Plane + i], planes[2 * Plane + i]);
        return new ImageInfo(Side, Side, "CIFAR", ImageColor.Rgb);
    }

    ReadOnlySpan<byte> Record(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count);
        return files[index / perFile].Records.Span.Slice(index % perFile * recordLength, recordLength);
    }

    void Check(int classes)
    {
        foreach ((string file, ReadOnlyMemory<byte> records) in files)
        {
            if (records.Length == 0 || records.Length % recordLength != 0)
                throw new DatasetException($"{file} has {records.Length} bytes, which is no whole number of records of {recordLength} "
                    + "bytes; it is cut short or of another kind, download it again");
            if (records.Length != perFile * recordLength)
                throw new DatasetException($"{file} has {records.Length} bytes and {files[0].File} {files[0].Records.Length}; one of them "
                    + "is cut short, download it again");
        }
        for (int i = 0; i < Count; i++)
        {
            if (Label(i) >= classes)
                throw new DatasetException(
                    $"{Describe(i)} has label {Label(i)}, but there are only {classes} classes; the file is damaged");
        }
    }
}
