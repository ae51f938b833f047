using PerturbedForgetting.Tests.Vision;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Tests.Training;

/// <summary>Which splits are checked, and what is said where one is missing.</summary>
sealed class DataCheckTests
{
    static readonly byte[] image = TestImages.Jpeg(8, 8);

    TestFolder folder = null!;

    [SetUp]
    public void Make() => folder = new TestFolder();

    [TearDown]
    public void Remove() => folder.Dispose();

    [TestCase("", TestName = "AFolderOfClasses")]
    [TestCase("train/", TestName = "ATrainingSplitAlone")]
    public void WhatThereIsIsReported(string above)
    {
        Write($"{above}cat/1.jpg", $"{above}dog/2.jpg");
        DatasetReport report = Check().Single();
        Assert.That((report.Images, report.Classes.Count), Is.EqualTo((2, 2)));
        DatasetFinding missing = report.Findings.Single();
        Assert.That((missing.Kind, missing.IsError, missing.Count), Is.EqualTo((DataCheck.NoValidationSplit, false, 1)));
        Assert.That(missing.Examples.Single(), Does.Contain("validation, val, valid, eval, test").And.Contain("--val-split"));
    }

    [Test]
    public void AValidationSplitThatIsNamedAndNotThereIsRefusedBeforeAnImageIsRead()
    {
        Write("train/cat/1.jpg", "train/dog/2.jpg");
        RecordingObserver messages = new();
        var e = Assert.Throws<DatasetException>(() => DataCheck.Run(
            new TrainOptions { DataDir = folder.Root, ValSplit = "holdout" }, messages, CancellationToken.None))!;
        Assert.That(e.WrongOption, e.Message);
        Assert.That(messages.Messages, Is.Empty);
    }

    [Test]
    public void BothSplitsAreChecked()
    {
        Write("train/cat/1.jpg", "train/dog/2.jpg", "val/cat/3.jpg", "val/mouse/4.jpg");
        IReadOnlyList<DatasetReport> reports = Check();
        Assert.That(reports.Select(r => r.Images), Is.EqualTo(new[] { 2, 2 }));
        Assert.That(reports[1].Findings.Select(f => f.Kind), Is.SupersetOf(new[] { "unknown-class", "missing-class" }));
    }

    [Test]
    public void ImagesThatAreHeldOutAreASplitOfTheirOwn()
    {
        Write("train/cat/1.jpg", "train/cat/2.jpg", "train/dog/3.jpg", "train/dog/4.jpg");
        IReadOnlyList<DatasetReport> reports = DataCheck.Run(new TrainOptions { DataDir = folder.Root, ValShare = 0.5 },
            NullObserver.Instance, CancellationToken.None);
        Assert.That(reports.Select(r => (r.Images, r.Findings.Count)), Is.EqualTo(new[] { (2, 0), (2, 0) }));
    }

    IReadOnlyList<DatasetReport> Check() =>
        DataCheck.Run(new TrainOptions { DataDir = folder.Root }, NullObserver.Instance, CancellationToken.None);

    void Write(params string[] files)
    {
        foreach (string file in files)
            folder.Write(file, image);
    }
}
