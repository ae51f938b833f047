using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Tests.Vision.Tfds;

/// <summary>Prepared sets that are damaged, incomplete or of another kind.</summary>
public class DamagedTfdsTests
{
    const string Shard = "cifar10/3.0.2/cifar10-train.tfrecord-00001-of-00002", Info = "cifar10/3.0.2/dataset_info.json",
        Features = "cifar10/3.0.2/features.json";

    TestFolder folder = null!;

    [SetUp]
    public void Copy()
    {
        folder = new TestFolder();
        PreparedSets.Copy("cifar10", folder);
    }

    [TearDown]
    public void Remove() => folder.Dispose();

    Dataset Open(string split = "train") => PreparedSets.Open("cifar10", split, folder.Root);

    DatasetException Refused(string split = "train") => Assert.Throws<DatasetException>(() => Open(split).Dispose())!;

    byte[] Read(string file = Shard) => File.ReadAllBytes(folder.Path(file));

    void Change(int at, byte with)
    {
        byte[] bytes = Read();
        bytes[at] ^= with;
        folder.Write(Shard, bytes);
    }

    /// <summary>Place of record 3 of the shard, which is image 20.</summary>
    int Third
    {
        get
        {
            byte[] bytes = Read();
            int at = 0;
            for (int i = 0; i < 3; i++)
                at += 16 + BitConverter.ToInt32(bytes, at);
            return at;
        }
    }

    [Test]
    public void AChangedRecordIsNamedAndTheOthersAreRead()
    {
        int at = Third, length = BitConverter.ToInt32(Read(), at);
        Change(at + 12 + length / 2, 1);
        using Dataset data = Open();
        PreparedSets.Pixels(data, 19);
        PreparedSets.Pixels(data, 21);
        ImageDecodeException e = Assert.Throws<ImageDecodeException>(() => PreparedSets.Pixels(data, 20))!;
        Assert.That(e.Message, Does.Contain("cifar10-train.tfrecord-00001-of-00002, record 3").And.Contain("checksum"));
    }

    [Test]
    public void ARecordThatIsNoExampleAnyMoreIsOneDamagedImage([Range(12, 60, 3)] int place)
    {
        Change(Third + place, 0xFF);
        using Dataset data = Open();
        Assert.That(data.Count, Is.EqualTo(30));
        Assert.That(data.Label(20), Is.InRange(0, 9));
        Assert.Throws<ImageDecodeException>(() => PreparedSets.Pixels(data, 20));
        PreparedSets.Pixels(data, 21);
    }

    [Test]
    public void TheDefaultStopsAndSkipGoesOnAndCounts([Values] BadImagePolicy policy)
    {
        Change(Third + 40, 1);
        using Dataset data = Open();
        using var loader = new ImageLoader(data, new EvalTransform(8, 8, 1, Interpolation.Bilinear),
            LoaderOptions.Evaluation(7, 2) with { BadImages = policy });
        void ReadAll()
        {
            foreach (ImageBatch _ in loader.Epoch(0))
            {
            }
        }
        if (policy == BadImagePolicy.Fail)
        {
            Assert.That(Assert.Throws<ImageDecodeException>(ReadAll)!.Message, Does.Contain("record 3"));
            return;
        }
        ReadAll();
        Assert.That(loader.Skipped.Single().Path, Does.EndWith("00001-of-00002, record 3"));
    }

    [Test]
    public void AFileThatEndsEarlyIsRefused()
    {
        byte[] bytes = Read();
        int third = Third;
        foreach (int cut in new[] { bytes.Length - 1, third + 3, third + 30 })
        {
            folder.Write(Shard, bytes[..cut]);
            Assert.That(Refused().Message, Does.Contain(Shard).And.Contain("cut short").And.Contain("record "));
        }
        folder.Write(Shard, bytes[..third]);
        Assert.That(Refused().Message, Does.Contain(Shard).And.Contain("3 records").And.Contain("13"));
        folder.Write(Shard, []);
        Assert.That(Refused().Message, Does.Contain("0 records"));
        File.Delete(folder.Path(Shard));
        Assert.That(Refused().Message, Does.Contain("there is no").And.Contain(Shard));
        using Dataset first = Open("train[:17]");
        Assert.That(first.Count, Is.EqualTo(17), "what is not asked for need not be there");
    }

    [Test]
    public void ADamagedFrameIsRefusedWithItsPlace()
    {
        int third = Third;
        Change(third + 2, 1);
        Assert.That(Refused().Message, Does.Contain(Shard).And.Contain("record 3").And.Contain($"at byte {third}").And.Contain("checksum"));
        folder.Write(Shard, "<html>not found</html>");
        Assert.That(Refused().Message, Does.Contain("does not begin like a TFRecord file"));
        folder.Write(Shard, [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Assert.That(Refused().Message, Does.Contain("packed by gzip"));
    }

    [Test]
    public void LabelsThatAreNoClassAreRefused()
    {
        folder.Write("cifar10/3.0.2/label.labels.txt", "a\nb\nc\n");
        Assert.That(Refused().Message, Does.Contain("label.labels.txt names 3 classes").And.Contain("10"));
        folder.Write(Features, File.ReadAllText(folder.Path(Features)).Replace("\"10\"", "\"3\""));
        Assert.That(Refused().Message, Does.Contain("record 3 has label 3").And.Contain("3 classes"));
        File.Delete(folder.Path("cifar10/3.0.2/label.labels.txt"));
        Assert.That(Assert.Throws<DatasetException>(() => PreparedSets.Open("imagenet2012", "test"))!.Message,
            Does.Contain("have no labels"));
    }

    [TestCase("", "is damaged")]
    [TestCase("[1]", "does not hold an object")]
    [TestCase("{\"name\": \"cifar10\"}", "no 'splits'")]
    [TestCase("{\"name\": \"cifar10\", \"splits\": [{}]}", "a split has no 'name'")]
    [TestCase("{\"name\": \"cifar10\", \"splits\": [{\"name\": \"train\"}]}", "no 'shardLengths'")]
    [TestCase("{\"name\": \"cifar10\", \"splits\": [{\"name\": \"train\", \"shardLengths\": [\"-1\"]}]}", "\"-1\"")]
    [TestCase("{\"name\": \"cifar10\", \"splits\": [{\"name\": \"train\", \"shardLengths\": [\"99999999999\"]}]}", "99999999999")]
    [TestCase("{\"name\": \"cifar10\", \"splits\": [{\"name\": \"train\", \"shardLengths\": [\"2000000000\", \"2000000000\"]}]}",
        "tells of 2000000000")]
    [TestCase("{\"name\": \"../x\", \"splits\": []}", "no 'name'")]
    [TestCase("{\"name\": \"mnist\", \"splits\": [{\"name\": \"train\", \"shardLengths\": [1]}]}", "of the set 'mnist'")]
    [TestCase("{\"name\": \"cifar10\", \"fileFormat\": \"array_record\", \"splits\": []}", "stored as array_record")]
    [TestCase("{\"name\": \"cifar10\", \"splits\": [{\"name\": \"train\", \"shardLengths\": [1], \"filepathTemplate\": \"../{SPLIT}\"}]}",
        "leads out of the folder")]
    public void AWrongInfoIsNamed(string json, string why)
    {
        folder.Write(Info, json);
        Assert.That(Refused().Message, Does.Contain("cifar10").And.Contain(why));
    }

    [TestCase("{}", "no image")]
    [TestCase("{\"type\": \"a.FeaturesDict\", \"content\": {\"x\": {\"type\": \"a.Image\", \"content\": {}}}}", "no label of a class")]
    [TestCase("{\"type\": \"a.FeaturesDict\", \"content\": {\"x\": {\"type\": \"a.Video\", \"content\": {}}}}", "x (Video)")]
    [TestCase("{\"type\": \"a.FeaturesDict\", \"content\": \"{{\"}", "is damaged")]
    public void OtherFeaturesAreNamed(string json, string why)
    {
        folder.Write(Features, json);
        Assert.That(Refused().Message, Does.Contain("features.json").And.Contain(why));
    }

    [Test]
    public void RecordsOfOtherFeaturesAreNamed()
    {
        folder.Write(Features, File.ReadAllText(folder.Path(Features)).Replace("\"image\": {\n", "\"picture\": {\n"));
        folder.Write(Info, File.ReadAllText(folder.Path(Info)).Replace("\"image\"", "\"picture\""));
        Assert.That(Refused().Message, Does.Contain("no record is an example with a feature 'picture'")
            .And.Contain("they have id, image, label"));
    }

    [Test]
    public void FoldersAreFound()
    {
        foreach (string below in new[] { "", "cifar10", "cifar10/3.0.2" })
        {
            using Dataset data = PreparedSets.Open("cifar10", "test", folder.Path(below));
            Assert.That(data.Count, Is.EqualTo(10));
        }
        // The highest version counts, by its numbers.
        foreach (string file in Directory.GetFiles(folder.Path("cifar10", "3.0.2")))
            folder.Write($"cifar10/3.0.10/{Path.GetFileName(file)}", File.ReadAllBytes(file));
        Assert.That(Described("cifar10"), Does.Contain("3.0.10"));
        Assert.That(Described("cifar10:3.0.2"), Does.Contain("3.0.2"));
        Assert.That(Described("cifar10:3.*.*"), Does.Contain("3.0.10"));
        Assert.That(Assert.Throws<DatasetException>(() => Described("cifar10:4.*.*"))!.Message, Does.Contain("3.0.2, 3.0.10"));
        foreach ((string name, string why) in new[]
        {
            ("mnist", "no folder mnist"), ("cifar10/plain", "no variant plain"), ("..", "no name of a TFDS set"), ("a/../b", "no name"),
            ("a/..", "no name"), ("", "no name"), ("cifar10:3", "no name"),
        })
            Assert.That(Assert.Throws<DatasetException>(() => Described(name))!.Message, Does.Contain(why), name);

        string Described(string name)
        {
            using Dataset data = PreparedSets.Open(name, "test", folder.Root);
            return data.Describe(0);
        }
    }

    [Test]
    public void OfVariantsTheFirstIsTakenAndSaid()
    {
        using Dataset data = PreparedSets.Open("imagenet_v2", "test");
        Assert.That((data.Count, data.Notes.Single()), Is.EqualTo((3, "no variant of imagenet_v2 was named; 'matched-frequency' is used")));
        Assert.That(data.Scores.Single().Name, Is.EqualTo("imagenet_v2/matched-frequency"));
    }
}
