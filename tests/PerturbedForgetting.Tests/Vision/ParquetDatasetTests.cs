using System.IO.Compression;
using System.Security.Cryptography;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>Sets of Parquet files that other programs wrote, whole and damaged.</summary>
sealed class ParquetDatasetTests
{
    static readonly string[] classes = ["cat", "dog", "frog"];

    static string Files { get; } = Path.Combine(SourceTree.Root, "tests", "PerturbedForgetting.Tests", "Vision", "Parquet");

    static (int Label, string Sum)[] Images { get; } = [.. File.ReadLines(Path.Combine(Files, "images.txt"))
        .Select(l => (l[0] - '0', l[2..]))];

    static IEnumerable<string> Single => Directory.EnumerateFiles(Files, "*.parquet").Select(f => Path.GetFileName(f))
        .Where(f => !f.StartsWith("train-", StringComparison.Ordinal) && f != "absent.parquet").Order(StringComparer.Ordinal);

    TestFolder folder = null!;

    [SetUp]
    public void Make() => folder = new TestFolder();

    [TearDown]
    public void Remove() => folder.Dispose();

    [TestCaseSource(nameof(Single))]
    public void EveryImageIsReadInAnyOrder(string file)
    {
        using Dataset set = DatasetFactory.Open("parquet", Path.Combine(Files, file), "train");
        Assert.That(set.Classes.Names, Is.EqualTo(classes));
        AssertImages(set, new Random(3));
        Assert.That(set.Describe(7), Does.Contain(file).And.EndWith("row 7"));
    }

    [Test]
    public void AFolderOfHuggingFaceHasSplits()
    {
        foreach (string shard in (string[])["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"])
            Copy(shard, $"data/{shard}");
        Copy("duckdb_zstd.parquet", "data/test-00000-of-00001.parquet");
        using Dataset train = DatasetFactory.Open("", folder.Root, "train");
        AssertImages(train, new Random(4));
        Assert.That(train.Notes, Is.Empty);
        using Dataset validation = DatasetFactory.Open("huggingface", folder.Root, "validation", new() { Classes = train.Classes });
        Assert.That(validation.Notes.Single(), Does.Contain("'test' is used instead"));
        AssertImages(validation, new Random(5));
        Assert.That(HoldOut.DescribeOverlap(train, validation), Is.Null);
        var e = Assert.Throws<DatasetException>(() => DatasetFactory.Open("parquet", folder.Root, "extra"))!;
        Assert.That((e.WrongOption, e.Message.Contains("'test', 'train'")), Is.EqualTo((true, true)), e.Message);
        File.Delete(folder.Path("data", "train-00000-of-00002.parquet"));
        Assert.That(Assert.Throws<DatasetException>(() => DatasetFactory.Open("", folder.Root, "train"))!.Message,
            Does.Contain("number 00000 is missing"));
    }

    [TestCase("photos.tar.gz")]
    [TestCase("photos.tar")]
    public void AnArchiveIsReadWhereItIs(string name)
    {
        string packed = Path.Combine(Files, "photos.tar.gz"), path = packed;
        if (name != "photos.tar.gz")
        {
            using var unpacked = new MemoryStream();
            using (var gzip = new GZipStream(File.OpenRead(packed), CompressionMode.Decompress))
                gzip.CopyTo(unpacked);
            path = folder.Write(name, unpacked.ToArray());
        }
        using Dataset train = DatasetFactory.Open("parquet", path, "train");
        AssertImages(train, new Random(4));
        using Dataset validation = DatasetFactory.Open("huggingface", path, "validation", new() { Classes = train.Classes });
        AssertImages(validation, new Random(5));
        Assert.That(validation.Notes, Has.One.Contains("'test' is used instead"));
        Assert.That(train.Describe(11), Does.Contain(name + ": photos/data/train-00001-of-00002.parquet"));
        Assert.That(train.Notes.Count(n => n.Contains("had to be unpacked")), Is.EqualTo(path == packed ? 1 : 0));
        Assert.That(Assert.Throws<DatasetException>(() => DatasetFactory.Open("parquet", path, "extra"))!.Message,
            Does.Contain("'test', 'train'"));
        Assert.That(Assert.Throws<DatasetException>(() => DatasetFactory.Open("", path, "train"))!.Message, Does.Contain("parquet"));
    }

    [Test]
    public void ADamagedArchiveIsRefused()
    {
        byte[] bytes = File.ReadAllBytes(Path.Combine(Files, "photos.tar.gz"));
        string path = folder.Write("cut.tar.gz", bytes[..(bytes.Length / 2)]);
        Assert.That(Assert.Throws<DatasetException>(() => DatasetFactory.Open("parquet", path, "train"))!.Message, Does.Contain(path));
        path = folder.Write("none.tar", new byte[10240]);
        Assert.That(Assert.Throws<DatasetException>(() => DatasetFactory.Open("parquet", path, "train"))!.Message,
            Does.Contain("holds no .parquet file"));
    }

    [TestCase("train/0000.parquet", "train")]
    [TestCase("plain_text/train/0000.parquet", "train")]
    [TestCase("train.parquet", "train")]
    [TestCase("data/validation-00000-of-00001-0123abcd.parquet", "val")]
    [TestCase("0000.parquet", "train")]
    public void OtherLayoutsAreFound(string path, string split)
    {
        Copy("gzip.parquet", path);
        using Dataset set = DatasetFactory.Open("parquet", folder.Root, split);
        Assert.That(set.Count, Is.EqualTo(12));
    }

    [Test]
    public void SetsOfSeveralFoldersAreNotMixed()
    {
        Copy("gzip.parquet", "a/train-00000-of-00001.parquet");
        Copy("gzip.parquet", "b/train-00000-of-00001.parquet");
        Assert.That(Assert.Throws<DatasetException>(() => DatasetFactory.Open("parquet", folder.Root, "train"))!.Message,
            Does.Contain("2 folders").And.Contain("`dataDir`"));
    }

    [Test]
    public void LabelsFollowTheTrainingSet()
    {
        string path = Copy("gzip.parquet", "val.parquet");
        using Dataset set = DatasetFactory.Open("parquet", folder.Root, "val",
            new() { Classes = new ClassList(["frog", "cat", "dog", "owl"]) });
        Assert.That(Enumerable.Range(0, 3).Select(i => set.Classes.Names[set.Label(i)]), Is.EqualTo(classes));
        var e = Assert.Throws<DatasetException>(() =>
            DatasetFactory.Open("parquet", Copy("duckdb_text.parquet", "other/x.parquet"), "train",
            new() { Classes = new ClassList(["cat", "dog"]) }))!;
        Assert.That(e.Message, Does.Contain("row 2: label 'frog' is none of the 2 classes"));
        e = Assert.Throws<DatasetException>(() => DatasetFactory.Open("parquet", path, "train", new() { LabelColumn = "lable" }))!;
        Assert.That((e.WrongOption, e.Message.Contains("'image.bytes', 'image.path', 'label'")), Is.EqualTo((true, true)), e.Message);
    }

    [Test]
    public void ARowWithoutAnImageIsABadImage()
    {
        using Dataset set = DatasetFactory.Open("parquet", Path.Combine(Files, "absent.parquet"), "train");
        using var decoder = new ImageDecoder();
        var e = Assert.Throws<ImageDecodeException>(() => set.Open(2, decoder))!;
        Assert.That((e.Problem, e.Message.Contains("row 2")), Is.EqualTo((ImageProblem.Empty, true)), e.Message);
        using var loader = new ImageLoader(set, new EvalTransform(8, 8),
            LoaderOptions.Evaluation(4, 0) with { BadImages = BadImagePolicy.Skip });
        Assert.That(loader.Epoch(0).Sum(b => b.Count), Is.EqualTo(12));
        Assert.That(loader.Skipped.Select(s => s.Index), Is.EqualTo(new[] { 2, 7 }));
    }

    [Test]
    public void ADamagedPageIsNamedAndSkipped()
    {
        byte[] bytes = File.ReadAllBytes(Path.Combine(Files, "gzip.parquet"));
        bytes.AsSpan(300, 200).Reverse();
        using Dataset set = DatasetFactory.Open("parquet", folder.Write("x.parquet", bytes), "train");
        using var loader = new ImageLoader(set, new EvalTransform(8, 8), LoaderOptions.Evaluation(4, 0));
        var e = Assert.Throws<ImageDecodeException>(() => loader.Epoch(0).Count())!;
        Assert.That(e.Message, Does.Contain("x.parquet, row 0").And.Contain("page at byte"));
        using var skipping = new ImageLoader(set, new EvalTransform(8, 8),
            LoaderOptions.Evaluation(4, 0) with { BadImages = BadImagePolicy.Skip });
        Assert.That(skipping.Epoch(0).Sum(b => b.Count), Is.EqualTo(12));
        Assert.That(skipping.Skipped, Has.Count.InRange(1, 11));
    }

    [TestCase(0, "is empty")]
    [TestCase(500, "cut short, download it again")]
    [TestCase(-1, "does not begin as a Parquet file does")]
    public void ADamagedFileIsRefused(int keep, string expected)
    {
        byte[] bytes = File.ReadAllBytes(Path.Combine(Files, "gzip.parquet"));
        string path = folder.Write("train.parquet", keep < 0 ? new byte[100] : bytes[..keep]);
        Assert.That(Assert.Throws<DatasetException>(() => DatasetFactory.Open("parquet", path, "train"))!.Message,
            Does.Contain(expected).And.Contain(path));
    }

    static void AssertImages(Dataset set, Random random)
    {
        int[] order = [.. Enumerable.Range(0, 12)];
        random.Shuffle(order);
        using var decoder = new ImageDecoder();
        Assert.That(set.Count, Is.EqualTo(12));
        foreach (int i in order)
        {
            Assert.That(set.Label(i), Is.EqualTo(Images[i].Label));
            Assert.That(Convert.ToHexStringLower(SHA1.HashData(set.Encoded(i, decoder).Span)), Is.EqualTo(Images[i].Sum), $"image {i}");
            Assert.That(set.Open(i, decoder), Is.EqualTo((32, 32)));
        }
    }

    string Copy(string file, string to) => folder.Write(to, File.ReadAllBytes(Path.Combine(Files, file)));
}
