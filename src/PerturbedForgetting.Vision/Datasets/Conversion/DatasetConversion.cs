using System.IO.Hashing;
using System.Runtime.InteropServices;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Vision.Datasets.Conversion;

/// <summary>Choices of <see cref="DatasetConversion"/>.</summary>
public sealed record DatasetConversionOptions
{
    /// <summary>The form: one of <see cref="DatasetConversion.Forms"/>.</summary>
    public required string Form { get; init; }

    /// <summary>The folder to fill.</summary>
    public required string Folder { get; init; }

    /// <summary>Name of the set, where the form has one.</summary>
    public string Name { get; init; } = "images";

    /// <summary>About as many bytes does a shard have at most, unless a single image has more.</summary>
    public long ShardBytes { get; init; } = 256_000_000;

    /// <summary>What becomes of images whose bytes cannot be read.</summary>
    public BadImagePolicy BadImages { get; init; }

    /// <summary>Choices in reading.</summary>
    public ImageDecoderOptions Decoder { get; init; } = ImageDecoderOptions.Default;

    /// <summary>Hears of bad images, and of what is done.</summary>
    public Action<string>? Report { get; init; }

    /// <summary>Hears, after each shard, how many of how many images are done.</summary>
    public Action<string, int, int>? Progress { get; init; }

    /// <summary>How sets that were written are opened.</summary>
    public DatasetOptions Reading { get; init; } = new();

    /// <summary>Ends the conversion; the next one goes on.</summary>
    public CancellationToken Stop { get; init; }
}

/// <summary>A set that was written.</summary>
/// <param name="Images">Images written.</param>
/// <param name="Bad">Images left out.</param>
/// <param name="Dataset">What its kind is called; empty for folders.</param>
/// <param name="DataDir">Where it lies.</param>
/// <param name="ClassMapFile">The list of classes that is needed to read it; null where it is read without.</param>
public sealed record ConvertedDataset(int Images, int Bad, string Dataset, string DataDir, string? ClassMapFile);

/// <summary>Copies data sets into another form: the bytes of the images as they are, their classes and splits. A conversion that is ended,
/// at whatever moment, goes on where it was when it is called again. In the end everything is read back and compared by
/// checksums.</summary>
public sealed class DatasetConversion
{
    /// <summary>What sets are converted to.</summary>
    public static readonly IReadOnlyList<string> Forms = ["folder", "webdataset", "tfrecord"];

    const string LockFile = ".convert.lock";

    readonly DatasetConversionOptions options;
    readonly ConversionTarget target;
    readonly string form;

    DatasetConversion(DatasetConversionOptions options)
    {
        this.options = options;
        target = options.Form switch
        {
            "folder" => new FolderTarget(options.Folder),
            "webdataset" => new WebDatasetTarget(options.Folder),
            "tfrecord" => new TfRecordTarget(options.Folder, options.Name),
            _ => throw new ArgumentException($"there is no form {options.Form}; there are {string.Join(", ", Forms)}"),
        };
        form = FormattableString.Invariant($"{options.Form}, {options.Name}, {options.ShardBytes}, {options.BadImages}");
    }

    /// <summary>Converts.</summary>
    /// <param name="splits">Names of the splits and their images, which all have the same classes.</param>
    /// <param name="options">To what, and where.</param>
    /// <exception cref="DatasetException">The folder holds something else, or what is read back is not what was written.</exception>
    /// <exception cref="ImageDecodeException">An image cannot be read.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static ConvertedDataset Run(
        IReadOnlyList<(string Split, Dataset Data)> splits, DatasetConversionOptions options) =>
        new DatasetConversion(options).Run(splits);

    ConvertedDataset Run(IReadOnlyList<(string Split, Dataset Data)> splits)
    {
        ClassList classes = splits[0].Data.Classes;
        foreach ((string split, Dataset data) in splits)
        {
            ConversionTarget.RequireName(split);
            if (!data.Classes.SameAs(classes))
                throw new DatasetException($"{data.Name} and {splits[0].Data.Name} have other classes; convert them one by one");
        }
        target.Check(classes);
        Directory.CreateDirectory(options.Folder);
        using FileStream held = Hold();
        ConversionJournal journal = Begin(splits);
        AtomicFile.DeleteAbandoned(options.Folder);
        if (!journal.IsVerified)
        {
            for (int i = 0; i < splits.Count; i++)
                Write(journal, i, splits[i].Data);
            target.Finish(journal.Splits, classes);
            foreach (ConvertedSplit split in journal.Splits)
                Verify(split, classes);
            journal = journal with { IsVerified = true };
            journal.Write(options.Folder);
        }
        else
            target.Finish(journal.Splits, classes);
        int images = journal.Splits.Sum(static s => s.Count);
        return new(images, splits.Sum(static s => s.Data.Count) - images, target.Dataset, options.Folder, target.ClassMapFile);
    }

    FileStream Hold()
    {
        try
        {
            return new FileStream(Path.Combine(options.Folder, LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1,
                FileOptions.DeleteOnClose);
        }
        catch (IOException e)
        {
            throw new DatasetException($"{options.Folder}: another conversion is writing there, or nothing can be written ({e.Message})");
        }
    }

    /// <summary>The journal that is there, if it is of this conversion; else a new one in an empty folder.</summary>
    ConversionJournal Begin(IReadOnlyList<(string Split, Dataset Data)> splits)
    {
        List<ConvertedSplit> wanted =
            [.. splits.Select(static s => new ConvertedSplit { Name = s.Split, Source = Describe(s.Data), Shards = [] })];
        if (ConversionJournal.Read(options.Folder) is { } found)
        {
            if (found.Form != form)
                throw Other($"as '{found.Form}', and this is '{form}'");
            if (!found.Splits.Select(static s => (s.Name, s.Source)).SequenceEqual(wanted.Select(static s => (s.Name, s.Source))))
                throw Other("of other images or splits");
            foreach (ConvertedSplit split in found.Splits.Where(static s => s.Next > 0))
                options.Report?.Invoke(FormattableString.Invariant($"{split.Name}: {Quantity.Of(split.Count, "image")} are there already"));
            return found;
        }
        if (Directory.EnumerateFileSystemEntries(options.Folder).Any(static e => Path.GetFileName(e) is not LockFile
            && !Path.GetFileName(e).StartsWith(".pf-", StringComparison.Ordinal)))
            throw new DatasetException($"{options.Folder} holds other files; name a folder that is empty or new", wrongOption: true);
        var journal = new ConversionJournal { Form = form, Splits = wanted };
        journal.Write(options.Folder);
        return journal;

        DatasetException Other(string what) => new($"{options.Folder} holds a conversion {what}; name another folder, or remove that one",
            wrongOption: true);
    }

    static string Describe(Dataset data)
    {
        var labels = new XxHash3();
        Span<int> label = stackalloc int[1];
        for (int i = 0; i < data.Count; i++)
        {
            label[0] = data.Label(i);
            labels.Append(MemoryMarshal.AsBytes(label));
        }
        return FormattableString.Invariant(
            $"{data.Count} images, classes {data.Classes.Hash}, labels {labels.GetCurrentHashAsUInt64():x16}");
    }

    void Write(ConversionJournal journal, int number, Dataset data)
    {
        ConvertedSplit split = journal.Splits[number];
        if (split.Next >= data.Count)
            return;
        var names = new ImageNames(data, target.NamesByClass);
        using (var source = new ConversionSource(data, names, options, split.Next, split.Count, target.KeepsOrder))
        {
            while (source.HasNext())
            {
                target.WriteShard(split.Name, split.Shards.Count, data.Classes, source.Shard());
                split.Shards.Add(source.End());
                journal.Write(options.Folder);
                options.Progress?.Invoke($"writing {split.Name}", source.Next, data.Count);
            }
        }
        if (split.Shards.Count == 0)
            throw new DatasetException($"{data.Name}: none of {Quantity.Of(data.Count, "image")} can be read");
    }

    void Verify(ConvertedSplit split, ClassList classes)
    {
        using Dataset written = target.Open(split, options.Reading);
        if (written.Count != split.Count || !written.Classes.SameAs(classes))
        {
            throw new DatasetException(FormattableString.Invariant($"{written.Name} was written with {split.Count} images of ")
                + FormattableString.Invariant($"{classes.Count} classes, and read back with {written.Count} of {written.Classes.Count}; ")
                + $"remove {options.Folder} and convert again");
        }
        using var decoder = new ImageDecoder(options.Decoder);
        ulong expected = 0, found = 0;
        int index = 0;
        for (int i = 0; i < split.Shards.Count; i++)
        {
            expected += split.Shards[i].Digest;
            for (int left = split.Shards[i].Count; left > 0; left--, index++)
            {
                options.Stop.ThrowIfCancellationRequested();
                found += ConversionSource.Digest(written.Encoded(index, decoder).Span, written.Label(index), target.KeepsOrder ? index : 0);
            }
            // By class, the images of a piece lie anywhere.
            if ((target.KeepsOrder || i == split.Shards.Count - 1) && found != expected)
                throw new DatasetException($"{target.Where(split.Name, i)} does not hold what was written; disk or memory is at fault: "
                    + $"remove {options.Folder} and convert again");
            options.Progress?.Invoke($"reading back {split.Name}", index, split.Count);
        }
    }
}
