using System.Text.Json.Nodes;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Tests.Vision.Models;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Training;

[TestFixture]
sealed class ConverterTests : TrainedRunFixture
{
    protected override TrainOptions Choose(TrainOptions options) =>
        options with { Epochs = 1, CropPct = 0.75, Mean = [0.25], BnEps = 1e-3 };

    static RecordingObserver Convert(string source, string target, Func<ConvertOptions, ConvertOptions>? change = null)
    {
        var observer = new RecordingObserver();
        var options = new ConvertOptions { Checkpoint = source, Out = target };
        Converter.Run(change?.Invoke(options) ?? options, observer);
        return observer;
    }

    /// <summary>Names, types, shapes and bytes.</summary>
    static string[] Tensors(WeightsFile file) => [.. file.Names.Select(name =>
    {
        var entry = file.Entry(name);
        byte[] bytes = new byte[entry.ByteLength];
        entry.Read(bytes);
        return $"{entry} {System.Convert.ToHexString(bytes)}";
    })];

    /// <summary>What it was trained on and how goes along, so that it can be evaluated as before.</summary>
    [Test]
    public void ThereAndBackIsTheSameFile([Values(".pth", ".pt", ".bin", ".pth.tar")] string ending)
    {
        string there = folder[$"there{ending}"], back = folder[$"back{ending}.safetensors"];
        var observer = Convert(Last, there);
        Convert(there, back);
        using WeightsFile first = WeightsFile.Open(Last), middle = WeightsFile.Open(there);
        Assert.Multiple(() =>
        {
            Assert.That(observer.Messages, Has.Some.Contain("Written: ").And.Some.Contain($"{first.Names.Count} tensors"));
            Assert.That(Tensors(middle), Is.EqualTo(Tensors(first)));
            Assert.That(middle.Metadata[CheckpointFiles.InfoKey], Is.EqualTo(first.Metadata[CheckpointFiles.InfoKey]));
            Assert.That(File.ReadAllBytes(back), Is.EqualTo(File.ReadAllBytes(Last)), "bit for bit");
        });
        var (opened, info) = CheckpointFiles.OpenModel(there);
        using (opened)
            Assert.That((info!.Model, info.Classes.Count, info.Images!.CropPct), Is.EqualTo(("resnet20", 10, 0.75)));
    }

    [Test]
    public void AnOnnxFileHasTheModelAndWhatOneMustKnowOfItsImages()
    {
        var observer = Convert(Last[..^".safetensors".Length], folder["model.onnx"]);
        Assert.That(observer.Messages, Has.Some.Contain("prepared as in training"));
        observer = Convert(Last, folder["other.onnx"], o => o with { CropPct = 1 });
        Assert.That(observer.Messages, Has.Some.Contain("Not as in training: --crop-pct 1 (training: 0.75)"));
        using var session = new OnnxSession(folder["model.onnx"]);
        var told = session.Metadata;
        var (file, info) = CheckpointFiles.OpenModel(Last);
        file.Dispose();
        Assert.Multiple(() =>
        {
            Assert.That(session.Input, Is.EqualTo("input [batch, 3, 16, 16]"));
            Assert.That(session.Output, Is.EqualTo("logits [batch, 10]"));
            Assert.That((told["model"], told["image_size"], told["crop_pct"], told["interpolation"], told["exif_orientation"]),
                Is.EqualTo(("resnet20", "16", "0.75", "bicubic", "ignore")));
            Assert.That((told["mean"], told["std"]), Is.EqualTo(("[0.25,0.25,0.25]", "[0.247,0.2435,0.2616]")));
            Assert.That(told["preparation"], Does.Contain("resize the shorter edge to 21 px (bicubic), crop 16 px"));
            Assert.That(JsonNode.Parse(told["class_names"])!.AsArray().Select(n => (string)n!), Is.EqualTo(info!.Classes));
            Assert.That(told, Does.ContainKey(CheckpointFiles.InfoKey).And.Not.ContainKey(SafetensorsFile.ChecksumKey));
        });
    }

    /// <summary>The epsilon of batch norm, which no tensor tells, is in the file.</summary>
    [Test]
    public void AnOnnxFileFindsTheLogitsOfItsCheckpoint()
    {
        Convert(Last, folder["logits.onnx"]);
        var model = ModelRegistry.Create("resnet20",
            new() { NumClasses = 10, ImageSize = 16, BnEps = 1e-3, Kwargs = new Dictionary<string, string> { ["layers"] = "[1,1,1]" } });
        Pretrained.Load(model, Last);
        OnnxTests.RequireOurLogits(model, folder["logits.onnx"]);
    }

    [Test]
    public void AModelThatIsNamedGivesItsNames()
    {
        string wrapped = folder["wrapped.safetensors"], plain = folder["plain.pth"];
        using (var file = SafetensorsFile.Open(Last))
        {
            var writer = new SafetensorsWriter([new("about", "wrapped")]);
            foreach (string name in file.Names)
                writer.Add($"module.{name}", file.Entry(name).DType, file.Entry(name).Shape, file.Entry(name).CopyTo);
            writer.Save(wrapped);
            Convert(wrapped, plain, o => o with { Model = "resnet20", ModelKwargs = ShortRun.Options("").ModelKwargs });
            using var written = WeightsFile.Open(plain);
            Assert.That(Tensors(written), Is.EqualTo(Tensors(file)));
            Assert.That(written.Metadata["about"], Is.EqualTo("wrapped"));
        }
        Assert.That(() => Convert(wrapped, folder["nameless.onnx"]),
            Throws.InstanceOf<OptionException>().With.Message.Contains("--model").And.Message.Contains("does not say which model"));
    }

    [Test]
    public void NothingIsReplacedUnasked()
    {
        string there = folder["precious.pth"];
        File.WriteAllText(there, "precious");
        Assert.That(() => Convert(Last, there),
            Throws.InstanceOf<OptionException>().With.Message.Contains("is there already").And.Message.Contains("--overwrite"));
        Assert.That(File.ReadAllText(there), Is.EqualTo("precious"));
        Convert(Last, there, o => o with { Overwrite = true });
        using (var file = WeightsFile.Open(there))
            Assert.That(file.Names, Is.Not.Empty);
        Assert.That(() => Convert(Last, Last, o => o with { Overwrite = true }),
            Throws.InstanceOf<OptionException>().With.Message.Contains("is the file to convert"));
    }

    [TestCase("there.npz", "ends in none of .safetensors")]
    [TestCase("there", "ends in none of")]
    [TestCase("", "is empty")]
    [TestCase(null, "names the file to write")]
    public void ATargetOfNoKnownFormatIsRefused(string? name, string expected) =>
        Assert.That(() => Convert(Last, name!), Throws.InstanceOf<OptionException>().With.Message.Contains(expected));

    [Test]
    public void ASourceThatCannotBeIsRefusedAndLeavesNothing()
    {
        Convert(Last, folder["source.onnx"]);
        File.WriteAllBytes(folder["damaged.safetensors"], File.ReadAllBytes(Last)[..^100]);
        Assert.Multiple(() =>
        {
            Assert.That(() => Convert(folder["none.pth"], folder["not.safetensors"]),
                Throws.InstanceOf<CheckpointException>().With.Message.Contains("no such file"));
            Assert.That(() => Convert(folder["source.onnx"], folder["not.safetensors"]),
                Throws.InstanceOf<WeightsException>().With.Message.Contains("ONNX"));
            Assert.That(() => Convert(folder["damaged.safetensors"], folder["not.safetensors"]), Throws.InstanceOf<WeightsException>());
            Assert.That(() => Convert("", folder["not.safetensors"]),
                Throws.InstanceOf<OptionException>().With.Message.Contains("behind the command"));
            Assert.That(File.Exists(folder["not.safetensors"]), Is.False);
        });
    }
}
