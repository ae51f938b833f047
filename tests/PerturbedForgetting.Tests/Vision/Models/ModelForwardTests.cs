using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Vision.Models;

/// <summary>Models on awkward inputs, in both float types, and their gradients by finite differences.</summary>
[TestFixture]
sealed class ModelForwardTests
{
    [TestCase("resnet18", 1, 33, 65)]
    [TestCase("resnet18_cifar", 1, 1, 1)]
    [TestCase("resnet20", 3, 31, 17)]
    [TestCase("resnet20", 1, 32, 32)]
    [TestCase("vit_tiny_patch4_32", 1, 32, 32)]
    public void OddImagesAndSingleOnesAreClassified(string name, int batch, int height, int width)
    {
        using var scope = Scope.Begin();
        var model = Make(name, new() { NumClasses = 3 });
        model.Train(false);
        using var noGrad = GradMode.NoGrad();
        var together = model.Call(Images(batch, height, width));
        Assert.That(together.Shape.ToArray(), Is.EqualTo(new[] { batch, 3 }));
        Assert.That(together.ToArray<float>(), Is.All.Matches<float>(float.IsFinite));
    }

    [Test]
    public void ImagesDoNotSeeEachOtherInEvaluation([Values("resnet20", "vit_tiny_patch4_32")] string name)
    {
        using var scope = Scope.Begin();
        var model = Make(name, new() { HeadInitBias = 0 });
        Randomize(model, 5);
        model.Train(false);
        using var noGrad = GradMode.NoGrad();
        float[] images = Images(3, 32, 32).ToArray<float>();
        float[] together = model.Call(Tensor.From(images, [3, 32, 32, 3])).ToArray<float>();
        for (int i = 0; i < 3; i++)
        {
            float[] alone = model.Call(Tensor.From(images.AsSpan(i * 32 * 32 * 3, 32 * 32 * 3), [1, 32, 32, 3])).ToArray<float>();
            Assert.That(alone, Is.EqualTo(together.Skip(i * 10).Take(10)).Within(1e-4));
        }
    }

    [Test]
    public void ATransformerNamesTheImagesItTakes()
    {
        using var scope = Scope.Begin();
        var model = Make("vit_tiny_patch4_32", new());
        Assert.That(() => model.Call(Images(1, 36, 32)), Throws.ArgumentException.With.Message.Contains("[B, 32, 32, 3]").And.Message.Contains("--img-size"));
    }

    [Test]
    public void WithoutPoolingEveryTokenIsClassified()
    {
        using var scope = Scope.Begin();
        var model = Make("vit_tiny_patch4_32", new() { GlobalPool = "", Kwargs = new Dictionary<string, string> { ["depth"] = "1" } });
        Assert.That(model.Call(Images(2, 32, 32)).Shape.ToArray(), Is.EqualTo(new[] { 2, 65, 10 }));
    }

    [Test]
    public void DropoutActsInTrainingOnly([Values("resnet20", "vit_tiny_patch4_32")] string name)
    {
        using var scope = Scope.Begin();
        var model = Make(name, new() { Drop = 0.5 });
        Randomize(model, 5);
        using var noGrad = GradMode.NoGrad();
        float[] Run() => model.Call(Images(2, 32, 32)).ToArray<float>();
        model.Train();
        Assert.That(Run(), Is.Not.EqualTo(Run()));
        model.Train(false);
        Assert.That(Run(), Is.EqualTo(Run()));
    }

    [TestCase(32, new[] { 4, 4 })]
    [TestCase(16, new[] { 8, 8 })]
    [TestCase(8, new[] { 16, 16 })]
    public void OutputStrideDilatesInsteadOfStriding(int stride, int[] expected)
    {
        using var scope = Scope.Begin();
        var model = Make("resnet50", new() { Kwargs = new Dictionary<string, string> { ["layers"] = "[1,1,2,2]", ["output_stride"] = $"{stride}" }, ImageSize = 128 });
        int[]? shape = null;
        model.Observer = (name, output) => shape = name == "layer4" ? output.Shape.ToArray() : shape;
        model.Train(false);
        using var noGrad = GradMode.NoGrad();
        model.Call(Images(1, 128, 128));
        Assert.That(shape![1..3], Is.EqualTo(expected));
        Assert.That(ModelSummary.Of(model).Layers[^2].Output.ToArray(), Is.EqualTo(shape[1..]));
    }

    [Test]
    public void EvaluationNeedsNoMoreMemoryForMoreBlocks([Values("resnet20", "vit_tiny_patch4_32")] string name)
    {
        long Peak(string blocks)
        {
            using var scope = Scope.Begin();
            var model = Make(name, new() { Kwargs = new Dictionary<string, string> { [name == "resnet20" ? "layers" : "depth"] = blocks } });
            using var arena = new ParameterArena(model);
            model.Train(false);
            using var noGrad = GradMode.NoGrad();
            var images = Images(8, 32, 32);
            long before = Device.Cpu.Memory.Live;
            Device.Cpu.ResetPeak();
            model.Call(images);
            return Device.Cpu.Memory.Peak - before;
        }
        bool resnet = name == "resnet20";
        Assert.That(Peak(resnet ? "[8,8,8]" : "8"), Is.EqualTo(Peak(resnet ? "[3,3,3]" : "3")));
    }

    static IEnumerable<TestCaseData> TinyModels
    {
        get
        {
            static TestCaseData Case(string name, Func<ImageModel> make) => new TestCaseData(make).SetArgDisplayNames(name);
            foreach (var shortcut in Enum.GetValues<ResNetShortcut>())
                foreach (bool bottleneck in (bool[])[true, false])
                    yield return Case($"{shortcut} bottleneck={bottleneck}", () => new ResNet(new()
                    {
                        Layers = [1, 1],
                        Channels = [4, 6],
                        Bottleneck = bottleneck,
                        Stem = ResNetStem.Cifar,
                        Shortcut = shortcut,
                        NumClasses = 3,
                    }));
            yield return Case("tiered deep stem", () => new ResNet(new() { Layers = [1], Channels = [4], Stem = ResNetStem.DeepTiered, StemWidth = 4, NumClasses = 3 }));
            foreach (var pooling in (TokenPooling[])[TokenPooling.Token, TokenPooling.Average])
                yield return Case($"transformer {pooling}", () => new VisionTransformer(new()
                {
                    ImageHeight = 6,
                    ImageWidth = 9,
                    PatchSize = 3,
                    Dim = 6,
                    Depth = 2,
                    Heads = 2,
                    Pooling = pooling,
                    NumClasses = 3,
                }));
        }
    }

    [TestCaseSource(nameof(TinyModels))]
    public void GradientsAreThoseOfFiniteDifferences(Func<ImageModel> make)
    {
        using var scope = Scope.Begin();
        using var initialization = Initialization.Begin(3, type: DType.Float64);
        var model = make();
        using var arena = new ParameterArena(model);
        Randomize(model, 11);
        var random = new Random(4);
        var images = Tensor.From(Enumerable.Range(0, 2 * 6 * 9 * 3).Select(_ => random.NextDouble() - 0.5).ToArray(), [2, 6, 9, 3]);
        var labels = Tensor.From(new[] { 2, 0 }, [2]);
        Tensor Loss() => Ops.CrossEntropy(model.Call(images), labels);
        Loss().Backward();
        foreach (var segment in arena.Segments)
        {
            double[] weights = segment.Parameter.ToArray<double>(), gradient = segment.Parameter.Grad!.ToArray<double>();
            for (int n = 0; n < 2; n++)
            {
                int i = random.Next(weights.Length);
                const double Step = 1e-6;
                double Shifted(double by)
                {
                    using var inner = Scope.Begin();
                    using var noGrad = GradMode.NoGrad();
                    double[] moved = [.. weights];
                    moved[i] += by;
                    segment.Parameter.CopyFrom<double>(moved);
                    double loss = Loss().Item();
                    segment.Parameter.CopyFrom<double>(weights);
                    return loss;
                }
                double difference = (Shifted(Step) - Shifted(-Step)) / (2 * Step);
                Assert.That(gradient[i], Is.EqualTo(difference).Within(1e-7 + (1e-5 * Math.Abs(difference))), $"{segment.Name}[{i}]");
            }
        }
    }

    static ImageModel Make(string name, ModelOptions options)
    {
        using var initialization = Initialization.Begin(1);
        return ModelRegistry.Create(name, options);
    }

    static Tensor Images(int batch, int height, int width)
    {
        var random = new Random(7);
        return Tensor.From(Enumerable.Range(0, batch * height * width * 3).Select(_ => random.NextSingle() - 0.5f).ToArray(), [batch, height, width, 3]);
    }

    /// <summary>Small random numbers in every parameter: initial zeros would hide whole branches.</summary>
    static void Randomize(ImageModel model, int seed)
    {
        var random = new Random(seed);
        foreach (var (_, parameter) in model.NamedParameters())
        {
            double[] values = [.. Enumerable.Range(0, (int)parameter.Count).Select(_ => random.NextDouble() - 0.4)];
            if (parameter.DType == DType.Float64)
                parameter.CopyFrom<double>(values);
            else
                parameter.CopyFrom<float>(Array.ConvertAll(values, static v => (float)(v * 0.2)));
        }
    }
}
