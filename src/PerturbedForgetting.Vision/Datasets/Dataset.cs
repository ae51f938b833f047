using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Labelled images by index. Reading is safe from any number of threads.</summary>
public abstract class Dataset
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

    /// <summary>Decodes or draws an image into <paramref name="image"/>.</summary>
    /// <exception cref="ImageDecodeException">The image cannot be decoded; the message names it.</exception>
    public abstract DecodedImage Read(int index, RgbImage image, ImageDecoder decoder);

    /// <summary>As <see cref="Read"/>, where only a part of the image is needed: <paramref name="region"/> is told the image's
    /// width and height and names it. The other pixels may be left undefined.</summary>
    public virtual DecodedImage ReadPart(int index, RgbImage image, ImageDecoder decoder, Func<int, int, CropBox> region) =>
        Read(index, image, decoder);

    /// <summary>Where an image is, for messages: a path, or file and number.</summary>
    public abstract string Describe(int index);

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

    /// <summary>Adds to <see cref="Notes"/>.</summary>
    protected void Note(IEnumerable<string> sentences) => notes.AddRange(sentences);

    /// <summary>Compares a set of fixed classes with the model's, and notes a difference.</summary>
    protected void NoteDifference(ClassList? expected)
    {
        if (expected?.DescribeDifference(Classes) is { } difference)
            notes.Add(difference);
    }
}
