using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.ImageNet;

namespace PerturbedForgetting.Tests.Vision.ImageNet;

public class RealDatasetTests
{
    static readonly byte[] image = TestImages.Jpeg(8, 8);

    static DatasetException Refused(Action action) => Assert.Throws<DatasetException>(action)!;

    static IReadOnlyList<string> Wnids => ImageNetClasses.All.Names;

    /// <summary>Validation images 1, 2 and 3, in folders of their first labels, with names as they have here and there.</summary>
    static TestFolder Validation()
    {
        var folder = new TestFolder();
        folder.Write($"val/{Wnids[795]}/ILSVRC2012_val_00000002.JPEG", image);
        folder.Write($"val/{Wnids[230]}/ILSVRC2012_val_00000003_{Wnids[230]}.JPEG", image);
        folder.Write($"val/{Wnids[0]}/ilsvrc2012_val_00000001.jpeg", image);
        folder.Write("real.json", "[[], [970, 795], [230, 231], [809]]");
        return folder;
    }

    [Test]
    public void ImagesTakeTheLabelsOfTheirNumbers()
    {
        using TestFolder folder = Validation();
        using Dataset data = DatasetFactory.Open("imagenet2012_real", folder.Root, "validation",
            new DatasetOptions { Classes = ImageNetClasses.All });
        Assert.That(Enumerable.Range(0, 3).Select(i => (data.Label(i), string.Join(' ', data.LabelSet(i).ToArray()))),
            Is.EqualTo(new[] { (0, ""), (230, "230 231"), (795, "970 795") }));
        Assert.That(data.Scores.Select(s => (s.Name, s.AnyLabel)),
            Is.EqualTo(new[] { ("imagenet2012_real", true), ("imagenet2012_real_original", false) }));
    }

    [Test]
    public void LabelsFollowTheClassesOfTheModel()
    {
        using TestFolder folder = Validation();
        // Without a model the folders are the classes, and labels of others have no number.
        using Dataset data = DatasetFactory.Open("", folder.Root, "validation",
            new DatasetOptions { RealLabelsFile = folder.Path("real.json") });
        Assert.That(Enumerable.Range(0, 3).Select(i => string.Join(' ', data.LabelSet(i).ToArray())), Is.EqualTo(new[] { "", "1", "2" }));
    }

    [TestCase("[[1], [2]]", "labels of 2 images, and none for")]
    [TestCase("[[1], [2], [1000]]", "image 3 has a label that is none of 0..999")]
    [TestCase("[[1], [2], [0.5]]", "image 3 has a label")]
    [TestCase("[[1], 2, [3]]", "image 2 has no list")]
    [TestCase("{\"a\": 1}", "it is no list")]
    [TestCase("[]", "it lists no image")]
    [TestCase("[[1], [2", "real.json")]
    [TestCase("", "real.json")]
    [TestCase("<html>", "real.json")]
    public void OtherFilesAreRefused(string text, string why)
    {
        using TestFolder folder = Validation();
        folder.Write("real.json", text);
        Assert.That(Refused(() => DatasetFactory.Open("imagenet2012_real", folder.Root, "validation")).Message, Does.Contain(why));
    }

    [Test]
    public void ImagesWithoutANumberAreRefused()
    {
        using TestFolder folder = Validation();
        folder.Write($"val/{Wnids[0]}/cat.jpg", image);
        Assert.That(Refused(() => DatasetFactory.Open("imagenet2012_real", folder.Root, "validation")).Message,
            Does.Contain("cat.jpg").And.Contain("ILSVRC2012_val_00000001"));
        File.Delete(folder.Path("real.json"));
        Assert.That(Refused(() => DatasetFactory.Open("imagenet2012_real", folder.Root, "validation")).Message,
            Does.Contain("real.json").And.Contain(nameof(DatasetOptions.RealLabelsFile)));
    }
}
