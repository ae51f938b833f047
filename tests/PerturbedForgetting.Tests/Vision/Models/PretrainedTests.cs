using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Vision.Models;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Tests.Vision.Models;

[TestFixture]
sealed class PretrainedTests : TempFolderFixture
{
    [TestCase("")]
    [TestCase("module.")]
    [TestCase("model.module.")]
    public void EverythingIsLoadedWhereEverythingFits(string prefix)
    {
        var source = ResNet(classes: 5);
        string path = Save(source, prefix);
        var target = ResNet(classes: 5, seed: 2);
        var report = Pretrained.Load(target, path);
        Assert.That(report.Loaded, Is.EquivalentTo(source.State().Select(e => e.Name)));
        Assert.That(report.Skipped, Is.Empty);
        Assert.That(report.Resized, Is.Null);
        foreach (var (expected, actual) in source.State().Zip(target.State()))
            Assert.That(Bytes(actual), Is.EqualTo(Bytes(expected)), expected.Name);
    }

    /// <summary>Weights for 1000 classes start a model for 10.</summary>
    [Test]
    public void AnotherNumberOfClassesKeepsTheNewHeadAndSaysSo()
    {
        var source = ResNet(classes: 1000);
        var target = ResNet(classes: 10, seed: 2);
        float[] head = target.Classifier.Weight.ToArray<float>();
        var report = Pretrained.Load(target, Save(source));
        Assert.That(report.Skipped, Is.EqualTo(new[] { "fc.weight", "fc.bias" }));
        Assert.That(report.Loaded,
            Is.EquivalentTo(source.State().Select(e => e.Name).Where(n => !n.StartsWith("fc.", StringComparison.Ordinal))));
        Assert.That(target.Classifier.Weight.ToArray<float>(), Is.EqualTo(head));
        Assert.That(Bytes(target.State().First()), Is.EqualTo(Bytes(source.State().First())));
    }

    [Test]
    public void CountersOfBatchesMayBeMissing()
    {
        var source = ResNet(classes: 5);
        string path = Save(source, keep: n => !n.EndsWith("num_batches_tracked", StringComparison.Ordinal));
        Assert.That(Pretrained.Load(ResNet(classes: 5, seed: 2), path).Loaded,
            Has.Count.EqualTo(source.State().Count() - source.Modules().OfType<BatchNorm2d>().Count()));
    }

    [Test]
    public void AnotherModelIsRefusedAndLeavesTheModelAsItWas()
    {
        var target = ResNet(classes: 5, seed: 2);
        byte[][] before = [.. target.State().Select(Bytes)];
        string deeper = Save(Make("resnet56", new() { NumClasses = 5 }));
        Assert.That(() => Pretrained.Load(target, deeper), Throws.TypeOf<PretrainedException>()
            .With.Message.Contains(deeper).And.Message.Contains("it has layer1.3.conv1.weight")
            .And.Message.Contains("more, which the model has not").And.Message.Contains("Check `model`")
            .And.Message.Contains("looks like a ResNet with basic blocks, layers=[9,9,9]"));
        string partial = Save(ResNet(classes: 5), keep: n => n is not "layer3.2.bn2.running_var");
        Assert.That(() => Pretrained.Load(target, partial), Throws.TypeOf<PretrainedException>()
            .With.Message.Contains("it lacks layer3.2.bn2.running_var"));
        string wide = Save(Make("resnet18_cifar", new() { NumClasses = 5 }));
        Assert.That(() => Pretrained.Load(target, wide), Throws.TypeOf<PretrainedException>()
            .With.Message.Contains("'conv1.weight' is F32 [64, 3, 3, 3] in the file and F32 [16, 3, 3, 3] in the model"));
        Assert.That(target.State().Select(Bytes), Is.EqualTo(before));
    }

    /// <summary>Weights for 224 px, patches of 32, start a model for 256 px.</summary>
    [Test]
    public void AnotherImageSizeIsExplainedOrResized()
    {
        var source = Vit(new() { ImageSize = 224 });
        Randomize(source);
        string path = Save(source);
        var target = Vit(new() { ImageSize = 256 });
        Assert.That(() => Pretrained.Load(target, path), Throws.TypeOf<PretrainedException>()
            .With.Message.Contains("49 tokens").And.Message.Contains("256x256 pixels has 64").And.Message.Contains("`resize`"));
        var report = Pretrained.Load(target, path, Interpolation.Bicubic);
        Assert.That(report.Resized, Is.EqualTo("pos_embed from 7x7 to 8x8 tokens (bicubic)"));
        Assert.That(report.Loaded, Does.Contain("pos_embed"));
        float[] from = Positions(source), to = Positions(target);
        int dim = from.Length / 50;
        Assert.That(to[..dim], Is.EqualTo(from[..dim]), "the class token has no place in the grid");
        double[] expected = PositionEmbedding.Resize(Array.ConvertAll(from[dim..], static v => (double)v), (7, 7), (8, 8),
            Interpolation.Bicubic);
        Assert.That(to[dim..], Is.EqualTo(expected).Within(1e-6));
    }

    [Test]
    public void ClassTokenAndNormAreExplained()
    {
        string withToken = Save(Vit(new()));
        var without = Vit(new() { GlobalPool = "avg", Kwargs = Kwargs("False") });
        Assert.That(() => Pretrained.Load(without, withToken),
            Throws.TypeOf<PretrainedException>().With.Message.Contains("class_token=True"));
        Assert.That(() => Pretrained.Load(Vit(new()), Save(without)),
            Throws.TypeOf<PretrainedException>().With.Message.Contains("class_token=False"));
        Assert.That(() => Pretrained.Load(Vit(new() { GlobalPool = "avg", Kwargs = Kwargs("True") }), withToken),
            Throws.TypeOf<PretrainedException>().With.Message.Contains("`GlobalPool` token"));
    }

    [Test]
    public void TwoNamesForOneEntryAreRefused()
    {
        var writer = new SafetensorsWriter();
        writer.Add<float>("fc.bias", SafetensorsDType.F32, [1], new float[1]);
        writer.Add<float>("module.fc.bias", SafetensorsDType.F32, [1], new float[1]);
        string path = Path.Combine(folder.Path, "twice.safetensors");
        writer.Save(path);
        Assert.That(() => Pretrained.Load(ResNet(classes: 5), path),
            Throws.TypeOf<PretrainedException>().With.Message.Contains("'module.fc.bias'"));
    }

    string Save(ImageModel model, string prefix = "", Func<string, bool>? keep = null)
    {
        var writer = new SafetensorsWriter();
        foreach (var entry in model.State())
        {
            if (keep?.Invoke(entry.Name) == false)
                continue;
            long[] shape = Array.ConvertAll(Layouts.TorchShape(entry), static s => (long)s);
            if (entry.Tensor.DType == DType.Int64)
                writer.Add<long>(prefix + entry.Name, SafetensorsDType.I64, shape, entry.Tensor.ToArray<long>());
            else
                writer.Add<float>(prefix + entry.Name, SafetensorsDType.F32, shape, Layouts.Torch(entry, entry.Tensor));
        }
        string path = Path.Combine(folder.Path, $"{Guid.NewGuid():N}.safetensors");
        writer.Save(path);
        return path;
    }

    static ImageModel ResNet(int classes, ulong seed = 1) => Make("resnet20", new() { NumClasses = classes }, seed);

    static ImageModel Vit(ModelOptions options) => Make("vit_small_patch32_224", options with
    {
        Kwargs = new Dictionary<string, string>(options.Kwargs) { ["depth"] = "1", ["embed_dim"] = "12", ["num_heads"] = "2" },
    });

    static Dictionary<string, string> Kwargs(string classToken) => new() { ["class_token"] = classToken };

    static ImageModel Make(string name, ModelOptions options, ulong seed = 1)
    {
        using var initialization = Initialization.Begin(seed);
        return ModelRegistry.Create(name, options);
    }

    static void Randomize(ImageModel model) => ReferenceWeights.Apply(model);

    static float[] Positions(ImageModel model) => model.State().Single(e => e.Name == "pos_embed").Tensor.ToArray<float>();

    static byte[] Bytes(StateEntry entry) => entry.Tensor.DType == DType.Int64
        ? System.Runtime.InteropServices.MemoryMarshal.AsBytes(entry.Tensor.ToArray<long>().AsSpan()).ToArray()
        : System.Runtime.InteropServices.MemoryMarshal.AsBytes(entry.Tensor.ToArray<float>().AsSpan()).ToArray();
}
