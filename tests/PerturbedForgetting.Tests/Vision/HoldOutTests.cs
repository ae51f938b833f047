using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>A share of the training images is held out for validation, and images that two sets have in common are found.</summary>
sealed class HoldOutTests
{
    TestFolder folder = null!;

    [SetUp]
    public void Make() => folder = new TestFolder();

    [TearDown]
    public void Remove() => folder.Dispose();

    [Test]
    public void EveryClassGivesItsShare()
    {
        using Dataset whole = Open(("a", 40), ("b", 25), ("c", 4), ("d", 1));
        (Dataset training, Dataset validation) = HoldOut.Split(whole, 0.2, 42);
        Assert.That(Counts(validation), Is.EqualTo(new[] { 8, 5, 1, 0 }));
        Assert.That(Counts(training), Is.EqualTo(new[] { 32, 20, 3, 1 }));
        string[] all = [.. Images(training), .. Images(validation)];
        Assert.That(all, Is.EquivalentTo(Images(whole)));
        Assert.That(Images(validation), Is.Ordered.Using((IComparer<string>)StringComparer.Ordinal));
        Assert.That(training.Notes, Has.Some.Contains("14 of the 70 images").And.Some.Contains("1 class has too few images"));
        Assert.That(HoldOut.DescribeOverlap(training, validation), Is.Null);
        Assert.That(validation.Classes, Is.SameAs(training.Classes));
    }

    [Test]
    public void TheSeedAloneChooses()
    {
        using Dataset whole = Open(("a", 30), ("b", 30));
        string[] first = Images(HoldOut.Split(whole, 0.1, 1).Validation);
        Assert.That(first, Has.Length.EqualTo(6));
        Assert.That(Images(HoldOut.Split(whole, 0.1, 1).Validation), Is.EqualTo(first));
        Assert.That(Images(HoldOut.Split(whole, 0.1, 2).Validation), Is.Not.EqualTo(first));
        Assert.That(Images(HoldOut.Split(whole, 0.1, 42).Validation)[0], Does.EndWith(Path.Combine("a", "01.jpg")),
            "the images of an old run stay held out");
    }

    [TestCase(0.01, "none")]
    [TestCase(0.99, "all")]
    public void NoPartIsEmpty(double share, string expected)
    {
        using Dataset whole = Open(("a", 2), ("b", 2));
        var e = Assert.Throws<DatasetException>(() => HoldOut.Split(whole, share, 42))!;
        Assert.That((e.WrongOption, e.Message.Contains(expected)), Is.EqualTo((true, true)), e.Message);
    }

    [Test]
    public void ImagesThatTwoSetsHaveInCommonAreFound()
    {
        using Dataset train = Open(("a", 3), ("b", 3));
        Assert.That(HoldOut.DescribeOverlap(train, train), Does.StartWith("6 of the 6 images"));
        folder.Write("other/a/00.jpg", "");
        using Dataset other = ImageFolderDataset.Open(folder.Path("other"));
        Assert.That(HoldOut.DescribeOverlap(train, other), Is.Null);
        try
        {
            Directory.CreateSymbolicLink(folder.Path("val"), folder.Path("train"));
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            Assert.Ignore("This account may not make links.");
        }
        using Dataset linked = DatasetFactory.Open("folder", folder.Root, "val");
        Assert.That(HoldOut.DescribeOverlap(train, linked), Does.StartWith("6 of the 6 images").And.Contains("trained on too"));
    }

    Dataset Open(params (string Name, int Images)[] classes)
    {
        foreach ((string name, int images) in classes)
        {
            for (int i = 0; i < images; i++)
                folder.Write($"train/{name}/{i:00}.jpg", "");
        }
        return DatasetFactory.Open("folder", folder.Root, "train");
    }

    static string[] Images(Dataset set) => [.. Enumerable.Range(0, set.Count).Select(set.Describe)];

    static int[] Counts(Dataset set)
    {
        int[] counts = new int[set.Classes.Count];
        for (int i = 0; i < set.Count; i++)
            counts[set.Label(i)]++;
        return counts;
    }
}
