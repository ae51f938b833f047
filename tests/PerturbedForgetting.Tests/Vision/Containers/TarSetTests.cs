using PerturbedForgetting.Vision.Datasets;
using static PerturbedForgetting.Tests.Vision.Containers.StoredTars;

namespace PerturbedForgetting.Tests.Vision.Containers;

/// <summary>Images in tar archives make the same set as in folders.</summary>
public class TarSetTests
{
    static DatasetException Refused(Action action) => Assert.Throws<DatasetException>(action)!;

    static Dataset Open(string name, string split, DatasetOptions? options = null) =>
        DatasetFactory.Open("", PathOf(name), split, options);

    static IEnumerable<string> Images(Dataset set) =>
        Enumerable.Range(0, set.Count).Select(i => $"{set.Classes.Names[set.Label(i)]}: {set.Describe(i).Split(": ")[1]}");

    [TestCase("gnu.tar", "")]
    [TestCase("posix.tar", "tree/")]
    [TestCase("bsdgnu.tar", "tree/")]
    [TestCase("python.tar", "tree/")]
    public void SplitsAreFoldersInTheArchive(string name, string root)
    {
        using Dataset train = Open($"tools/{name}", "train"), validation = Open($"tools/{name}", "validation");
        Assert.That(train.Classes.Names, Is.EqualTo(new[] { "ant", "bee", "cat" }));
        string[] expected =
        [
            $"ant: {root}train/ant/1.jpg", $"ant: {root}train/ant/10.JPEG", $"ant: {root}train/ant/2.png", $"bee: {root}train/bee/5.jpg",
            $"bee: {root}train/bee/a-name", $"bee: {root}train/bee/deep/4.webp", $"bee: {root}train/bee/empty.jpg",
            $"bee: {root}train/bee/ünïcode \u2603.jpg", $"cat: {root}train/cat/8.jpg",
        ];
        Assert.That(Images(train).Select(static i => i.Split("-that")[0]), Is.EqualTo(expected));
        Assert.That(Enumerable.Range(0, train.Count).Where(i => !Read(train, i).Contains('x')).Select(i => (i, Read(train, i))),
            Is.EqualTo(new[] { (6, "the file is empty") }));
        Assert.That(Images(validation), Has.Some.EqualTo($"cat: {root}val/cat/11.jpg"));
        Assert.That(validation.Count, Is.EqualTo(3));
        Assert.That(train.Notes, Has.Some.Contains("links and devices").And.Some.Contains("2 .txt"));
        Assert.That(validation.Notes, Has.Some.Contains("'val' is used instead"));
    }

    [Test]
    public void EqualTheFolderTheyWereMadeOf()
    {
        using var folder = new TestFolder();
        foreach ((string name, byte[] data) in StoredTars.Members(PathOf("tools/gnu.tar")))
            folder.Write(name, data);
        using Dataset files = DatasetFactory.Open("folder", folder.Root, "train"), tar = Open("tools/gnu.tar", "train");
        Assert.That(Images(tar).Select(static i => i[(i.LastIndexOf('/') + 1)..]),
            Is.EqualTo(Enumerable.Range(0, files.Count).Select(i => Path.GetFileName(files.Describe(i)))));
        Assert.That(Enumerable.Range(0, files.Count).Select(tar.Label), Is.EqualTo(Enumerable.Range(0, files.Count).Select(files.Label)));
        Assert.That(tar.Classes.Hash, Is.EqualTo(files.Classes.Hash));
    }

    [Test]
    public void AnArchiveAClassIsAFolder([Values("tools/nested.tar", "classes")] string name)
    {
        using Dataset set = Open(name, "train");
        Assert.That(set.Classes.Names, Is.EqualTo(new[] { "n01440764", "n01443537", "n02085620" }));
        Assert.That(Images(set).ElementAt(3), Is.EqualTo("n01443537: n01443537/n01443537_2.JPEG"));
        Assert.That(Enumerable.Range(0, 6).Select(i => Read(set, i)), Has.All.Contains("x"));
        Assert.That(set.Notes, Is.Empty);
    }

    [Test]
    public void AnArchiveASplitIsFoundByItsName()
    {
        using var folder = new TestFolder();
        File.Copy(PathOf("tools/nested.tar"), folder.Path("train.tar"));
        File.Copy(PathOf("tools/updated.tar"), folder.Path("val.tar"));
        using Dataset train = DatasetFactory.Open("", folder.Root, "train"),
            validation = DatasetFactory.Open("tar", folder.Root, "validation");
        Assert.That((train.Count, validation.Count), Is.EqualTo((6, 3)));
        using Dataset alone = DatasetFactory.Open("", folder.Path("val.tar"), "validation");
        Assert.That(alone.Count, Is.EqualTo(3));
        Assert.That(Refused(() => DatasetFactory.Open("", folder.Path("train.tar"), "validation")),
            Has.Message.Contains("`split`").And.Property(nameof(DatasetException.WrongOption)).True);
        Assert.That(Refused(() => DatasetFactory.Open("tar", folder.Path("none"), "train")).Message, Does.Contain("no file and no folder"));
        Assert.That(Refused(() => DatasetFactory.Open("tar", folder.Root, "holdout")).Message, Does.Contain("holdout.tar"));
    }

    [Test]
    public void WhatWasAddedLaterCounts()
    {
        using Dataset set = Open("tools/updated.tar", "train");
        Assert.That(set.Notes, Has.Some.Contains("1 file in").And.Some.Contains("added later, which counts"));
        Assert.That((set.Count, Read(set, 0)), Is.EqualTo((3, "9x8")), "that of image 99");
    }

    [Test]
    public void SparseImagesAreBadOnes([Values("gnu", "0.0", "0.1", "1.0")] string kind)
    {
        using Dataset set = Open($"tools/sparse-{kind}.tar", "train");
        Assert.That(Enumerable.Range(0, 3).Select(i => Read(set, i)),
            Is.EqualTo(new[] { "10x8", "the archive stores it as a sparse file; pack it again without --sparse", "10x8" }));
    }

    [Test]
    public void LabelsComeFromAFileToo()
    {
        using var folder = new TestFolder();
        string labels = folder.Write("labels.csv", "image,class\nn01440764_2.JPEG,dog\nn01440764_1.JPEG,cat\n");
        using Dataset set = Open("classes/n01440764.tar", "train", new DatasetOptions { LabelsFile = labels });
        Assert.That(Images(set), Is.EqualTo(new[] { "dog: n01440764_2.JPEG", "cat: n01440764_1.JPEG" }));
        Assert.That(Refused(() => Open("classes/n01440764.tar", "train")).Message, Does.Contain("'n01440764_1.JPEG' is in no folder"));
        using Dataset other = Open("tools/nested.tar", "train", new DatasetOptions { LabelsFile = labels });
        Assert.That(other.Notes, Has.Some.Contains("is not used here"));
    }

    [Test]
    public void ClassesFollowTheTrainingSet()
    {
        var classes = new ClassList(["n02085620", "n01443537", "n01440764", "n99"]);
        using Dataset set = Open("classes", "train", new DatasetOptions { Classes = classes });
        Assert.That((set.Label(0), set.Label(5)), Is.EqualTo((2, 0)));
        Assert.That(set.Notes, Has.Some.Contains("'n99'"));
        Assert.That(Refused(() => Open("classes", "train", new DatasetOptions { Classes = new ClassList(["n99"]) })).Message,
            Does.Contain("'n01440764', 'n01443537', 'n02085620' are no classes"));
    }

    [Test]
    public void AFileThatIsNoArchiveIsNamed()
    {
        using var folder = new TestFolder();
        string page = folder.Write("train.tar", "<!DOCTYPE html>");
        Assert.That(Refused(() => DatasetFactory.Open("", page, "train")).Message, Does.Contain(page).And.Contain("tar archive"));
        string none = folder.Write("empty.tar", new byte[10240]);
        Assert.That(Refused(() => DatasetFactory.Open("", none, "train")).Message, Does.Contain("holds no image"));
    }
}
