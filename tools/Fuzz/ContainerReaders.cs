using System.Text;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Containers;
using PerturbedForgetting.Vision.Datasets.Containers.Records;
using PerturbedForgetting.Vision.Datasets.Containers.Tar;
using PerturbedForgetting.Vision.Datasets.Conversion;
using PerturbedForgetting.Vision.Datasets.ImageNet;
using PerturbedForgetting.Vision.Datasets.Tfds;
using PerturbedForgetting.Vision.Datasets.WebDataset;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Fuzz;

/// <summary>Reads what tells how far the conversion of a data set is.</summary>
sealed class ConversionFuzzReader : FileFuzzReader
{
    protected override void ReadFile()
    {
        string folder = System.IO.Path.GetDirectoryName(Path)!;
        File.Move(Path, System.IO.Path.Combine(folder, ".convert.json"), overwrite: true);
        try
        {
            foreach (ConvertedSplit split in ConversionJournal.Read(folder)!.Splits)
                _ = split.Count + split.Next;
        }
        catch (DatasetException)
        {
        }
    }
}

/// <summary>Opens data sets that lie in containers, and reads the bytes of every image.</summary>
/// <param name="fileName">What a mutant is called.</param>
abstract class ContainerFuzzReader(string fileName) : FuzzReader
{
    readonly ImageDecoder decoder = new();

    /// <summary>The folder that a mutant lies in.</summary>
    protected DirectoryInfo Folder { get; } = Directory.CreateTempSubdirectory("fuzz-");

    protected string Path => System.IO.Path.Combine(Folder.FullName, fileName);

    /// <summary>How many records a TFRecord mutant has.</summary>
    protected int Count(TfRecordIndexer indexer)
    {
        using var files = new ContainerFiles([Path], new DatasetOptions());
        return indexer.Make(files, 0, static _ => { }).Records.Length;
    }

    public sealed override long Read(byte[] mutant)
    {
        File.WriteAllBytes(Path, mutant);
        try
        {
            using Dataset data = Open();
            for (int i = 0; i < data.Count; i++)
            {
                _ = data.Label(i);
                _ = data.ImageName(i);
                try
                {
                    data.Encoded(i, decoder);
                }
                catch (ImageDecodeException)
                {
                }
            }
        }
        catch (DatasetException)
        {
        }
        return 0;
    }

    public override void Dispose()
    {
        decoder.Dispose();
        Folder.Delete(recursive: true);
    }

    /// <summary>Opens the set with the mutant.</summary>
    protected abstract Dataset Open();
}

/// <summary>Tar archives of folders of images.</summary>
sealed class TarFuzzReader() : ContainerFuzzReader("mutant.tar")
{
    protected override Dataset Open() => DatasetFactory.Open("tar", Path, "train");
}

/// <summary>WebDataset shards.</summary>
sealed class WebDatasetFuzzReader() : ContainerFuzzReader("train-000000.tar")
{
    protected override Dataset Open() => DatasetFactory.Open("webdataset", Path, "train");
}

/// <summary>Indices of archives and shards that are kept, behind their checksums.</summary>
sealed class IndexFuzzReader : FuzzReader
{
    const long Length = 1 << 20;

    public override long Read(byte[] mutant)
    {
        foreach (Action read in (Action[])[() => new TarIndexer().Read(new IndexReader(mutant), Length),
            () => new ShardIndexer().Read(new IndexReader(mutant), Length)])
        {
            try
            {
                read();
            }
            catch (InvalidDataException)
            {
            }
        }
        return 0;
    }
}

/// <summary>The devkit's list of ImageNet's classes.</summary>
sealed class MatFuzzReader : FuzzReader
{
    public override long Read(byte[] mutant)
    {
        try
        {
            MatFile.Read(mutant, "mutant", "synsets");
        }
        catch (DatasetException)
        {
        }
        return 0;
    }
}

/// <summary>A pickled batch of CIFAR.</summary>
sealed class CifarFuzzReader() : ContainerFuzzReader("test_batch")
{
    protected override Dataset Open() => DatasetFactory.Open("cifar10", Folder.FullName, "test");
}

/// <summary>Parquet files.</summary>
sealed class ParquetFuzzReader() : ContainerFuzzReader("mutant.parquet")
{
    protected override Dataset Open() => DatasetFactory.Open("parquet", Path, "train");
}

/// <summary>TFRecord files of a prepared set that says it has as many records as there are.</summary>
sealed class TfRecordFuzzReader : ContainerFuzzReader
{
    readonly ClassList classes = new(Enumerable.Range(0, 10).Select(static i => $"c{i}"));
    int told = -1;

    public TfRecordFuzzReader() : base("set-train.tfrecord-00000-of-00001")
    {
    }

    protected override Dataset Open()
    {
        var indexer = new TfRecordIndexer(new ExampleKeys(ImageExample.ImageKey, ImageExample.LabelKey, null, ImageExample.FileNameKey));
        int count = Count(indexer);
        if (count != told)
            TfdsMetadata.Write(Folder.FullName, "set", "1.0.0", [new TfdsSplit("train", [count])], classes);
        told = count;
        return TfdsDataset.Open("tfds/set", Folder.FullName, "train", new DatasetOptions());
    }
}

/// <summary>The JSON files of a prepared set, each in the place of both.</summary>
sealed class TfdsJsonFuzzReader : FileFuzzReader
{
    protected override void ReadFile()
    {
        string folder = System.IO.Path.GetDirectoryName(Path)!;
        try
        {
            TfdsInfo info = TfdsInfo.Read(Path);
            foreach (string split in info.Splits.Select(static s => s.Name).Append("train[1:3]"))
                SplitExpression.Resolve(split, info.Splits, "set", []);
        }
        catch (DatasetException)
        {
        }
        File.Move(Path, System.IO.Path.Combine(folder, TfdsInfo.FeaturesFile), overwrite: true);
        try
        {
            TfdsFeatures.Read(folder, new TfdsInfo("set", [], "image", "label"));
        }
        catch (DatasetException)
        {
        }
    }
}

/// <summary>Split expressions as people type them.</summary>
sealed class SplitFuzzReader : FuzzReader
{
    static readonly TfdsSplit[] splits = [new("train", [10, 20, 30]), new("validation", [7])];

    public override long Read(byte[] mutant)
    {
        try
        {
            SplitExpression.Resolve(Encoding.UTF8.GetString(mutant), splits, "set", []);
        }
        catch (DatasetException)
        {
        }
        return 0;
    }
}
