using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>What a set consists of, in numbers and as a sheet.</summary>
public class DatasetInspectionTests
{
    static TestFolder Photos()
    {
        var folder = new TestFolder();
        for (int i = 0; i < 5; i++)
            folder.Write($"train/cat/{i}.jpg", TestImages.Jpeg(30, 20, i));
        folder.Write("train/dog/a.jpg", TestImages.Jpeg(40, 50));
        folder.Write("train/dog/b.jpg", "no image");
        return folder;
    }

    [Test]
    public void ClassesSizesFormatsAndBadImagesAreTold()
    {
        using TestFolder folder = Photos();
        using Dataset set = DatasetFactory.Open("", folder.Root, "train");
        DatasetSummary summary = DatasetInspection.Run(set, ImageDecoderOptions.Default, most: 0, CancellationToken.None);
        Assert.That((summary.Images, summary.Looked), Is.EqualTo((7, 7)));
        Assert.That(summary.ImagesPerClass, Is.EqualTo(new[] { 5, 2 }));
        Assert.That(summary.Formats, Is.EqualTo(new Dictionary<string, int> { ["JPEG"] = 6 }));
        Assert.That(summary.Colors, Is.EqualTo(new Dictionary<string, int> { ["RGB"] = 6 }));
        Assert.That((summary.Width.Min, summary.Width.Max, summary.Height.Min, summary.Height.Max), Is.EqualTo((30, 40, 20, 50)));
        Assert.That(summary.Sizes, Is.EqualTo(new[] { (30, 20, 5), (40, 50, 1) }));
        Assert.That(summary.Bad.Single().Path, Does.EndWith("b.jpg"));
        Assert.That(DatasetInspection.Run(set, ImageDecoderOptions.Default, most: 3, CancellationToken.None).Looked, Is.EqualTo(3));
    }

    /// <summary>Each class has a row, in it as many images as it has and as are asked for; one that cannot be read has its place.</summary>
    [Test]
    public void ASheetHasARowAClass()
    {
        using TestFolder folder = Photos();
        using Dataset set = DatasetFactory.Open("", folder.Root, "train");
        using RgbImage sheet = Draw(set, 3, 10), one = Draw(set, 3, 1), wide = Draw(set, 20, 10);
        Assert.That(sheet.Height - one.Height, Is.EqualTo(76));
        Assert.That(wide.Width, Is.GreaterThan(20 * 76));
        Assert.That(sheet.Pixels.ToArray().Distinct().Count(), Is.GreaterThan(100), "colours");

        static RgbImage Draw(Dataset set, int images, int classes) =>
            TestImages.Decode(ContactSheet.Draw(set, ImageDecoderOptions.Default, images, classes, CancellationToken.None));
    }
}
