using System.Text.Json;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Datasets;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;

namespace PerturbedForgetting.Tests.Training;

[TestFixture]
sealed class ValidatorTests : TrainedRunFixture
{
    ValidateOptions Options() =>
        new() { Dataset = "builtin/shapes:train=56,val=20,size=16", Checkpoint = Last, BatchSize = 7, Workers = 0 };

    [Test]
    public void ACheckpointBringsItsModelAndItsAccuracy()
    {
        var result = Validator.Run(Options(), new RecordingObserver(), CancellationToken.None);
        using var json = JsonDocument.Parse(result.Json);
        Assert.Multiple(() =>
        {
            Assert.That(result.Metrics.Top1, Is.EqualTo(run.Epochs[^1].Validation.Top1), "other batches, with a last one that is not full");
            Assert.That(result.Metrics.Loss, Is.EqualTo(run.Epochs[^1].Validation.Loss).Within(1e-5));
            Assert.That(json.RootElement.EnumerateObject().Select(p => p.Name),
                Is.EqualTo(new[] { "model", "top1", "top1_err", "top5", "top5_err", "param_count", "img_size", "crop_pct",
                    "interpolation" }));
            Assert.That(json.RootElement.GetProperty("img_size").GetInt32(), Is.EqualTo(16));
            Assert.That(json.RootElement.GetProperty("top1").GetDouble() + json.RootElement.GetProperty("top1_err").GetDouble(),
                Is.EqualTo(100).Within(1e-9));
            Assert.That(result.Model, Is.EqualTo("resnet20"));
        });
    }

    [Test]
    public void ABareFileNeedsTheModelNamed([Values("bare.safetensors", "bare.pth")] string name)
    {
        string bare = folder[name];
        using (var file = SafetensorsFile.Open(Last))
        {
            IWeightsWriter writer = name.EndsWith(".pth", StringComparison.Ordinal) ? new TorchWriter() : new SafetensorsWriter();
            foreach (string tensor in file.Names)
            {
                var entry = file.Entry(tensor);
                byte[] bytes = new byte[entry.ByteLength];
                entry.Read(bytes);
                writer.Add("module." + tensor, entry.DType, entry.Shape, stream => stream.Write(bytes));
            }
            writer.Save(bare);
        }
        var options = Options() with
        {
            Checkpoint = bare,
            Model = "resnet20",
            ModelKwargs = ShortRun.Options("").ModelKwargs,
            ImgSize = 16
        };
        Assert.That(Validator.Run(options, new RecordingObserver(), CancellationToken.None).Metrics.Top1,
            Is.EqualTo(run.Epochs[^1].Validation.Top1));
        Assert.That(() => Validator.Run(options with { Model = "resnet56" }, new RecordingObserver(), CancellationToken.None),
            Throws.Nothing, "the same blocks");
        Assert.That(() => Validator.Run(options with { ModelKwargs = new Dictionary<string, object?>() }, new RecordingObserver(),
            CancellationToken.None),
            Throws.Exception.With.Message.Contains("lacks"));
    }

    [Test]
    public void WithoutACheckpointTheWeightsAreRandomAndThatIsSaid()
    {
        var observer = new RecordingObserver();
        Validator.Run(Options() with { Checkpoint = "", Model = "resnet20", ImgSize = 16 }, observer, CancellationToken.None);
        Assert.That(observer.Messages, Has.Some.Contain("random weights"));
    }

    [TestCase("missing.safetensors", "no such file")]
    [TestCase("model.pth.tar", "no such file")]
    public void AFileThatCannotBeReadIsRefused(string name, string expected) =>
        Assert.That(() => Validator.Run(Options() with { Checkpoint = folder[name] }, new RecordingObserver(), CancellationToken.None),
            Throws.InstanceOf<CheckpointException>().With.Message.Contains(expected));

    [Test]
    public void AnInterruptedEvaluationHasNoResult() =>
        Assert.That(() => Validator.Run(Options(), new RecordingObserver(), new CancellationToken(true)),
            Throws.InstanceOf<OperationCanceledException>());

    /// <summary>A class that the validation folder lacks keeps the others' numbers and is reported; one that the model does not know is an
    /// error.</summary>
    [Test]
    public void ClassesFollowTheCheckpoint()
    {
        string data = folder["images"];
        Draw(data, "train", ["a", "b", "c", "d"]);
        Draw(data, "validation", ["a", "c", "d"]);
        Draw(data, "other", ["a", "zebra"]);
        var options = ShortRun.Options(folder.Path, "images-run") with
        {
            Dataset = "",
            DataDir = data,
            BatchSize = 4,
            Epochs = 8,
            WarmupEpochs = 0,
            Scale = [0.9, 1],
            Hflip = 0
        };
        var observer = new RecordingObserver();
        var trained = ShortRun.Train(options, observer);
        Assert.That(observer.Messages, Has.Some.Contain("'b'"), "training reports the missing class too");
        var validate = new ValidateOptions
        {
            DataDir = data,
            Checkpoint = Path.Combine(trained.Folder, "last"),
            BatchSize = 5,
            Workers = 0
        };
        observer = new RecordingObserver();
        var result = Validator.Run(validate, observer, CancellationToken.None);
        Assert.That(observer.Messages, Has.Some.Contain("'b'"));
        Assert.That(result.Metrics.Top1, Is.EqualTo(trained.Epochs[^1].Validation.Top1).And.GreaterThan(90), "plain colours are learnt");
        Assert.That(() => Validator.Run(validate with { Split = "other" }, observer, CancellationToken.None),
            Throws.InstanceOf<DatasetException>().With.Message.Contains("zebra"));
    }

    /// <summary>Images of one colour a class.</summary>
    static void Draw(string data, string split, string[] classes)
    {
        foreach (string name in classes)
        {
            string path = Path.Combine(data, split, name);
            Directory.CreateDirectory(path);
            for (int i = 0; i < 4; i++)
            {
                byte shade = (byte)(10 * i);
                var color = name switch
                {
                    "a" => new Rgb24(250, shade, shade),
                    "b" => new Rgb24(shade, 250, shade),
                    "c" => new Rgb24(shade, shade, 250),
                    _ => new Rgb24(250, 250, (byte)(250 - shade)),
                };
                using var image = new Image<Rgb24>(16, 16, color);
                image.SaveAsPng(Path.Combine(path, $"{i}.png"));
            }
        }
    }
}
