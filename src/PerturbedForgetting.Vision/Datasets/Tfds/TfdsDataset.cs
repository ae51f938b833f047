using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Vision.Datasets.Containers;
using PerturbedForgetting.Vision.Datasets.Containers.Records;
using PerturbedForgetting.Vision.Datasets.ImageNet;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets.Tfds;

/// <summary>A set as TFDS prepared it: images in TFRecord files, read by index.</summary>
sealed class TfdsDataset : ContainerDataset
{
    readonly TfdsRecords records;
    readonly ContainerFiles files;

    TfdsDataset(string name, ClassList classes, ContainerFiles files, TfdsRecords records, IReadOnlyList<DatasetScore> scores,
        IEnumerable<string> notes, DatasetOptions options)
        : base(files, records.Ranges, records.Labels)
    {
        (Name, Classes, Scores, this.records, this.files) = (name, classes, scores, records, files);
        Note(notes);
        NoteDifference(options.Classes);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override ClassList Classes { get; }

    /// <inheritdoc/>
    public override bool HasLabelSets => records.LabelSets is not null;

    /// <inheritdoc/>
    public override IReadOnlyList<DatasetScore> Scores { get; }

    /// <summary>Opens a split of a set.</summary>
    /// <param name="dataset">Its name: <c>tfds/NAME[/CONFIG][:VERSION]</c>.</param>
    /// <param name="dataDir">TFDS's folder of prepared sets, or that of the set or of its version.</param>
    /// <param name="split">An expression as TFDS has it.</param>
    /// <param name="options">Further choices.</param>
    /// <exception cref="DatasetException">There is no such set or split, or its files are damaged.</exception>
    public static TfdsDataset Open(string dataset, string dataDir, string split, DatasetOptions options)
    {
        TfdsFolder wanted = TfdsFolder.Parse(dataset);
        List<string> notes = [];
        string folder = wanted.Find(dataDir, notes);
        string infoFile = Path.Combine(folder, TfdsInfo.InfoFile);
        TfdsInfo info = TfdsInfo.Read(infoFile);
        if (info.Name != wanted.Name)
            throw new DatasetException($"{infoFile} is of the set '{info.Name}', not of '{wanted.Name}'; name that one, or another folder",
                wrongOption: true);
        TfdsFeatures features = TfdsFeatures.Read(folder, info);
        ClassList classes = ReadClasses(folder, features);
        IReadOnlyList<SplitPart> parts = SplitExpression.Resolve(split, info.Splits, dataset, notes);
        var (paths, pieces) = Files(folder, info, parts);
        var files = new ContainerFiles(paths, options);
        try
        {
            TfRecordIndex[] indices = IndexCache.OfUser.Get(new TfRecordIndexer(features.Keys), files, options);
            TfdsRecords records = TfdsRecords.Take(files, indices, pieces, features, dataset);
            IReadOnlyList<DatasetScore> scores = ImageNetScores.Of(info.Name, folder, classes, features);
            return new TfdsDataset($"{dataset}/{split}", classes, files, records, scores, notes, options);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Describe(int index) =>
        string.Create(CultureInfo.InvariantCulture, $"{FileOf(index)}, record {records.Numbers[index]}");

    /// <inheritdoc/>
    public override string ImageName(int index) =>
        records.Name(index, files) is { } name ? NameBelowClass(index, name) : base.ImageName(index);

    /// <inheritdoc/>
    public override ReadOnlySpan<int> LabelSet(int index) => records.LabelSets is { } sets ? sets[index] : base.LabelSet(index);

    /// <inheritdoc/>
    protected override ReadOnlyMemory<byte> Image(int index, ReadOnlyMemory<byte> bytes, string name)
    {
        if (!TfRecord.IsSound(bytes.Span))
            throw new ImageDecodeException(ImageProblem.Corrupt,
                "the record does not have its checksum, so its bytes were changed; copy the "
                + "file again from where it was prepared", name, bytes.Length);
        (int at, int length) = records.Images[index];
        return at >= 0 ? bytes.Slice(TfRecord.HeaderLength + at, length)
            : throw new ImageDecodeException(ImageProblem.Corrupt, "the record is no example with an image", name, bytes.Length);
    }

    static ClassList ReadClasses(string folder, TfdsFeatures features)
    {
        string path = Path.Combine(folder, TfdsInfo.LabelsFile(features.NamesKey));
        if (!File.Exists(path))
            return new ClassList(Enumerable.Range(0, features.ClassCount).Select(i => i.ToString(CultureInfo.InvariantCulture)));
        string[] names = ReadNames(path);
        if (names.Length != features.ClassCount)
            throw new DatasetException(
                $"{path} names {Quantity.Of(names.Length, "class", "classes")}, and {TfdsInfo.FeaturesFile} beside it "
                + $"tells of {features.ClassCount}; copy both again from where the set was prepared");
        return new ClassList(names);
    }

    /// <summary>The class names in a file.</summary>
    /// <exception cref="DatasetException">It cannot be read.</exception>
    public static string[] ReadNames(string path) =>
        [.. TextFile.ReadLines(path, "class names").Select(l => l.Trim()).Where(l => l.Length > 0)];

    /// <summary>The files that the parts lie in, each once, and the records of each that are wanted.</summary>
    static (string[] Paths, List<ShardPiece> Pieces) Files(string folder, TfdsInfo info, IReadOnlyList<SplitPart> parts)
    {
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        List<ShardPiece> pieces = [];
        foreach (SplitPart part in parts)
        {
            long begin = 0;
            for (int shard = 0; shard < part.Split.ShardLengths.Count; shard++)
            {
                int length = part.Split.ShardLengths[shard];
                (long from, long to) = (Math.Max(part.From - begin, 0), Math.Min(part.To - begin, length));
                begin += length;
                if (from >= to)
                    continue;
                string path = Path.Combine(folder, part.Split.FileName(info.Name, shard));
                if (!numbers.TryGetValue(path, out int file))
                {
                    if (!File.Exists(path))
                        throw new DatasetException($"there is no {path}, one of {Quantity.Of(part.Split.ShardLengths.Count, "file")} that "
                            + $"{TfdsInfo.InfoFile} beside it tells of; copy the set again from where it was prepared");
                    numbers.Add(path, file = numbers.Count);
                }
                pieces.Add(new ShardPiece(file, (int)from, (int)to, length));
            }
        }
        return ([.. numbers.OrderBy(static n => n.Value).Select(static n => n.Key)], pieces);
    }
}
