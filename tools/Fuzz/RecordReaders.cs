using System.Globalization;
using System.Text;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Containers;
using PerturbedForgetting.Vision.Datasets.Containers.Records;
using PerturbedForgetting.Vision.Datasets.Containers.Zip;
using PerturbedForgetting.Vision.Datasets.ImageNet;
using PerturbedForgetting.Vision.Datasets.Tfds;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Fuzz;

/// <summary>Reads TFRecord files as shards of two prepared sets, one with a label and one with several, and each of their images.</summary>
sealed class TfRecordFuzzReader : FuzzReader
{
    const string Shard = "fuzz-train.tfrecord-00000-of-00001";

    static readonly (string Folder, string Target, string Features)[] sets =
    [
        ("label", "label", Feature("label", "ClassLabel", "\"num_classes\": 1000")),
        ("labels", "real_label", Feature("original_label", "ClassLabel", "\"num_classes\": 1000") + ", "
            + Feature("real_label", "Sequence", "\"feature\": {\"type\": \"ClassLabel\", \"content\": {\"num_classes\": 1000}}")),
    ];

    readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fuzz-");
    readonly ImageDecoder decoder = new();

    /// <summary>Prepares the sets.</summary>
    public TfRecordFuzzReader()
    {
        foreach ((string name, _, string features) in sets)
        {
            folder.CreateSubdirectory(name);
            File.WriteAllText(PathOf(name, TfdsInfo.FeaturesFile), "{\"type\": \"FeaturesDict\", \"content\": {" + string.Join(", ",
                Feature("image", "Image", ""), Feature("file_name", "Text", ""), features) + "}}");
        }
    }

    /// <summary>A mutant whose checksums are right in two of three, so that what is behind them is reached.</summary>
    public static byte[] Mutate(IReadOnlyList<byte[]> seeds, Random random)
    {
        byte[] file = ByteMutator.Mutate(seeds, random);
        if (random.Next(3) == 0)
            return file;
        for (int at = 0; at + TfRecord.FrameLength <= file.Length;)
        {
            TfRecord.TryReadHeader(file.AsSpan(at), out ulong length);
            if (length > (ulong)(file.Length - at - TfRecord.FrameLength))
                break;
            Span<byte> data = file.AsSpan(at + TfRecord.HeaderLength, (int)length);
            TfRecord.WriteHeader(file.AsSpan(at), (int)length);
            BitConverter.TryWriteBytes(file.AsSpan(at + TfRecord.HeaderLength + (int)length), Crc32C.Masked(data));
            at += TfRecord.FrameLength + (int)length;
        }
        return file;
    }

    /// <inheritdoc/>
    public override long Read(byte[] mutant)
    {
        foreach ((string name, string target, _) in sets)
        {
            string shard = PathOf(name, Shard);
            File.WriteAllBytes(shard, mutant);
            try
            {
                int count = new TfRecordIndexer(new ExampleKeys("image", null, null, null)).Make(shard, static _ => { }).Records.Length;
                File.WriteAllText(PathOf(name, TfdsInfo.InfoFile), "{\"name\": \"fuzz\", \"splits\": [{\"name\": \"train\", \"shardLengths\": ["
                    + count.ToString(CultureInfo.InvariantCulture) + "]}], \"supervisedKeys\": {\"input\": \"image\", \"output\": \""
                    + target + "\"}}");
                using Dataset data = DatasetFactory.Open("tfds/fuzz", PathOf(name, ""), "train");
                data.CheckLabels(1000);
                for (int i = 0; i < data.Count; i++)
                    ReadImage(data, i);
            }
            catch (DatasetException)
            {
            }
        }
        return 0;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        decoder.Dispose();
        folder.Delete(recursive: true);
    }

    void ReadImage(Dataset data, int index)
    {
        try
        {
            _ = data.Encoded(index, decoder).Length + data.LabelSet(index).Length + data.ImageName(index).Length;
        }
        catch (ImageDecodeException)
        {
        }
    }

    string PathOf(string set, string file) => Path.Combine(folder.FullName, set, file);

    static string Feature(string key, string kind, string content) => $"\"{key}\": {{\"type\": \"{kind}\", \"content\": {{{content}}}}}";
}

/// <summary>Reads indices of TFRecord files that were kept, of a file of any length.</summary>
sealed class TfRecordIndexFuzzReader : FuzzReader
{
    static readonly TfRecordIndexer indexer = new(new ExampleKeys("image", "label", "real_label", "file_name"));

    /// <summary>A mutant of the indices of files.</summary>
    public static byte[] Mutate(IReadOnlyList<byte[]> seeds, Random random)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, seeds[random.Next(seeds.Count)]);
            var to = new IndexWriter();
            indexer.Write(indexer.Make(path, static _ => { }), to);
            return ByteMutator.Mutate([to.Data.ToArray()], random);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <inheritdoc/>
    public override long Read(byte[] mutant)
    {
        foreach (long length in (long[])[0, mutant.Length, 7000, long.MaxValue])
        {
            try
            {
                TfRecordIndex index = indexer.Read(new IndexReader(mutant), length);
                for (int i = 0; i < index.Records.Length; i++)
                    _ = index.LabelSet(i).Length;
            }
            catch (InvalidDataException)
            {
            }
        }
        return 0;
    }
}

/// <summary>Reads a mutant as every file that TFDS keeps beside its records, and what names the parts of a split.</summary>
sealed class TfdsFuzzReader : FileFuzzReader
{
    const int LongestOption = 1000;

    static readonly string[] expressions = ["train", "train[:10%]", "test[-3:]+train[1shard]", "all", "train[:-1shard]"];

    protected override void ReadFile()
    {
        string folder = System.IO.Path.GetDirectoryName(Path)!;
        TfdsInfo info = new("fuzz", [new TfdsSplit("train", [1])], "image", "label");
        Try(() => info = TfdsInfo.Read(Path));
        foreach (string expression in expressions)
            Try(() => SplitExpression.Resolve(expression, info.Splits, "fuzz", []).Select(p => p.Split.FileName("fuzz", 0)).Last());
        byte[] bytes = File.ReadAllBytes(Path);
        string option = Encoding.UTF8.GetString(bytes.AsSpan(0, Math.Min(bytes.Length, LongestOption)));
        Try(() => SplitExpression.Resolve(option, info.Splits, "fuzz", []));
        Try(() => TfdsFolder.Parse("tfds/" + option));
        Try(() => RealLabels.Read(Path));
        File.Move(Path, System.IO.Path.Combine(folder, TfdsInfo.FeaturesFile), overwrite: true);
        Try(() => TfdsFeatures.Read(folder, info));
    }

    static void Try(Action read)
    {
        try
        {
            read();
        }
        catch (DatasetException)
        {
        }
    }
}

/// <summary>Reads zip archives, and each of their images.</summary>
sealed class ZipFuzzReader : FileFuzzReader
{
    readonly ImageDecoder decoder = new();

    public override void Dispose()
    {
        decoder.Dispose();
        base.Dispose();
    }

    protected override void ReadFile()
    {
        try
        {
            using Dataset data = ZipSet.Open(Path, "", new DatasetOptions());
            for (int i = 0; i < data.Count; i++)
                ReadImage(data, i);
        }
        catch (DatasetException)
        {
        }
    }

    void ReadImage(Dataset data, int index)
    {
        try
        {
            _ = data.Encoded(index, decoder).Length + data.ImageName(index).Length;
        }
        catch (ImageDecodeException)
        {
        }
    }
}
