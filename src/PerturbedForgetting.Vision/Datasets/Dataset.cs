using System.Globalization;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Imaging.Png;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Labelled images by index. Reading is safe from any number of threads.</summary>
public abstract class Dataset : IDisposable
{
    readonly List<string> notes = [];

    /// <summary>What the set is called in messages and logs.</summary>
    public abstract string Name { get; }

    /// <summary>Number of images.</summary>
    public abstract int Count { get; }

    /// <summary>The classes; labels are indices into them.</summary>
    public abstract ClassList Classes { get; }

    /// <summary>What a user should know about how the set was read: skipped files, classes without images, a split that
    /// stands in for another. One sentence each.</summary>
    public IReadOnlyList<string> Notes => notes;

    /// <summary>The label of an image, without decoding it.</summary>
    public abstract int Label(int index);

    /// <summary>Whether an image may have several labels that are right, or none.</summary>
    public virtual bool HasLabelSets => false;

    /// <summary>How accuracy is counted on this set, the first way being the usual one; empty for the plain one.</summary>
    public virtual IReadOnlyList<DatasetScore> Scores => [];

    /// <summary>All labels that are right for an image; empty where nobody knows.</summary>
    public virtual ReadOnlySpan<int> LabelSet(int index) => new[] { Label(index) };

    /// <summary>Opens an image, which tells its size in pixels; <see cref="Decode"/> with the same decoder follows.</summary>
    /// <exception cref="ImageDecodeException">The image cannot be read or decoded; the message names it.</exception>
    public abstract (int Width, int Height) Open(int index, ImageDecoder decoder);

    /// <summary>Decodes or draws the image just opened into <paramref name="image"/>, which takes its size. Pixels outside
    /// <paramref name="region"/> may be left undefined.</summary>
    /// <exception cref="ImageDecodeException">The image cannot be decoded; the message names it.</exception>
    public abstract ImageInfo Decode(int index, ImageDecoder decoder, CropBox region, RgbImage image);

    /// <summary>Opens an image and decodes all of it.</summary>
    /// <exception cref="ImageDecodeException">The image cannot be read or decoded; the message names it.</exception>
    public ImageInfo Read(int index, RgbImage image, ImageDecoder decoder)
    {
        (int width, int height) = Open(index, decoder);
        return Decode(index, decoder, CropBox.Whole(width, height), image);
    }

    /// <summary>The bytes of an image as the set stores it, in a format that <see cref="ImageDecoder"/> reads; of a set that stores pixels
    /// or draws, those of a PNG. They stay as they are until the decoder is used again.</summary>
    /// <exception cref="ImageDecodeException">They cannot be read, or their container tells that they are damaged; the message names the
    /// image. Whether they can be decoded is not looked at.</exception>
    public abstract ReadOnlyMemory<byte> Encoded(int index, ImageDecoder decoder);

    /// <summary>Where an image is, for messages: a path, or file and number.</summary>
    public abstract string Describe(int index);

    /// <summary>Tells images apart: the same text for an image that two sets have in common, whatever names lead to it.</summary>
    internal virtual string Identity(int index) => Describe(index);

    /// <summary>What an image is called in its set, without the ending that tells the format: the path of its file below the folder of its
    /// class, with '/' between folders. A number where the set has no names.</summary>
    public virtual string ImageName(int index) => index.ToString("D8", CultureInfo.InvariantCulture);

    /// <summary>Checks every label against the number of outputs of a model.</summary>
    /// <exception cref="DatasetException">A label is too large; the message names the image, and suspects labels that
    /// count from 1 where the numbers say so.</exception>
    public void CheckLabels(int numClasses)
    {
        int lowest = int.MaxValue, highest = int.MinValue, worst = 0;
        for (int i = 0; i < Count; i++)
        {
            int label = Label(i);
            lowest = Math.Min(lowest, label);
            if (HasLabelSets)
            {
                foreach (int other in LabelSet(i))
                    label = Math.Max(label, other);
            }
            if (label > highest)
                (highest, worst) = (label, i);
        }
        if (highest < numClasses)
            return;
        string advice = lowest == 1 && highest == numClasses
            ? $"labels run from 1 to {highest}: they seem to count from 1, and must count from 0; subtract 1 from each"
            : $"use `{nameof(numClasses)}` {Math.Max(highest + 1, Classes.Count)}, or correct the labels";
        throw new DatasetException(
            $"label {highest} of {Describe(worst)} is out of range 0..{numClasses - 1} for `{nameof(numClasses)}` {numClasses}; {advice}");
    }

    /// <summary>Closes the files that the set reads from.</summary>
    public virtual void Dispose() => GC.SuppressFinalize(this);

    /// <summary>The image as a PNG, for sets that store no files.</summary>
    protected ReadOnlyMemory<byte> EncodePng(int index, ImageDecoder decoder)
    {
        using var image = new RgbImage();
        ImageInfo info = Read(index, image, decoder);
        return PngWriter.Write(image, info.Color == ImageColor.Grey);
    }

    /// <summary>A path as <see cref="ImageName"/> tells it.</summary>
    /// <param name="index">Number of the image.</param>
    /// <param name="path">Its path, with '/' between folders.</param>
    protected string NameBelowClass(int index, string path)
    {
        string name = Path.ChangeExtension(path, null), start = Classes.Names[Label(index)] + "/";
        // Where a file tells the labels, folders are part of the name.
        return name.StartsWith(start, StringComparison.Ordinal) ? name[start.Length..] : name;
    }

    /// <summary>Adds to <see cref="Notes"/>.</summary>
    protected void Note(IEnumerable<string> sentences) => notes.AddRange(sentences);

    /// <summary>Compares a set of fixed classes with the model's, and notes a difference.</summary>
    protected void NoteDifference(ClassList? expected)
    {
        if (expected?.DescribeDifference(Classes) is { } difference)
            notes.Add(difference);
    }
}
