using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Vision.Models;

/// <summary>Models on awkward inputs.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class ModelForwardTests(string device) : DeviceFixture(device)
{
    [TestCase("resnet18", 1, 33, 65)]
    [TestCase("resnet18_cifar", 1, 1, 1)]
    [TestCase("resnet20", 3, 31, 17)]
    [TestCase("resnet20", 1, 32, 32)]
    [TestCase("vit_tiny_patch4_32", 1, 32, 32)]
    public void OddImagesAndSingleOnesAreClassified(string name, int batch, int height, int width)
    {
        using var scope = Scope.Begin();
        var model = Make(name, new() { NumClasses = 3, Kwargs = name.StartsWith("vit", StringComparison.Ordinal) ? Shallow(name) : [] });
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
        var model = Make(name, new() { HeadInitBias = 0, Kwargs = Shallow(name) });
        TinyImageModels.Randomize(model, 5);
        model.Train(false);
        using var noGrad = GradMode.NoGrad();
        float[] images = Images(3, 32, 32).ToArray<float>();
        float[] together = model.Call(From<float>(images, [3, 32, 32, 3])).ToArray<float>();
        for (int i = 0; i < 3; i++)
        {
            float[] alone = model.Call(From<float>(images.AsSpan(i * 32 * 32 * 3, 32 * 32 * 3), [1, 32, 32, 3])).ToArray<float>();
            Assert.That(alone, Is.EqualTo(together.Skip(i * 10).Take(10)).Within(1e-4));
        }
    }

    [Test]
    public void ATransformerNamesTheImagesItTakes()
    {
        using var scope = Scope.Begin();
        var model = Make("vit_tiny_patch4_32", new());
        Assert.That(() => model.Call(Images(1, 36, 32)), Throws.ArgumentException.With.Message.Contains("[B, 32, 32, 3]")
            .And.Message.Contains("`ImageSize`"));
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
        var model = Make(name, new() { Drop = 0.5, Kwargs = Shallow(name) });
        TinyImageModels.Randomize(model, 5);
        using var noGrad = GradMode.NoGrad();
        float[] Run() => model.Call(Images(2, 32, 32)).ToArray<float>();
        model.Train();
        Assert.That(Run(), Is.Not.EqualTo(Run()));
        model.Train(false);
        Assert.That(Run(), Is.EqualTo(Run()));
    }

    [Test]
    public void EvaluationNeedsNoMoreMemoryForMoreBlocks([Values("resnet20", "vit_tiny_patch4_32")] string name)
    {
        long Peak(string blocks)
        {
            using var scope = Scope.Begin();
            var model = Make(name, new()
            {
                Kwargs = new Dictionary<string, string>
                { [name == "resnet20" ? "layers" : "depth"] = blocks }
            });
            using var arena = new ParameterArena(model);
            model.Train(false);
            using var noGrad = GradMode.NoGrad();
            var images = Images(2, 32, 32);
            long before = Device.Memory.Live;
            Device.ResetPeak();
            model.Call(images);
            return Device.Memory.Peak - before;
        }
        bool resnet = name == "resnet20";
        Assert.That(Peak(resnet ? "[4,4,4]" : "4"), Is.EqualTo(Peak(resnet ? "[2,2,2]" : "2")));
    }

    /// <summary>One or two blocks a stage.</summary>
    static Dictionary<string, string> Shallow(string name) =>
        name == "resnet20" ? new() { ["layers"] = "[1,2,1]" } : new() { ["depth"] = "2" };

    ImageModel Make(string name, ModelOptions options)
    {
        using var initialization = Initialization.Begin(1, Device);
        return ModelRegistry.Create(name, options);
    }

    Tensor Images(int batch, int height, int width)
    {
        var random = new Random(7);
        return From<float>(Enumerable.Range(0, batch * height * width * 3).Select(_ => random.NextSingle() - 0.5f).ToArray(),
            [batch, height, width, 3]);
    }
}
