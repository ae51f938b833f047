using PerturbedForgetting.Tensors;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Vision.Models;

/// <summary>Models of a few channels, one of every kind of block, for images of 6 by 9.</summary>
static class TinyImageModels
{
    /// <summary>A name and what makes the model.</summary>
    public static IEnumerable<TestCaseData> All()
    {
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
        yield return Case("tiered deep stem", () =>
            new ResNet(new() { Layers = [1], Channels = [4], Stem = ResNetStem.DeepTiered, StemWidth = 4, NumClasses = 3 }));
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

        static TestCaseData Case(string name, Func<ImageModel> make) => new TestCaseData(make).SetArgDisplayNames(name);
    }

    /// <summary>Two images in the type and on the device of a model; the same numbers in every type.</summary>
    public static Tensor Images(DType type, Device device)
    {
        var random = new Random(4);
        float[] values = [.. Enumerable.Range(0, 2 * 6 * 9 * 3).Select(_ => random.NextSingle() - 0.5f)];
        return type == DType.Float32
            ? Tensor.From(values, [2, 6, 9, 3], device)
            : Tensor.From(Array.ConvertAll(values, static v => (double)v), [2, 6, 9, 3], device);
    }

    /// <summary>Small random numbers in every parameter, the same in every type: initial zeros would hide whole branches.</summary>
    public static void Randomize(ImageModel model, int seed, double scale = 0.2)
    {
        var random = new Random(seed);
        foreach (var (_, parameter) in model.NamedParameters())
        {
            float[] values = [.. Enumerable.Range(0, (int)parameter.Count).Select(_ => (float)((random.NextDouble() - 0.4) * scale))];
            if (parameter.DType == DType.Float64)
                parameter.CopyFrom<double>(Array.ConvertAll(values, static v => (double)v));
            else
                parameter.CopyFrom<float>(values);
        }
    }
}
