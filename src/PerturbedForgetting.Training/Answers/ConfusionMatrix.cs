using System.Globalization;
using System.Text;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Training.Answers;

/// <summary>How often images of each class were taken for each class.</summary>
/// <param name="classes">Number of classes.</param>
/// <param name="names">Their names.</param>
sealed class ConfusionMatrix(int classes, ClassNames names)
{
    readonly int[] counts = new int[checked(classes * classes)];

    /// <summary>Number of classes.</summary>
    public int Classes => classes;

    /// <summary>Names of the classes.</summary>
    public ClassNames Names => names;

    /// <summary>Images of class <paramref name="label"/> that were taken for <paramref name="predicted"/>.</summary>
    public int this[int label, int predicted] => counts[label * classes + predicted];

    /// <summary>Counts an image; one whose label is none of the classes does not count.</summary>
    public void Add(int label, int predicted)
    {
        if ((uint)label < (uint)classes)
            counts[label * classes + predicted]++;
    }

    /// <summary>Images of a class.</summary>
    public int Images(int label)
    {
        int sum = 0;
        foreach (int count in counts.AsSpan(label * classes, classes))
            sum += count;
        return sum;
    }

    /// <summary>The class that images of this one are most often mistaken for, and how often; null where none is.</summary>
    public (int Class, int Count)? MostTakenFor(int label)
    {
        int best = -1;
        for (int c = 0; c < classes; c++)
            if (c != label && this[label, c] > (best < 0 ? 0 : this[label, best]))
                best = c;
        return best < 0 ? null : (best, this[label, best]);
    }

    /// <summary>Writes a row a class, with a column for each class that its images were taken for.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void WriteCsv(string path) => Write(path, text =>
    {
        text.Write("label");
        for (int c = 0; c < classes; c++)
            text.Write($",{CsvText.Field(names[c])}");
        text.Write('\n');
        for (int label = 0; label < classes; label++)
        {
            text.Write(CsvText.Field(names[label]));
            for (int c = 0; c < classes; c++)
                text.Write(string.Create(CultureInfo.InvariantCulture, $",{this[label, c]}"));
            text.Write('\n');
        }
    });

    /// <summary>Writes a row a class: its number, its images, how many were right, and what the others were taken for most often. Classes
    /// without images have no accuracy.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void WritePerClass(string path) => Write(path, text =>
    {
        text.Write("class,index,images,right,accuracy,taken_for,taken_for_images\n");
        for (int label = 0; label < classes; label++)
        {
            int images = Images(label);
            string accuracy = images == 0 ? "" : (100.0 * this[label, label] / images).ToString("F4", CultureInfo.InvariantCulture);
            var (mistaken, times) = MostTakenFor(label) is { } other ? (CsvText.Field(names[other.Class]), other.Count) : ("", 0);
            text.Write(string.Create(CultureInfo.InvariantCulture,
                $"{CsvText.Field(names[label])},{label},{images},{this[label, label]},{accuracy},{mistaken},{times}\n"));
        }
    });

    static void Write(string path, Action<TextWriter> write) => AtomicFile.Write(path, stream =>
    {
        using var text = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true);
        write(text);
    });
}
