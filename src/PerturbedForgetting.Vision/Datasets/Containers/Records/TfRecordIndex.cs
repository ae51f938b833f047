namespace PerturbedForgetting.Vision.Datasets.Containers.Records;

/// <summary>A record of a TFRecord file.</summary>
/// <param name="Offset">Place of its frame in the file.</param>
/// <param name="Length">Bytes of its data.</param>
/// <param name="ImageAt">Place of the image within the data; negative where the data are no example with an image.</param>
/// <param name="ImageLength">Bytes of the image.</param>
/// <param name="Label">The label, or one of the values below.</param>
/// <param name="LabelSetEnd">Where the record's labels end in <see cref="TfRecordIndex.LabelSets"/>; they begin where those of the record
/// before end.</param>
/// <param name="NameAt">Place of the name of the image's file within the data.</param>
/// <param name="NameLength">Bytes of the name; 0 where there is none.</param>
readonly record struct TfRecordEntry(
    long Offset, int Length, int ImageAt, int ImageLength, int Label, int LabelSetEnd, int NameAt, int NameLength)
{
    /// <summary>The record has a label of -1, as sets have whose labels are secret.</summary>
    public const int Unlabelled = -1;

    /// <summary>The record has no label, several, or one that no class can have.</summary>
    public const int NoLabel = -2;

    /// <summary>What is kept of a label.</summary>
    public static int LabelOf(long? label) => label is >= Unlabelled and < int.MaxValue - 2 ? (int)label : NoLabel;
}

/// <summary>Where the records of a TFRecord file are, and their labels.</summary>
/// <param name="Records">The records in their order.</param>
/// <param name="LabelSets">The labels of records that may have several, one record after the other.</param>
sealed record TfRecordIndex(TfRecordEntry[] Records, int[] LabelSets)
{
    /// <summary>The labels of a record that may have several.</summary>
    public ReadOnlySpan<int> LabelSet(int record) =>
        LabelSets.AsSpan((record == 0 ? 0 : Records[record - 1].LabelSetEnd)..Records[record].LabelSetEnd);
}

/// <summary>Makes indices of TFRecord files with examples: reads the frames and what lies around the images.</summary>
/// <param name="keys">The features that are wanted.</param>
sealed class TfRecordIndexer(ExampleKeys keys) : IContainerIndexer<TfRecordIndex>
{
    const int Report = 1 << 22, LongestName = 1 << 10;

    /// <inheritdoc/>
    public string Kind { get; } = $"tfrecord1-{Convert.ToHexStringLower(System.IO.Hashing.XxHash3.Hash(System.Text.Encoding.UTF8.GetBytes(
        $"{keys.Image}\n{keys.Label}\n{keys.LabelSet}\n{keys.Name}")))}";

    /// <inheritdoc/>
    public TfRecordIndex Make(ContainerFiles files, int file, Action<long> advance)
    {
        string path = files.Paths[file];
        var window = new FileWindow(files, file);
        var scanner = new ExampleScanner(window, keys);
        List<TfRecordEntry> records = [];
        List<int> labels = [];
        long position = 0, reported = 0;
        bool hasImages = false;
        while (position < window.Length)
        {
            int length = ReadFrame(path, window, position, records.Count);
            TfRecordEntry entry = new(position, length, -1, 0, TfRecordEntry.NoLabel, labels.Count, 0, 0);
            long data = position + TfRecord.HeaderLength;
            if (scanner.Scan(data, length))
            {
                foreach (long label in scanner.LabelSet)
                    labels.Add(TfRecordEntry.LabelOf(label));
                hasImages |= scanner.Image is not null;
                entry = entry with
                {
                    ImageAt = scanner.Image is { At: var image } ? (int)(image - data) : -1,
                    ImageLength = scanner.Image?.Length ?? 0,
                    Label = TfRecordEntry.LabelOf(scanner.Label),
                    LabelSetEnd = labels.Count,
                };
                if (scanner.Name is { Length: <= LongestName } name)
                    entry = entry with { NameAt = (int)(name.At - data), NameLength = name.Length };
            }
            records.Add(entry);
            position += TfRecord.FrameLength + length;
            if (position - reported >= Report)
            {
                advance(position - reported);
                reported = position;
            }
        }
        if (records.Count > 0 && !hasImages)
            throw new DatasetException($"{path}: no record is an example with a feature '{keys.Image}'"
                + (scanner.Names.Count > 0 ? $"; they have {string.Join(", ", scanner.Names)}" : ""));
        advance(position - reported);
        return new TfRecordIndex([.. records], [.. labels]);
    }

    /// <inheritdoc/>
    public void Write(TfRecordIndex index, IndexWriter to)
    {
        to.Number(index.Records.Length);
        for (int i = 0; i < index.Records.Length; i++)
        {
            TfRecordEntry entry = index.Records[i];
            to.Number(entry.Length);
            to.Number(entry.ImageAt + 1);
            to.Number(entry.ImageLength);
            to.Number(entry.NameAt);
            to.Number(entry.NameLength);
            to.Number(entry.Label - TfRecordEntry.NoLabel);
            ReadOnlySpan<int> labels = index.LabelSet(i);
            to.Number(labels.Length);
            foreach (int label in labels)
                to.Number(label - TfRecordEntry.NoLabel);
        }
    }

    /// <inheritdoc/>
    public TfRecordIndex Read(IndexReader from, long length)
    {
        var records = new TfRecordEntry[from.Count()];
        List<int> labels = [];
        long position = 0;
        for (int i = 0; i < records.Length; i++)
        {
            long left = Math.Max(0, length - position - TfRecord.FrameLength);
            int data = (int)from.Number(Math.Min(int.MaxValue - TfRecord.FrameLength, left));
            int imageAt = (int)from.Number(data) - 1;
            int imageLength = (int)from.Number(imageAt < 0 ? 0 : data - imageAt);
            int nameAt = (int)from.Number(data);
            int nameLength = (int)from.Number(Math.Min(LongestName, data - nameAt));
            int label = ReadLabel(from);
            for (int more = from.Count(); more > 0; more--)
                labels.Add(ReadLabel(from));
            records[i] = new TfRecordEntry(position, data, imageAt, imageLength, label, labels.Count, nameAt, nameLength);
            position += TfRecord.FrameLength + data;
        }
        return position == length ? new TfRecordIndex(records, [.. labels])
            : throw new InvalidDataException("the index is of another file");
    }

    static int ReadLabel(IndexReader from) => (int)from.Number(int.MaxValue - 1) + TfRecordEntry.NoLabel;

    /// <summary>Checks the frame of a record.</summary>
    /// <returns>Bytes of its data.</returns>
    static int ReadFrame(string path, FileWindow window, long position, int record)
    {
        ReadOnlySpan<byte> header = window.At(position, TfRecord.HeaderLength);
        if (position == 0 && header is [0x1F, 0x8B, ..])
            throw new DatasetException($"{path} is packed by gzip, and records are read from unpacked files only; unpack it");
        if (header.Length < TfRecord.HeaderLength)
            throw CutShort(path, window, position, record);
        if (!TfRecord.TryReadHeader(header, out ulong length))
            throw new DatasetException(position == 0
                ? $"{path} does not begin like a TFRecord file; it is another file or damaged, copy it again from where it was prepared"
                : $"{path} is damaged: the length of record {record}, at byte {position}, does not have its checksum, so that the records "
                    + "from there on cannot be found; copy the file again from where it was prepared");
        if (length > int.MaxValue - TfRecord.FrameLength)
            throw new DatasetException($"{path}: record {record}, at byte {position}, has {length} bytes, and none with an image does");
        return position + TfRecord.FrameLength + (long)length <= window.Length
            ? (int)length
            : throw CutShort(path, window, position, record);
    }

    static DatasetException CutShort(string path, FileWindow window, long position, int record) =>
        new($"{path} is cut short: it ends within record {record}, which begins at byte {position} of {window.Length}; copy the file again "
            + "from where it was prepared");
}
