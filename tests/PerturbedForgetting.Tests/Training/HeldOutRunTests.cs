using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Tests.Training;

/// <summary>What a run without a validation split is validated on.</summary>
[TestFixture]
sealed class HeldOutRunTests
{
    TempFolder folder = null!;
    RecordingObserver messages = null!;

    [SetUp]
    public void Make() => (folder, messages) = (new TempFolder(), new RecordingObserver());

    [TearDown]
    public void Remove() => folder.Dispose();

    TrainOptions Options => ShortRun.Options(folder.Path) with { Epochs = 1, WarmupEpochs = 0 };

    [Test]
    public void AnEvaluationFindsTheImagesThatTheRunHeldOut()
    {
        TrainResult run = ShortRun.Train(Options with { ValShare = 0.25, ValSeed = 7 }, messages);
        Assert.That(messages.Messages, Has.Some.Contains("14 of the 56 images of builtin/shapes/train are held out")
            .And.Some.Contains("42 images").And.None.Contains("trained on too"));
        ValidateOptions evaluation = new()
        {
            Dataset = Options.Dataset,
            Checkpoint = Path.Combine(run.Folder, "last.safetensors"),
            Workers = 0,
            ValShare = 0.25,
            ValSeed = 7,
        };
        Assert.That(Validated(evaluation).Metrics.Top1, Is.EqualTo(run.Epochs[^1].Validation.Top1));
        Assert.That(messages.Messages, Has.None.Contains("trained"));
        Validated(evaluation with { ValSeed = 8 });
        Assert.That(messages.Messages, Has.Some.Contains("has seen images that are evaluated").And.Some
            .Contains("--val-share 0.25 --val-seed 7"));
        Validated(evaluation with { ValShare = null, Split = "train" });
        Assert.That(messages.Messages, Has.Some.Contains("what the model was trained on").And.Some
            .Contains("--val-seed 7 evaluates those"));
        var e = Assert.Throws<DatasetException>(() => Validated(evaluation with { ValShare = null, Split = "holdout" }))!;
        Assert.That(e.Message, Does.Contain("no split 'holdout'").And.Contain("--val-share 0.25 --val-seed 7"));
    }

    [Test]
    public void ImagesThatAreTrainedOnTooAreAWarning()
    {
        ShortRun.Train(Options with { ValSplit = "train" }, messages, stopAfter: 1);
        Assert.That(messages.Messages, Has.Some.Contains("56 of the 56 images").And.Some.Contains("trained on too"));
    }

    [Test]
    public void ASetWithoutAValidationSplitAsksForOne()
    {
        using var images = new Vision.TestFolder();
        images.Write("a/1.jpg", Vision.TestImages.Jpeg(8, 8));
        images.Write("b/1.jpg", Vision.TestImages.Jpeg(8, 8));
        var e = Assert.Throws<DatasetException>(() => ShortRun.Train(Options with { Dataset = "", DataDir = images.Root }, messages))!;
        Assert.That((e.WrongOption, e.Message), Is.EqualTo((true, e.Message)));
        Assert.That(e.Message, Does.Contain("no images to validate on").And.Contain("--val-split NAME").And.Contain("--val-share 0.1"));
    }

    [Test]
    public void SplitAndShareExcludeEachOther()
    {
        TrainOptions options = Options with { ValShare = 0.1 };
        Assert.That(options.Validate(), Is.Empty);
        Assert.That((options with { ValSplit = "test" }).Validate().Single().Message, Does.Contain("leave one of them out"));
        Assert.That((options with { ValShare = 1 }).Validate().Single().Message, Does.Contain("above 0 and below 1"));
    }

    ValidationResult Validated(ValidateOptions options)
    {
        messages.Messages.Clear();
        return Validator.Run(options, messages, CancellationToken.None);
    }
}
