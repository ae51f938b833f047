using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Tests.Vision;

public class DatasetCheckTests
{
    static byte[] Reference(string file) => File.ReadAllBytes(ReferenceData.PathOf("images/" + file));

    static DatasetFinding? Find(DatasetReport report, string kind) => report.Findings.SingleOrDefault(f => f.Kind == kind);

    [Test]
    public void EndsAtTheNextImage([Values(1, 4)] int threads)
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Dataset set = DatasetFactory.Open("builtin/shapes:train=50,size=8", null, "train");
        Assert.That(() => DatasetCheck.Run(set, new DatasetCheckOptions { Threads = threads }, stop: stop.Token),
            Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void EveryKindOfProblemIsReported([Values(1, 4)] int threads)
    {
        using var folder = new TestFolder();
        byte[] jpeg = Reference("img3_33x47_q90_420.jpg");
        folder.Write("train/cat/1.jpg", jpeg);
        folder.Write("train/cat/grey.jpg", Reference("grey_90x61_q90.jpg"));
        folder.Write("train/cat/inks.jpg", Reference("cmyk_90x61_q90.jpg"));
        folder.Write("train/cat/turned.jpg", Reference("exif6_90x61_q90_420.jpg"));
        folder.Write("train/cat/1.png", Reference("img2_64x64.png"));
        string cut = folder.Write("train/dog/cut.jpg", jpeg[..800]);
        folder.Write("train/dog/empty.jpg", []);
        folder.Write("train/dog/page.jpg", "<html>");
        folder.Write("train/ cat/2.jpg", jpeg);
        Directory.CreateDirectory(folder.Path("train", "bird"));
        Dataset set = DatasetFactory.Open("folder", folder.Root, "train");
        DatasetReport report = DatasetCheck.Run(set, new DatasetCheckOptions { Threads = threads, NumClasses = 3 });
        Assert.That(report.Findings, Has.Some.Property(nameof(DatasetFinding.IsError)).True);
        Assert.That((report.Images, report.Grey, report.Cmyk, report.Rotated), Is.EqualTo((9, 1, 1, 1)));
        Assert.That(report.ImagesPerClass, Is.EqualTo(new[] { 1, 0, 5, 3 }));
        Assert.That((report.Width.Min, report.Width.Max, report.Height.Min, report.Height.Max), Is.EqualTo((33, 90, 47, 64)));
        Assert.That(report.Formats, Is.EqualTo(new Dictionary<string, int> { ["JPEG"] = 5, ["PNG"] = 1 }));
        Assert.That(Find(report, "truncated")!.Examples.Single(), Does.Contain(cut));
        foreach (string kind in (string[])["truncated", "zero-byte", "unknown-format", "empty-class", "duplicate-class"])
            Assert.That(Find(report, kind)?.Count, Is.EqualTo(1), kind);
        Assert.That(Find(report, "label-out-of-range")!.Count, Is.EqualTo(3));
        Assert.That(Find(report, "one-class"), Is.Null);
        Assert.That(report.Findings.SkipWhile(f => f.IsError).All(f => !f.IsError), "errors come first");
        Assert.That(System.Text.Json.JsonSerializer.Serialize(report), Does.Contain("label-out-of-range"));
    }

    [Test]
    public void OneClassIsAnError()
    {
        using var folder = new TestFolder();
        folder.Write("train/cat/1.jpg", TestImages.Jpeg(8, 8));
        DatasetReport report = DatasetCheck.Run(DatasetFactory.Open("folder", folder.Root, "train"));
        Assert.That(Find(report, "one-class")!.Examples.Single(), Does.Contain("'cat'"));
        Assert.That(report.Findings, Has.Some.Property(nameof(DatasetFinding.IsError)).True);
    }

    [Test]
    public void ClassesOfTrainingAndValidationAreCompared()
    {
        using var folder = new TestFolder();
        foreach (string file in (string[])["train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "val/zebra/1.jpg"])
            folder.Write(file, TestImages.Jpeg(8, 8));
        Dataset train = DatasetFactory.Open("folder", folder.Root, "train"), validation = DatasetFactory.Open("folder", folder.Root, "val");
        DatasetReport report = DatasetCheck.Run(validation, new DatasetCheckOptions { TrainingClasses = train.Classes });
        Assert.That(Find(report, "unknown-class")!.Examples.Single(), Does.Contain("'zebra'"));
        Assert.That(Find(report, "missing-class")!.Examples.Single(), Does.Contain("'b'"));
        Assert.That(DatasetCheck.Run(train, new DatasetCheckOptions { TrainingClasses = train.Classes }).Findings, Is.Empty);
    }

    [Test]
    public void ACleanSetHasNoFindings()
    {
        Dataset set = DatasetFactory.Open("builtin/shapes:train=500", null, "train");
        int told = 0;
        DatasetReport report = DatasetCheck.Run(set, new DatasetCheckOptions { NumClasses = 10 }, _ => Interlocked.Increment(ref told));
        Assert.That(report.Findings, Is.Empty);
        Assert.That(report.ImagesPerClass, Is.All.EqualTo(50));
        Assert.That(told, Is.EqualTo(5));
    }
}
