using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Training.Answers;

/// <summary>
/// Collects features and writes them: <c>NAME.safetensors</c> with <c>features</c> [images, width] in float32 and <c>labels</c> [images]
/// in int64, or <c>NAME.npy</c> with the features and <c>NAME.labels.npy</c> with the labels; and <c>NAME.csv</c> with the image and the
/// label of each row. Rows wait in a file of their own, so that there may be more than memory holds.
/// </summary>
sealed class FeatureFile : IDisposable
{
    const string Safetensors = ".safetensors", Numpy = ".npy";

    readonly string path, format;
    readonly ClassNames? classes;
    readonly FileStream rows;
    readonly List<long> labels = [];
    readonly StringBuilder names = new();

    /// <param name="path">Ends in one of the formats' endings.</param>
    /// <param name="classes">Names of the classes; null where images have no labels.</param>
    /// <exception cref="IOException">Nothing can be written beside the path.</exception>
    public FeatureFile(string path, ClassNames? classes)
    {
        (this.path, this.classes) = (path, classes);
        format = FormatOf(path)!;
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Directory.CreateDirectory(folder);
        rows = new FileStream(Path.Combine(folder, $".pf-{Guid.NewGuid():N}.tmp"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None,
            1 << 20, FileOptions.DeleteOnClose);
        names.Append(classes is null ? "image\n" : "image,label,class\n");
    }

    /// <summary>Rows so far.</summary>
    public int Images { get; private set; }

    /// <summary>Features of an image.</summary>
    public int Width { get; private set; }

    /// <summary>Where the names of the images are.</summary>
    public string NamesPath => Path.ChangeExtension(path, ".csv");

    /// <summary>The ending that tells the format; null where it tells none.</summary>
    public static string? FormatOf(string path) =>
        Path.GetExtension(path).ToLowerInvariant() is (Safetensors or Numpy) and var known ? known : null;

    /// <summary>Adds an image.</summary>
    public void Add(ReadOnlySpan<float> features, string image, int label)
    {
        Width = features.Length;
        rows.Write(MemoryMarshal.AsBytes(features));
        Images++;
        names.Append(CsvText.Field(image));
        if (classes is not null)
        {
            labels.Add(label);
            names.Append(CultureInfo.InvariantCulture, $",{label},{CsvText.Field(classes[label])}");
        }
        names.Append('\n');
    }

    /// <summary>Writes the files.</summary>
    /// <exception cref="IOException">One cannot be written; an older file of its name is unchanged.</exception>
    public void Save()
    {
        rows.Flush();
        if (format == Safetensors)
            SaveSafetensors();
        else
            SaveNumpy();
        AtomicFile.WriteText(NamesPath, names.ToString());
    }

    /// <summary>Removes the rows that wait.</summary>
    public void Dispose() => rows.Dispose();

    void SaveSafetensors()
    {
        var writer = new SafetensorsWriter();
        writer.Add("features", SafetensorsDType.F32, [Images, Width], CopyRows);
        if (classes is not null)
            writer.Add<long>("labels", SafetensorsDType.I64, [Images], labels.ToArray());
        writer.Save(path);
    }

    void SaveNumpy()
    {
        AtomicFile.Write(path, stream =>
        {
            WriteNumpyHeader(stream, "<f4", string.Create(CultureInfo.InvariantCulture, $"{Images}, {Width}"));
            CopyRows(stream);
        });
        if (classes is null)
            return;
        AtomicFile.Write(Path.ChangeExtension(path, ".labels" + Numpy), stream =>
        {
            WriteNumpyHeader(stream, "<i8", string.Create(CultureInfo.InvariantCulture, $"{Images},"));
            stream.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(labels)));
        });
    }

    /// <summary>The header of NumPy's format, version 1.0, padded to a multiple of 64 bytes.</summary>
    static void WriteNumpyHeader(Stream stream, string type, string shape)
    {
        const int Before = 10, Alignment = 64;
        string header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({shape}), }}";
        header = header.PadRight((Before + header.Length + Alignment) / Alignment * Alignment - Before - 1) + "\n";
        stream.Write([0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8)]);
        stream.Write(Encoding.ASCII.GetBytes(header));
    }

    void CopyRows(Stream stream)
    {
        rows.Position = 0;
        rows.CopyTo(stream);
    }
}
