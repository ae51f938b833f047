using System.Globalization;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Vision.Datasets.Containers.Records;
using PerturbedForgetting.Vision.Datasets.Tfds;

namespace PerturbedForgetting.Vision.Datasets.Conversion;

/// <summary>A set as TensorFlow Datasets prepares it: NAME/1.0.0/NAME-SPLIT.tfrecord-00000-of-00001. How many files there are is in the
/// names of all, so they get their names at the end.</summary>
sealed class TfRecordTarget : ConversionTarget
{
    const string Version = "1.0.0";

    const int Buffer = 1 << 20;

    readonly string name, versionFolder;

    /// <param name="folder">TFDS's data_dir.</param>
    /// <param name="name">Name of the set.</param>
    /// <exception cref="DatasetException">The name cannot be one of TFDS's.</exception>
    public TfRecordTarget(string folder, string name) : base(folder)
    {
        if (name.Length == 0 || !char.IsAsciiLetter(name[0]) || !name.All(static c => char.IsAsciiLetterOrDigit(c) || c == '_'))
            throw new DatasetException($"'{name}' is no name: a set of TFDS is called by letters, digits and '_', a letter first",
                wrongOption: true);
        (this.name, versionFolder) = (name, Path.Combine(folder, name, Version));
    }

    /// <inheritdoc/>
    public override string Dataset => TfdsFolder.Prefix + name;

    /// <inheritdoc/>
    public override string Where(string split, int number) => Path.Combine(versionFolder, $"{name}-{split}, file {number}");

    /// <inheritdoc/>
    public override void WriteShard(string split, int number, ClassList classes, IEnumerable<ConvertedImage> images) =>
        AtomicFile.Write(Unfinished(split, number), file =>
        {
            var stream = new BufferedStream(file, Buffer);
            var writer = new TfRecordWriter(stream);
            foreach (ConvertedImage image in images)
                writer.Write(ImageExample.Encode(image.Bytes, image.Label, $"{image.Name}.{image.Extension}").Span);
            stream.Flush();
        });

    /// <inheritdoc/>
    public override void Finish(IReadOnlyList<ConvertedSplit> splits, ClassList classes)
    {
        List<TfdsSplit> prepared = [];
        foreach (ConvertedSplit split in splits)
        {
            var named = new TfdsSplit(split.Name, [.. split.Shards.Select(static s => s.Count)], split.Shards.Sum(static s => s.Bytes));
            for (int i = 0; i < split.Shards.Count; i++)
                if (Unfinished(split.Name, i) is var unfinished && File.Exists(unfinished))
                    AtomicFile.Rename(unfinished, Path.Combine(versionFolder, named.FileName(name, i)));
            prepared.Add(named);
        }
        AtomicFile.DeleteAbandoned(versionFolder);
        TfdsMetadata.Write(versionFolder, name, Version, prepared, classes);
    }

    /// <inheritdoc/>
    public override Dataset Open(ConvertedSplit split, DatasetOptions options) =>
        TfdsDataset.Open(TfdsFolder.Prefix + name, Folder, split.Name, options);

    string Unfinished(string split, int number) =>
        Path.Combine(versionFolder, string.Create(CultureInfo.InvariantCulture, $"{name}-{split}.tfrecord-{number:D5}.part"));
}
