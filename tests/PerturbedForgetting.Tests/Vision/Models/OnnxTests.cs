using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Vision.Models;
using PerturbedForgetting.Vision.Models.Onnx;

namespace PerturbedForgetting.Tests.Vision.Models;

/// <summary>Microsoft's runtime executes the ONNX files of every model and finds our logits.</summary>
[TestFixture, Parallelizable]
sealed class OnnxTests
{
    /// <summary>Of logits of order 1.</summary>
    const double Tolerance = 1e-4;

    TempFolder folder = null!;

    [OneTimeSetUp]
    public void OneTimeSetUp() => folder = new TempFolder();

    [OneTimeTearDown]
    public void OneTimeTearDown() => folder.Dispose();

    static Dictionary<string, string> Kwargs(params (string Key, string Value)[] pairs) => pairs.ToDictionary(p => p.Key, p => p.Value);

    /// <summary>Every registered model, with as few layers as its kind of blocks needs and small images.</summary>
    static IEnumerable<TestCaseData> Registered()
    {
        // With one block a stage these two are ResNet-50 and ResNet-18 again; whole, they have a test of their own.
        foreach (var entry in ModelRegistry.Models.Where(m => m.Name is not ("resnet101" or "resnet34")))
        {
            bool isTransformer = entry.Name.StartsWith("vit", StringComparison.Ordinal);
            int stages = entry.Config.InputSize < 100 && entry.Name != "resnet18_cifar" ? 3 : 4;
            var small = new ModelOptions
            {
                NumClasses = 7,
                ImageSize = isTransformer ? entry.Config.InputSize < 100 ? 16 : 64 : 33,
                Drop = 0.5,
                Kwargs = isTransformer ? Kwargs(("depth", "2"))
                    : Kwargs(("layers", $"[{string.Join(',', Enumerable.Repeat("1", stages))}]")),
            };
            yield return Case(entry.Name, small);
        }
        var resnet = new ModelOptions { NumClasses = 5, ImageSize = 33 };
        yield return Case("resnet50", resnet with { Kwargs = Kwargs(("layers", "[1,1,1,1]"), ("cardinality", "32"), ("base_width", "4")) });
        yield return Case("resnet50", resnet with
        {
            Kwargs = Kwargs(("layers", "[2,1,1,1]"), ("stem_type", "deep"), ("stem_width", "32"), ("avg_down", "True")),
        });
        yield return Case("resnet18", resnet with
        {
            Kwargs = Kwargs(("layers", "[1,2,1,1]"), ("stem_type", "deep_tiered"), ("output_stride", "8")),
            BnEps = 1e-2,
        });
        var transformer = new ModelOptions { NumClasses = 5, ImageSize = 16, Kwargs = Kwargs(("depth", "2")) };
        foreach (string pool in (string[])["avg", "token", ""])
            foreach (string norm in (string[])["True", "False"])
                yield return Case("vit_tiny_patch4_32", transformer with
                {
                    GlobalPool = pool,
                    Kwargs = Kwargs(("depth", "2"), ("fc_norm", norm), ("qkv_bias", norm)),
                });
        yield return Case("vit_tiny_patch4_32", transformer with
        {
            GlobalPool = "avg",
            Kwargs = Kwargs(("depth", "1"), ("class_token", "False")),
        });

        static TestCaseData Case(string name, ModelOptions options) => new TestCaseData(() => ModelRegistry.Create(name, options))
            .SetArgDisplayNames($"{name} {options.ImageSize} pool={options.GlobalPool} {string.Join(' ', options.Kwargs)}");
    }

    [TestCaseSource(nameof(Registered))]
    [TestCaseSource(typeof(TinyImageModels), nameof(TinyImageModels.All))]
    public void TheRuntimeFindsOurLogits(Func<ImageModel> make)
    {
        ImageModel model;
        using (Initialization.BeginUndefined())
            model = make();
        ReferenceWeights.Apply(model);
        string path = folder["model.onnx"];
        OnnxFile.Save(model, path, []);
        RequireOurLogits(model, path);
        foreach (var entry in model.State())
            entry.Tensor.Dispose();
    }

    [TestCaseSource(nameof(Names))]
    public void TheRuntimeFindsOurLogitsOfWholeModels(string name) => TheRuntimeFindsOurLogits(() => ModelRegistry.Create(name));

    /// <summary>A small one; where <see cref="EnvironmentVariables.AllTests"/> is set, all.</summary>
    static IEnumerable<string> Names =>
        EnvironmentVariables.AllTests.Value == "1" ? ModelRegistry.Models.Select(m => m.Name) : ["resnet20"];

    [Test]
    public void TheFileSaysWhatItTakesAndWhatItGives()
    {
        var model = ModelRegistry.Create("resnet20", new() { NumClasses = 4, Kwargs = Kwargs(("layers", "[1,1,1]")) });
        OnnxFile.Save(model, folder["told.onnx"], Kwargs(("class_names", "[\"a\",\"犬\"]"), ("mean", "[0.5]")));
        using var session = new OnnxSession(folder["told.onnx"]);
        Assert.Multiple(() =>
        {
            Assert.That(session.Input, Is.EqualTo("input [batch, 3, 32, 32]"));
            Assert.That(session.Output, Is.EqualTo("logits [batch, 4]"));
            Assert.That(session.Metadata["class_names"], Is.EqualTo("[\"a\",\"犬\"]"));
            Assert.That(session.Metadata["mean"], Is.EqualTo("[0.5]"));
            Assert.That(session.Producer, Is.EqualTo("PerturbedForgetting"));
        });
    }

    /// <summary>A protocol buffer has no more than 2 GiB.</summary>
    [TestCase(1, 3_000_000_000)]
    [TestCase(3, 1_000_000_000)]
    public void AModelThatIsTooLargeIsRefusedBeforeAnythingIsWritten(int constants, long bytes)
    {
        var large = Enumerable.Range(0, constants).Select(i => new OnnxInitializer($"{i}", [bytes / 4], 1, bytes, _ => Assert.Fail()));
        Assert.That(() => OnnxFile.Write(folder["large.onnx"], new(), new(), large),
            Throws.InstanceOf<WeightsException>().With.Message.Contains("2 GiB").And.Message.Contains("large.onnx"));
        Assert.That(File.Exists(folder["large.onnx"]), Is.False);
    }

    /// <summary>The runtime finds for one image and for three what the model finds.</summary>
    public static void RequireOurLogits(ImageModel model, string path)
    {
        using var session = new OnnxSession(path);
        foreach (int batch in (int[])[1, 3])
        {
            float[] images = ReferenceWeights.Input([batch, 3, model.ImageHeight, model.ImageWidth]);
            float[] ours = Logits(model, images, batch), theirs = session.Logits(images, [batch, 3, model.ImageHeight, model.ImageWidth]);
            Assert.That(theirs, Has.Length.EqualTo(ours.Length));
            double scale = Math.Max(1, ours.Max(Math.Abs));
            Assert.That(ours.Zip(theirs, (a, b) => Math.Abs(a - b)).Max() / scale, Is.LessThan(Tolerance), $"batch {batch}");
        }
    }

    static float[] Logits(ImageModel model, float[] images, int batch)
    {
        model.Train(false);
        using var scope = Scope.Begin();
        using (GradMode.NoGrad())
            return model.Call(Tensor.From(Layouts.ChannelsLast(images, [batch, 3, model.ImageHeight, model.ImageWidth]),
                [batch, model.ImageHeight, model.ImageWidth, 3], Device.Cpu)).ToArray<float>();
    }
}
