using System.Formats.Tar;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Conversion;

namespace PerturbedForgetting.Tests.Training;

/// <summary>The same images in folders, tar, TFRecord, WebDataset and Parquet give the same training run, bit for bit: labels and order are
/// the same, and so are the bytes of the images.</summary>
sealed class ContainerEqualityTests : TempFolderFixture
{
    [Test]
    public void TheContainerMakesNoDifference()
    {
        List<(string Split, Dataset Data)> drawn = [.. new[] { "train", "validation" }
            .Select(s => (s, DatasetFactory.Open("builtin/shapes:train=40,val=20,size=16", null, s)))];
        Convert(drawn, "folder");
        List<(string Split, Dataset Data)> photos = [.. drawn.Select(s => (s.Split, DatasetFactory.Open("", folder["folder"], s.Split)))];
        Convert(photos, "tfrecord");
        Convert(photos, "webdataset");
        TarFile.CreateFromDirectory(folder["folder"], folder["images.tar"], includeBaseDirectory: false);
        string expected = Train("", folder["folder"]);
        Assert.Multiple(() =>
        {
            Assert.That(Train("tfds/images", folder["tfrecord"]), Is.EqualTo(expected), "TFRecord");
            Assert.That(Train("webdataset", folder["webdataset"]), Is.EqualTo(expected), "WebDataset");
            Assert.That(Train("tar", folder["images.tar"]), Is.EqualTo(expected), "tar");
        });
    }

    /// <summary>Twelve images of CIFAR-10 in Parquet files of other programs, and what is made of them.</summary>
    [Test]
    public void ParquetMakesNoDifferenceEither()
    {
        string files = Path.Combine(SourceTree.Root, "tests", "PerturbedForgetting.Tests", "Vision", "Parquet");
        Directory.CreateDirectory(folder["parquet/data"]);
        foreach (string shard in (string[])["train-00000-of-00002", "train-00001-of-00002"])
            File.Copy(Path.Combine(files, $"{shard}.parquet"), folder[$"parquet/data/{shard}.parquet"]);
        File.Copy(Path.Combine(files, "gzip.parquet"), folder["parquet/data/validation-00000-of-00001.parquet"]);
        List<(string Split, Dataset Data)> rows = [.. new[] { "train", "validation" }
            .Select(s => (s, DatasetFactory.Open("parquet", folder["parquet"], s)))];
        Convert(rows, "tfrecord");
        Convert(rows, "webdataset");
        string expected = Train("parquet", folder["parquet"]);
        Assert.That(Train("tfds/images", folder["tfrecord"]), Is.EqualTo(expected));
        Assert.That(Train("webdataset", folder["webdataset"]), Is.EqualTo(expected));
    }

    void Convert(List<(string Split, Dataset Data)> splits, string form) => DatasetConversion.Run(splits,
        new DatasetConversionOptions { Form = form, Folder = folder[form], ShardBytes = 12_000 });

    string Train(string dataset, string dataDir)
    {
        TrainOptions options = ShortRun.Options(folder.Path, $"run-{Guid.NewGuid():N}") with
        {
            Dataset = dataset,
            DataDir = dataDir,
            Epochs = 1,
            BatchSize = 4,
            ValidationBatchSize = 8,
            WarmupEpochs = 0,
            Workers = 2,
        };
        return ShortRun.Hash(Path.Combine(ShortRun.Train(options).Folder, "last.safetensors"));
    }
}
