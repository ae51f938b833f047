using System.Text;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.WebDataset;
using PerturbedForgetting.Vision.Imaging;
using static PerturbedForgetting.Tests.Vision.Containers.StoredTars;

namespace PerturbedForgetting.Tests.Vision.Containers;

/// <summary>WebDataset shards as its own writer makes them, and those of people.</summary>
public class WebDatasetTests
{
    static DatasetException Refused(Action action) => Assert.Throws<DatasetException>(action)!;

    static Dataset Open(string dataDir, string split = "train", DatasetOptions? options = null) =>
        DatasetFactory.Open("wds", PathOf(dataDir), split, options);

    static string Images(Dataset set) => string.Join(" ", Enumerable.Range(0, set.Count).Select(i => $"{set.ImageName(i)}={set.Label(i)}"));

    static string Shard(TestFolder folder, string name, params (string Member, string Data)[] members)
    {
        using var bytes = new MemoryStream();
        using (var writer = new System.Formats.Tar.TarWriter(bytes, leaveOpen: true))
        {
            foreach ((string member, string data) in members)
                writer.WriteEntry(new System.Formats.Tar.UstarTarEntry(System.Formats.Tar.TarEntryType.RegularFile, member)
                {
                    DataStream = new MemoryStream(Encoding.UTF8.GetBytes(data)),
                });
        }
        return folder.Write(name, bytes.ToArray());
    }

    [Test]
    public void ShardsOfASplitAreFound()
    {
        const string all = "000000=0 000001=1 000002=2 000003=0 000004=1 000005=2";
        using Dataset train = Open("wds"), validation = Open("wds", "validation", new DatasetOptions { Classes = train.Classes });
        Assert.That(Images(train), Is.EqualTo(all));
        Assert.That(train.Classes.Names, Is.EqualTo(new[] { "0", "1", "2" }));
        Assert.That(Images(validation), Is.EqualTo("v/0=2 v/1=0"));
        Assert.That(validation.Notes, Has.Some.Contains("'val' are used instead"));
        Assert.That(Enumerable.Range(0, 6).Select(i => Read(train, i)), Has.All.Contains("x"));
        Assert.That(train.Describe(3), Does.EndWith("train-000001.tar: 000003.jpg"));
        foreach ((string dataDir, string split) in new[]
        {
            ("wds/train-{000000..000002}.tar", "train"), ("wds", "train-{000000..000002}.tar|6"), ("wds/train-*.tar", "train"),
            ("wds/*.tar", "train"),
            ("wds", "train-000000.tar::train-{000001,000002}.tar"), ("wds/train-00000?.tar", ""), ("wds/{train,val}-00000{0,1,2}.tar", ""),
        })
        {
            if (split.Length == 0 && dataDir.Contains(','))
                Assert.That(Refused(() => Open(dataDir, split)).Message, Does.Contain("val-000001.tar: 2 of 6 shards are missing"));
            else
            {
                using Dataset set = Open(dataDir, split);
                Assert.That(Images(set), Is.EqualTo(all), $"{dataDir} {split}");
            }
        }
    }

    [TestCase("a{0..2}", "a0 a1 a2")]
    [TestCase("{08..11}x", "08x 09x 10x 11x")]
    [TestCase("{0000..0002}", "0000 0001 0002")]
    [TestCase("{3..1}", "3 2 1")]
    [TestCase("{0..10..5}{a,b}", "0a 0b 5a 5b 10a 10b")]
    [TestCase("{a,b{1..2},{c,d}}", "a b1 b2 c d")]
    [TestCase("{a..c}", "a b c")]
    [TestCase("{x}{,y}{", "{x}{ {x}y{")]
    [TestCase("plain", "plain")]
    public void BracesAreExpandedAsShellsDo(string pattern, string names) =>
        Assert.That(string.Join(' ', BraceExpansion.Expand(pattern)), Is.EqualTo(names));

    [Test]
    public void BracesDoNotTakeAllMemory() =>
        Assert.That(Refused(() => BraceExpansion.Expand("{0..99999}{0..99999}")).Message, Does.Contain("more than 1048576 names"));

    [TestCase("json.tar", "a/0=0 a/1=1 a/2=0 a/3=1", "ant bee")]
    [TestCase("names.tar", "0=1 1=0 2=1 3=0", "ant bee")]
    [TestCase("text.tar", "0=0 1=1 2=0 3=1", "0 1")]
    [TestCase("dots.tar", "n01.v2/img.0=0 n01.v2/img.1=1 n01.v2/img.2=0 n01.v2/img.3=1", "0 1")]
    [TestCase("parts.tar", "s0=0 s1=1 s2=0", "0 1")]
    public void LabelsAndKeysAreOfManyKinds(string name, string images, string classes)
    {
        using Dataset set = Open($"wdskinds/{name}");
        Assert.That((Images(set), string.Join(' ', set.Classes.Names)), Is.EqualTo((images, classes)));
        Assert.That(Enumerable.Range(0, set.Count).Select(i => Read(set, i)), Has.All.Contains("x"));
        Assert.That(set.Notes, Is.Empty);
    }

    [Test]
    public void SamplesWithoutImageAreCountedAndBadOnesAreNamedWhenRead()
    {
        using Dataset set = Open("wdskinds/odd.tar");
        Assert.That(Images(set), Is.EqualTo("good=1 nolabel=0 badlabel=0 badjson=0 damaged=0 page=0 last=1"));
        Assert.That(set.Notes.Single(), Does.Contain("1 sample of").And.Contain("without an image"));
        Assert.That(Enumerable.Range(0, set.Count).Select(i => Read(set, i)), Is.EqualTo(new[]
        {
            "10x8", "its sample has no label (.cls, .cls.txt, .json or .txt)", "its label (.cls) is no text", Read(set, 3), Read(set, 4),
            Read(set, 5), "9x7",
        }));
        Assert.That(Read(set, 3), Does.StartWith("its label (.json) is damaged"));
        Assert.That(Read(set, 4), Does.Contain("ends within"));
    }

    [Test]
    public void ClassesAreThoseOfTheTrainingSetOrOfAFile()
    {
        using var folder = new TestFolder();
        string shard = Shard(folder, "train-0.tar", ("a.jpg", "x"), ("a.cls", "2"));
        folder.Write("classes.txt", "ant\t0\nbee, or wasp\t1\ncat\t2\n");
        using Dataset set = DatasetFactory.Open("wds", shard, "train");
        Assert.That((set.Classes.Names[1], set.Label(0)), Is.EqualTo(("bee, or wasp", 2)));
        string names = Shard(folder, "named.tar", ("a.jpg", "x"), ("a.cls", "cat"));
        using Dataset named = DatasetFactory.Open("wds", names, "train", new DatasetOptions { Classes = set.Classes });
        Assert.That(named.Label(0), Is.EqualTo(2));
        var others = new DatasetOptions { Classes = new ClassList(["dog"]) };
        Assert.That(Refused(() => DatasetFactory.Open("wds", names, "train", others)).Message,
            Does.Contain("'cat' is not among the 1 class"));
    }

    [Test]
    public void WhatIsNoSetIsNamed()
    {
        using var folder = new TestFolder();
        Assert.That(Refused(() => DatasetFactory.Open("wds", folder.Root, "train")).Message, Does.Contain("holds no shards"));
        Assert.That(Refused(() => DatasetFactory.Open("wds", folder.Path("x-{0..3}.tar"), "train")).Message, Does.Contain("4 of 4 shards"));
        string none = folder.Path("*.tar");
        Assert.That(Refused(() => DatasetFactory.Open("wds", none, "train")).Message, Does.Contain("no file is called like"));
        Assert.That(Refused(() => DatasetFactory.Open("wds", folder.Root, "https://x/{0..3}.tar")).Message,
            Does.Contain("Download them"));
        Assert.That(Refused(() => Open("wds/train-{000000..000002}.tar", "validation")),
            Has.Message.Contains("'train'").And.Property(nameof(DatasetException.WrongOption)).True);
        Refuse("it has no label", "no sample has a label", ("a.jpg", ""));
        Refuse("no image", "no sample of 1 shard has an image", ("a.cls", "1"));
        Refuse("two files of a name", "sample 'a' has two files 'a.jpg'", ("a.jpg", ""), ("a.jpg", ""));
        Refuse("a number too large", "label 99999999 would make", ("a.jpg", ""), ("a.cls", "99999999"));
        Refuse("texts", "they are texts, not classes",
            [.. Enumerable.Range(0, 1100).SelectMany(i => new[] { ($"{i}.jpg", ""), ($"{i}.txt", $"a picture of {i}") })]);

        void Refuse(string what, string message, params (string, string)[] members)
        {
            string shard = Shard(folder, "bad.tar", members);
            Assert.That(Refused(() => DatasetFactory.Open("wds", shard, "train")).Message, Does.Contain(message).And.Contain(shard), what);
        }
    }

    [Test]
    public void WhatIsWrittenIsRead()
    {
        using var folder = new TestFolder();
        using Dataset set = Open("wds");
        using var decoder = new ImageDecoder();
        byte[] Written()
        {
            using var bytes = new MemoryStream();
            using (var writer = new ShardWriter(bytes))
            {
                for (int i = 0; i < set.Count; i++)
                    writer.Add($"b.c/{new string('n', i * 40)}ä.{i / 2}", "jpg", set.Encoded(i, decoder), set.Label(i));
            }
            return bytes.ToArray();
        }
        folder.Write(ShardWriter.NameOf("train", 7), Written());
        folder.Write(WebDatasetSet.ClassesFile, ShardWriter.ClassLines(new ClassList(["x, 5", "y", "z"])));
        using Dataset read = DatasetFactory.Open("wds", folder.Root, "train");
        Assert.That(read.Classes.Names, Is.EqualTo(new[] { "x, 5", "y", "z" }));
        Assert.That((read.ImageName(0), read.ImageName(1)[^4..]), Is.EqualTo(("b.c/ä_0", "nä_0")));
        for (int i = 0; i < set.Count; i++)
        {
            byte[] image = set.Encoded(i, decoder).ToArray();
            Assert.That((read.Label(i), read.Encoded(i, decoder).ToArray()), Is.EqualTo((set.Label(i), image)));
        }
        Assert.That(StoredTars.Members(folder.Path("train-000007.tar")), Has.Count.EqualTo(12), "another reader");
        Assert.That(Written(), Is.EqualTo(File.ReadAllBytes(folder.Path("train-000007.tar"))), "the same each time");
    }

    [Test]
    public void EqualNamesGetNumbers()
    {
        using var bytes = new MemoryStream();
        using var writer = new ShardWriter(bytes);
        Assert.That((writer.Add("a.b", "jpg", default, 0), writer.Add("a_b", "jpg", default, 0), writer.Add("a.b", "jpg", default, 0)),
            Is.EqualTo(("a_b", "a_b_2", "a_b_3")));
    }
}
