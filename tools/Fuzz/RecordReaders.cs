using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Containers;
using PerturbedForgetting.Vision.Datasets.Containers.Records;
using PerturbedForgetting.Vision.Datasets.Containers.Zip;
using PerturbedForgetting.Vision.Datasets.ImageNet;
using PerturbedForgetting.Vision.Datasets.Tfds;

namespace PerturbedForgetting.Fuzz;

/// <summary>Reads TFRecord files as shards of a prepared set whose images have several labels.</summary>
sealed class TfRecordLabelsFuzzReader : ContainerFuzzReader
{
    const string Features = """
        {"type": "FeaturesDict", "content": {
            "image": {"type": "Image", "content": {}}, "file_name": {"type": "Text", "content": {}},
            "original_label": {"type": "ClassLabel", "content": {"num_classes": 1000}},
            "real_label": {"type": "Sequence", "content": {"feature": {"type": "ClassLabel", "content": {"num_classes": 1000}}}}}}
        """;

    public TfRecordLabelsFuzzReader() : base("set-train.tfrecord-00000-of-00001")
    {
    }

    protected override Dataset Open()
    {
        var indexer = new TfRecordIndexer(new ExampleKeys(ImageExample.ImageKey, null, null, null));
        int count = Count(indexer);
        File.WriteAllText(System.IO.Path.Combine(Folder.FullName, TfdsInfo.FeaturesFile), Features);
        File.WriteAllText(System.IO.Path.Combine(Folder.FullName, TfdsInfo.InfoFile), FormattableString.Invariant($$"""
            {"name": "set", "splits": [{"name": "train", "shardLengths": [{{count}}] } ],
                "supervisedKeys": {"input": "image", "output": "real_label"} }
            """));
        Dataset data = TfdsDataset.Open("tfds/set", Folder.FullName, "train", new DatasetOptions());
        data.CheckLabels(1000);
        return data;
    }
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
            using var files = new ContainerFiles([path], new DatasetOptions());
            var to = new IndexWriter();
            indexer.Write(indexer.Make(files, 0, static _ => { }), to);
            return ByteMutator.Mutate([to.Data.ToArray()], random);
        }
        finally
        {
            File.Delete(path);
        }
    }

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

/// <summary>Zip archives with folders of classes.</summary>
sealed class ZipFuzzReader : ContainerFuzzReader
{
    public ZipFuzzReader() : base("set.zip")
    {
    }

    protected override Dataset Open() => ZipSet.Open(Path, "", new DatasetOptions());
}

/// <summary>The labels of ImageNet-ReaL.</summary>
sealed class RealLabelsFuzzReader : FileFuzzReader
{
    protected override void ReadFile()
    {
        try
        {
            RealLabels.Read(Path);
        }
        catch (DatasetException)
        {
        }
    }
}
