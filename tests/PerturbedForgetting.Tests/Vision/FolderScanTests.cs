using System.Diagnostics;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>Folders as people and tools leave them: links in circles, names that are no UTF-8.</summary>
sealed class FolderScanTests
{
    static readonly byte[] image = TestImages.Jpeg(8, 8);
    static readonly TimeSpan patience = TimeSpan.FromSeconds(20);

    TestFolder folder = null!;

    [SetUp]
    public void Make() => folder = new TestFolder();

    [TearDown]
    public void Remove()
    {
        // What .NET cannot name it cannot delete.
        if (!OperatingSystem.IsWindows())
            Shell("find . -mindepth 1 -delete");
        folder.Dispose();
    }

    /// <summary>Each line makes a link: where, and to what, relative to it. Every set holds the images x/1.jpg and y/2.jpg.</summary>
    [TestCase("x/toy ../y", "y/tox ../x", TestName = "TwoClassesThatLinkToEachOther")]
    [TestCase("x/l1 ../y", "x/l2 ../y", "y/m1 ../x", "y/m2 ../x", TestName = "TwoClassesWithTwoLinksEach")]
    [TestCase("x/self .", "y/up ..", "y/root ../..", "x/above ../../..", TestName = "LinksToWhatHoldsThem")]
    [TestCase("x/loop loop", "y/a b", "y/b a", TestName = "LinksThatLeadNowhere")]
    [TestCase("x/gone ../nothing", "y/gone.jpg.d nothing", TestName = "LinksWhoseTargetIsGone")]
    public void NoLinkMakesAnImageOfAnother(params string[] links)
    {
        Write("train/x/1.jpg", "train/y/2.jpg");
        foreach (string[] link in links.Select(l => l.Split(' ')))
            Link($"train/{link[0]}", link[1]);
        Assert.That(Images("train"), Is.EqualTo(new[] { "0 x/1.jpg", "1 y/2.jpg" }));
    }

    [Test, CancelAfter(20_000)]
    public void ChainsOfLinksAreReadOnceAndNotOnceAPath()
    {
        // 2^20 paths lead to the last folder.
        for (int i = 0; i < 20; i++)
        {
            Directory.CreateDirectory(folder.Path("store", $"{i}"));
            Link($"store/{i}/a", $"../{i + 1}");
            Link($"store/{i}/b", $"../{i + 1}");
        }
        Write("store/20/1.jpg", "train/y/2.jpg");
        Link("train/x", "../store/0");
        Assert.That(Images("train"), Has.Length.EqualTo(2));
    }

    [Test]
    public void AClassMayBeALinkWhoseTargetLinksToItself()
    {
        Write("store/real/1.jpg", "train/y/2.jpg");
        Link("store/real/loop", ".");
        Link("train/x", folder.Path("store", "real"));
        Assert.That(Images("train"), Is.EqualTo(new[] { "0 x/1.jpg", "1 y/2.jpg" }));
    }

    [Test]
    public void TwoClassesMayTakeOneFolderAndAFolderKeepsItsOwnName()
    {
        Write("store/deep/1.jpg", "train/x/own/2.jpg");
        Link("train/x/again", "own");
        Link("train/x/more", "../../store/deep");
        Link("train/y", "../store");
        Dataset set = DatasetFactory.Open("folder", folder.Root, "train");
        Assert.That(Images("train"), Is.EqualTo(new[] { "0 x/more/1.jpg", "0 x/own/2.jpg", "1 y/deep/1.jpg" }));
        Assert.That(set.Notes.Single(), Does.StartWith("1 link to folders that are read anyway was not followed: ").And.EndsWith("again"));
    }

    [Test]
    public void AnImageWhoseNameIsNoUtf8IsBadAndNamed()
    {
        RequireByteNames();
        Write("train/x/1.jpg", "train/y/2.jpg");
        Shell(@"cp train/x/1.jpg ""train/x/$(printf 'caf\351.jpg')""; cp train/x/1.jpg ""train/x/$(printf 'na\357ve.jpg')""");
        Dataset set = DatasetFactory.Open("folder", folder.Root, "train");
        Assert.That(set.Count, Is.EqualTo(4));
        Assert.That(set.Notes.Single(), Does.StartWith("2 images cannot be opened, because their names are not UTF-8").And.Contain("caf"));
        using ImageDecoder decoder = new();
        using RgbImage pixels = new();
        var e = Assert.Throws<ImageDecodeException>(() => set.Read(1, pixels, decoder))!;
        Assert.That((e.Problem, e.Message), Is.EqualTo((ImageProblem.Unreadable,
            $"cannot decode {folder.Path("train", "x", "caf\uFFFD.jpg")}: the name of the file is not UTF-8; rename it")));
    }

    [TestCase("train/$(printf 'caf\\351')", TestName = "AClass")]
    [TestCase("train/x/deep/$(printf 'caf\\351')", TestName = "AFolderInAClass")]
    public void AFolderWhoseNameIsNoUtf8IsRefused(string name)
    {
        RequireByteNames();
        Write("train/x/1.jpg", "train/y/2.jpg");
        Shell($"mkdir -p \"{name}\"; cp train/x/1.jpg \"{name}\"");
        Assert.That(Assert.Throws<DatasetException>(() => DatasetFactory.Open("folder", folder.Root, "train"))!.Message,
            Does.Contain("caf\uFFFD cannot be opened, because the name of the folder is not UTF-8").And.Contain("rename it"));
    }

    [Test]
    public void ANameThatHoldsTheReplacementCharacterIsAName()
    {
        Write("train/x\uFFFD/1\uFFFD.jpg", "train/y/2.jpg");
        Assert.That(DatasetFactory.Open("folder", folder.Root, "train").Notes, Is.Empty);
    }

    void Write(params string[] files)
    {
        foreach (string file in files)
            folder.Write(file, image);
    }

    void Link(string at, string target)
    {
        try
        {
            Directory.CreateSymbolicLink(folder.Path(at.Split('/')), target);
        }
        catch (Exception e) when (OperatingSystem.IsWindows() && e is UnauthorizedAccessException or IOException)
        {
            Assert.Pass("This account may not make links.");
        }
    }

    /// <summary>Label and path of every image, in order.</summary>
    string[] Images(string split)
    {
        Dataset set = DatasetFactory.Open("folder", folder.Root, split);
        return [.. Enumerable.Range(0, set.Count).Select(i =>
            $"{set.Label(i)} {Path.GetRelativePath(folder.Path(split), set.Describe(i)).Replace('\\', '/')}")];
    }

    static void RequireByteNames()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Pass("Names are text here.");
    }

    void Shell(string script)
    {
        ProcessStartInfo start = new("/bin/sh", ["-c", script]) { WorkingDirectory = folder.Root };
        (int exitCode, string output) = ChildProcess.Run(start, patience);
        Assert.That(exitCode, Is.Zero, output);
    }
}
