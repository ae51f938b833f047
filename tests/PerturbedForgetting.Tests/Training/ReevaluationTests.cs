using System.Text.Json.Nodes;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Tests.Training;

/// <summary>A checkpoint evaluated anew gives the number that its run printed, bit for bit, or the evaluation says why not.</summary>
[TestFixture]
sealed class ReevaluationTests : TrainedRunFixture
{
    /// <summary>Everything that decides an evaluation is other than its default.</summary>
    protected override TrainOptions Choose(TrainOptions options) => options with
    {
        Seed = 7,
        Mean = [0.4, 0.5, 0.6],
        Std = [0.3],
        CropPct = 0.8,
        Interpolation = Interpolation.Bilinear,
        Exif = ExifOrientation.Apply,
        Truncated = TruncatedImages.Fill,
        BnEps = 0.01,
        BceLoss = true,
        Smoothing = 0.1,
    };

    [Test]
    public void TheCheckpointAloneGivesTheNumberOfTheRun()
    {
        var observer = new RecordingObserver();
        var result = Validator.Run(new ValidateOptions { Checkpoint = Last, Workers = 0 }, observer, CancellationToken.None);
        Assert.Multiple(() =>
        {
            Assert.That(result.Metrics, Is.EqualTo(run.Epochs[^1].Validation), "exactly");
            Assert.That((result.ImageSize, result.CropPct, result.Interpolation), Is.EqualTo((16, 0.8, "bilinear")));
            Assert.That(observer.Messages, Has.Some.Contain("prepared as in training").And.Some.Contain("bit for bit"));
        });
    }

    [Test]
    public void WhatIsGivenWinsAndWhatDiffersIsSaid()
    {
        var observer = new RecordingObserver();
        var options = new ValidateOptions
        {
            Checkpoint = Last,
            Workers = 0,
            CropPct = 0.5,
            Mean = [0.5],
            BatchSize = 5,
            Exif = ExifOrientation.Ignore,
        };
        var given = new HashSet<OptionSpec>
        {
            CheckpointOptions.CheckpointOption, RunOptions.WorkersOption, RunOptions.CropPctOption, RunOptions.MeanOption,
            RunOptions.BatchSizeOption, RunOptions.ExifOption,
        };
        var result = Validator.Run(options, observer, CancellationToken.None, given);
        string notAsBefore = observer.Messages.Single(m => m.Contains("Not as in training")),
            numbers = observer.Messages.Single(m => m.Contains("Training measured"));
        Assert.Multiple(() =>
        {
            Assert.That(result.CropPct, Is.EqualTo(0.5));
            Assert.That(notAsBefore, Does.Contain("--crop-pct 0.5 (training: 0.8)")
                .And.Contain("--mean 0.5 0.5 0.5 (training: 0.4 0.5 0.6)").And.Contain("--batch-size 5 (training: 16)")
                .And.Contain("--exif ignore (training: apply)").And.Not.Contain("--std"));
            Assert.That(numbers, Does.Contain("other numbers, because").And.Contain("--crop-pct is 0.5 here and was 0.8"));
        });
    }

    [Test]
    public void OtherDataAreNotCompared()
    {
        var observer = new RecordingObserver();
        Validator.Run(new ValidateOptions { Checkpoint = Last, Workers = 0, Dataset = "builtin/shapes:train=8,val=8,size=16" }, observer,
            CancellationToken.None);
        Assert.That(observer.Messages, Has.None.Contain("raining measured").And.None.Contain("bit for bit"));
    }

    /// <summary>Before preparations were stored, only the options were.</summary>
    [Test]
    public void AnOlderCheckpointFollowsFromItsOptions()
    {
        string old = Rewritten("old.safetensors", static info =>
        {
            info.Remove("images");
            info.Remove("evaluation");
        });
        var observer = new RecordingObserver();
        var result = Validator.Run(new ValidateOptions { Checkpoint = old, Workers = 0 }, observer, CancellationToken.None);
        Assert.That(result.Metrics, Is.EqualTo(run.Epochs[^1].Validation));
        Assert.That(observer.Messages, Has.Some.Contain("prepared as in training").And.None.Contain("bit for bit"));
    }

    [TestCase("size", "0", "--img-size: must lie in 1 to 16384")]
    [TestCase("size", "null", "size")]
    [TestCase("crop_pct", "-1", "--crop-pct: must be above 0")]
    [TestCase("mean", "[]", "mean")]
    [TestCase("mean", "[0.5, 0.5]", "mean")]
    [TestCase("mean", "null", "mean")]
    [TestCase("std", "[1, 0, 1]", "--std: must be positive")]
    [TestCase("std", "[1, \"Infinity\", 1]", "finite")]
    [TestCase("interpolation", "\"nearest\"", "--interpolation: 'nearest' is not one of")]
    [TestCase("exif", "\"\"", "--exif")]
    public void APreparationThatCannotBeIsRefused(string key, string value, string expected)
    {
        string path = Rewritten("odd.safetensors", info => info["images"]![key] = JsonNode.Parse(value));
        Assert.That(() => Validator.Run(new ValidateOptions { Checkpoint = path, Workers = 0 }, new RecordingObserver(),
            CancellationToken.None), Throws.InstanceOf<CheckpointException>().With.Message.Contains(expected).And.Message.Contains(path));
    }

    [Test]
    public void AnOptionOfItsTrainingThatCannotBeIsRefused()
    {
        string path = Rewritten("odd-option.safetensors", static info => info["options"]!["bn-eps"] = -1.5);
        Assert.That(() => Validator.Run(new ValidateOptions { Checkpoint = path, Workers = 0 }, new RecordingObserver(),
            CancellationToken.None), Throws.InstanceOf<CheckpointException>().With.Message.Contains("--bn-eps").And.Message.Contains(path));
    }

    /// <summary>Its own test size is what the reference evaluates a ResNet-50 at; a checkpoint says another.</summary>
    [Test]
    public void TheTestSizeIsForThoseWhoAskForIt()
    {
        var info = new ModelInfo
        {
            Model = "resnet50",
            Classes = ["a"],
            Options = OptionsJson.Object(new TrainOptions { Model = "resnet50", Dataset = "builtin/shapes" }),
        };
        var plain = TrainedOptions.Complete(new ValidateOptions(), info, new HashSet<OptionSpec>(), "x").Options;
        var given = new HashSet<OptionSpec> { CheckpointOptions.UseTrainSizeOption };
        var asked = TrainedOptions.Complete(new ValidateOptions(), info, given, "x").Options;
        Assert.That((plain.ImgSize, plain.CropPct, plain.BatchSize), Is.EqualTo(((int?)224, (double?)0.95, 128)));
        Assert.That((asked.ImgSize, asked.CropPct, asked.Model), Is.EqualTo(((int?)null, (double?)null, "resnet50")));
        var other = TrainedOptions.Complete(new ValidateOptions { Model = "resnet18" }, info, null, "x");
        Assert.That((other.Options.ImgSize, other.Training), Is.EqualTo(((int?)null, (TrainOptions?)null)), "weights of another model");
    }

    [Test]
    public void ACheckpointThatNamesNoDataIsNotEvaluatedOnAny()
    {
        string path = Rewritten("homeless.safetensors", info => info["options"]!["dataset"] = "");
        Assert.That(() => Validator.Run(new ValidateOptions { Checkpoint = path, Workers = 0 }, new RecordingObserver(),
            CancellationToken.None), Throws.InstanceOf<OptionException>().With.Message.Contains("no data was named"));
    }

    /// <summary>Of a run that held out a share of its training images, those are evaluated again.</summary>
    [Test]
    public void WhatWasHeldOutIsFoundAgain()
    {
        var heldOut = ShortRun.Train(ShortRun.Options(folder.Path, "held-out") with { ValShare = 0.3, ValSeed = 5, Epochs = 1 });
        var observer = new RecordingObserver();
        var result = Validator.Run(new ValidateOptions { Checkpoint = Path.Combine(heldOut.Folder, "last"), Workers = 0 }, observer,
            CancellationToken.None);
        Assert.That(result.Metrics, Is.EqualTo(heldOut.Epochs[^1].Validation));
        Assert.That(observer.Messages, Has.Some.Contain("bit for bit").And.None.Contain("it has seen"));
    }

    /// <summary>The model of the run with another description.</summary>
    string Rewritten(string name, Action<JsonObject> change)
    {
        using var file = SafetensorsFile.Open(Last);
        var info = JsonNode.Parse(file.Metadata["pf_model"])!.AsObject();
        change(info);
        var writer = new SafetensorsWriter([new("pf_model", info.ToJsonString())]);
        foreach (string tensor in file.Names)
        {
            var entry = file.Entry(tensor);
            byte[] bytes = new byte[entry.ByteLength];
            entry.Read(bytes);
            writer.Add(tensor, entry.DType, entry.Shape, stream => stream.Write(bytes));
        }
        writer.Save(folder[name]);
        return folder[name];
    }
}
