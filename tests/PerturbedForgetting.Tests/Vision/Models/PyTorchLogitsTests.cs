using System.Text.Json;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Vision.Models;

/// <summary>Checkpoints that PyTorch saved give the logits that PyTorch found with them, also when they have gone through a file of
/// ours.</summary>
sealed class PyTorchLogitsTests
{
    const double Tolerance = 1e-5;

    static readonly string folder = Path.Combine(TestContext.CurrentContext.TestDirectory, "Vision", "Models", "PyTorch");

    static VisionTransformerOptions Transformer => new()
    {
        ImageHeight = 24,
        ImageWidth = 24,
        PatchSize = 8,
        Dim = 8,
        Depth = 1,
        Heads = 2,
        NumClasses = 5,
    };

    static ImageModel Make(string name) => name switch
    {
        "resnet" => new ResNet(new() { Layers = [2, 1], Channels = [4, 8], NumClasses = 5 }),
        "vit_token" => new VisionTransformer(Transformer with { Depth = 2 }),
        "vit_mean" => new VisionTransformer(Transformer with { Pooling = TokenPooling.Average }),
        _ => new VisionTransformer(Transformer with { Heads = 4, ClassToken = false, Pooling = TokenPooling.Average }),
    };

    [Test]
    public void AreTheSame([Values("resnet", "vit_token", "vit_mean", "vit_patches")] string name)
    {
        using var stored = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "logits.json")));
        var expected = stored.RootElement.GetProperty(name);
        int size = expected.GetProperty("size").GetInt32();
        float[] logits = [.. expected.GetProperty("logits").EnumerateArray().SelectMany(row => row.EnumerateArray())
            .Select(v => v.GetSingle())];
        var model = Make(name);
        var report = Pretrained.Load(model, Path.Combine(folder, $"{name}.pth"));
        Assert.That(report.Skipped, Is.Empty);
        Assert.That(Logits(model, size), Is.EqualTo(logits).Within(Tolerance));
        using var files = new TempFolder();
        foreach (string ending in (string[])[".pth", ".safetensors"])
        {
            IWeightsWriter writer = ending == ".pth" ? new TorchWriter() : new SafetensorsWriter();
            StateDict.Write(model, writer);
            writer.Save(files[$"ours{ending}"]);
            var again = Make(name);
            Pretrained.Load(again, files[$"ours{ending}"]);
            Assert.That(Logits(again, size), Is.EqualTo(Logits(model, size)), ending);
        }
    }

    static float[] Logits(ImageModel model, int size)
    {
        model.Train(false);
        int[] shape = [2, 3, size, size];
        using var scope = Scope.Begin();
        using (GradMode.NoGrad())
            return model.Call(Tensor.From(Layouts.ChannelsLast(ReferenceWeights.Input(shape), shape), [2, size, size, 3], Device.Cpu))
                .ToArray<float>();
    }
}
