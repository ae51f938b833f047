using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.ImageNet;

namespace PerturbedForgetting.Tests.Vision.ImageNet;

/// <summary>The sets of other images for ImageNet's classes, as they are downloaded.</summary>
public class VariantDatasetTests
{
    static readonly byte[] image = TestImages.Jpeg(8, 8);

    static DatasetException Refused(Action action) => Assert.Throws<DatasetException>(action)!;

    static IReadOnlyList<string> Wnids => ImageNetClasses.All.Names;

    [Test]
    public void TheClassesAreThoseOfImageNet()
    {
        Assert.That((Wnids.Count, Wnids[0], Wnids[1], Wnids[207], Wnids[999]),
            Is.EqualTo((1000, "n01440764", "n01443537", "n02099601", "n15075141")));
        Assert.That(Wnids, Is.Ordered.Using((IComparer<string>)StringComparer.Ordinal));
        Assert.That((ImageNetClasses.OfRenditions.Count, ImageNetClasses.OfAdversarial.Count), Is.EqualTo((200, 200)));
        // The first and last of the lists that their authors publish.
        Assert.That((Wnids[ImageNetClasses.OfRenditions[0]], Wnids[ImageNetClasses.OfRenditions[^1]]),
            Is.EqualTo(("n01443537", "n12267677")));
        Assert.That((Wnids[ImageNetClasses.OfAdversarial[0]], Wnids[ImageNetClasses.OfAdversarial[^1]]),
            Is.EqualTo(("n01498041", "n12267677")));
    }

    [TestCase("imagenet_v2", "", "imagenet_v2/matched-frequency")]
    [TestCase("imagenet_v2", "imagenetv2-top-images-format-val/", "imagenet_v2/topimages")]
    [TestCase("imagenet_v2/threshold-0.7", "imagenetv2-threshold0.7-format-val/", "imagenet_v2/threshold-0.7")]
    public void FoldersOfV2AreNumbers(string dataset, string below, string score)
    {
        using var folder = new TestFolder();
        foreach (string name in new[] { "0", "10", "2", "999" })
            folder.Write($"{below}{name}/a.jpeg", image);
        using Dataset data = DatasetFactory.Open(dataset, folder.Root, "test");
        Assert.That(Enumerable.Range(0, data.Count).Select(data.Label), Is.EqualTo(new[] { 0, 2, 10, 999 }));
        Assert.That((data.Classes.SameAs(ImageNetClasses.All), data.Scores.Single().Name), Is.EqualTo((true, score)));
        Assert.That(PreparedPixels(data), Is.EqualTo(4));
    }

    [TestCase("imagenet_r", "imagenet-r", "imagenet_r_200")]
    [TestCase("imagenet_a", "imagenet-a", "imagenet_a_200")]
    [TestCase("imagenet_sketch", "sketch", null)]
    public void FoldersOfOthersAreWordNetNumbers(string dataset, string below, string? second)
    {
        using var folder = new TestFolder();
        foreach (int number in new[] { 6, 11, 988 })
            folder.Write($"{below}/{Wnids[number]}/art 0_1.jpg", image);
        folder.Write($"{below}/README.txt", "to be passed over");
        foreach (string root in new[] { folder.Root, folder.Path(below) })
        {
            using Dataset data = DatasetFactory.Open(dataset, root, "validation");
            Assert.That(Enumerable.Range(0, data.Count).Select(data.Label), Is.EqualTo(new[] { 6, 11, 988 }));
            Assert.That(data.Scores.Skip(1).SingleOrDefault()?.Name, Is.EqualTo(second));
            Assert.That(data.Scores[^1].Among?.Count ?? 0, Is.EqualTo(second is null ? 0 : 200));
        }
    }

    [Test]
    public void AModelOfOtherNumbersKeepsItsOwn()
    {
        using var folder = new TestFolder();
        folder.Write($"imagenet-r/{Wnids[6]}/0.jpg", image);
        ClassList reversed = new(Wnids.Reverse());
        using Dataset data = DatasetFactory.Open("imagenet_r", folder.Root, "test", new DatasetOptions { Classes = reversed });
        Assert.That((data.Label(0), data.Classes.SameAs(reversed)), Is.EqualTo((993, true)));
        Assert.That(data.Scores[1].Among!.Select(l => 999 - l).Order(), Is.EqualTo(ImageNetClasses.OfRenditions));
        using Dataset own = DatasetFactory.Open("imagenet_r", folder.Root, "test",
            new DatasetOptions { Classes = new ClassList(ImageNetClasses.OfRenditions.Select(c => Wnids[c])) });
        Assert.That(own.Scores.Single().Name, Is.EqualTo("imagenet_r"), "a model of the 200 classes alone has one score");
        Assert.That(Refused(() => DatasetFactory.Open("imagenet_r", folder.Root, "test",
            new DatasetOptions { Classes = new ClassList([Wnids[0], Wnids[1]]) })).Message,
            Does.Contain(Wnids[6]).And.Contain("no class of the model"));
        using Dataset unknown = DatasetFactory.Open("imagenet_r", folder.Root, "test",
            new DatasetOptions { Classes = new ClassList(["cat"]) });
        Assert.That((unknown.Label(0), unknown.Notes.Single()), Is.EqualTo((6, unknown.Notes.Single())));
        Assert.That(unknown.Notes.Single(), Does.Contain("1000 classes here and 1 there").Or.Contain("number 0 is"));
    }

    [Test]
    public void WhatIsNoSuchSetIsRefused()
    {
        using var folder = new TestFolder();
        Assert.That(Refused(() => DatasetFactory.Open("imagenet_r", folder.Root, "train")).Message, Does.Contain("nothing to train on"));
        Assert.That(Refused(() => DatasetFactory.Open("imagenet_r", folder.Root, "test")).Message,
            Does.Contain("imagenet-r.tar").And.Contain(folder.Root));
        Assert.That(Refused(() => DatasetFactory.Open("imagenet_r", folder.Path("nowhere"), "test")).WrongOption);
        folder.Write($"imagenet-a/{Wnids[6]}/0.jpg", image);
        folder.Write("imagenet-a/cats/0.jpg", image);
        Assert.That(Refused(() => DatasetFactory.Open("imagenet_a", folder.Root, "test")).Message,
            Does.Contain("'cats'").And.Contain("no class of ImageNet"));
        folder.Write("imagenetv2-top-images-format-val/1000/0.jpg", image);
        Assert.That(Refused(() => DatasetFactory.Open("imagenet_v2", folder.Root, "test")).Message, Does.Contain("'1000'"));
    }

    static int PreparedPixels(Dataset data) => Enumerable.Range(0, data.Count).Count(i => Tfds.PreparedSets.Pixels(data, i).Length == 64);
}
