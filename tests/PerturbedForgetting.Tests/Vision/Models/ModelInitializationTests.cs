using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Vision.Models;

/// <summary>Initial weights: the distributions of the reference's rules.</summary>
[TestFixture]
sealed class ModelInitializationTests
{
    [Test]
    public void ResNetStartsByTheReferencesRules()
    {
        var values = Values("resnet50", new() { Kwargs = new Dictionary<string, string> { ["layers"] = "[1,1,1,1]" } });
        Normal(values["conv1.weight"], Math.Sqrt(2.0 / (64 * 49)));
        Normal(values["layer3.0.conv2.weight"], Math.Sqrt(2.0 / (256 * 9)));
        Normal(values["layer4.0.downsample.0.weight"], Math.Sqrt(2.0 / 2048));
        Uniform(values["fc.weight"], 1 / Math.Sqrt(2048));
        Uniform(values["fc.bias"], 1 / Math.Sqrt(2048));
        foreach (string name in (string[])["bn1.weight", "layer1.0.bn1.weight", "layer1.0.bn2.weight", "layer1.0.downsample.1.weight",
            "layer2.0.bn3.running_var"])
            Assert.That(values[name], Is.All.EqualTo(1f), name);
        foreach (string name in (string[])["layer1.0.bn3.weight", "layer4.0.bn3.weight", "bn1.bias", "bn1.running_mean"])
            Assert.That(values[name], Is.All.EqualTo(0f), name);
    }

    [Test]
    public void TheLastNormMayStartAtOne([Values] bool zero)
    {
        var values = Values("resnet20", new() { Kwargs = new Dictionary<string, string> { ["zero_init_last"] = $"{zero}" } });
        Assert.That(values["layer1.0.bn2.weight"], Is.All.EqualTo(zero ? 0f : 1f));
    }

    [Test]
    public void TransformerStartsByTheReferencesRules()
    {
        const int Dim = 384;
        var values = Values("vit_small_patch32_224",
            new() { NumClasses = 100, Kwargs = new Dictionary<string, string> { ["depth"] = "2" } });
        Normal(values["cls_token"], 1e-6);
        Normal(values["pos_embed"], 1 / Math.Sqrt(Dim));
        double patch = Math.Sqrt(1.0 / (3 * 32 * 32));
        Deviation(values["patch_embed.proj.weight"], patch);
        Assert.That(values["patch_embed.proj.weight"], Is.All.InRange(-2 * patch / 0.8796f, 2 * patch / 0.8796f));
        Uniform(values["blocks.1.attn.qkv.weight"], Math.Sqrt(6.0 / (Dim + Dim)));
        Uniform(values["blocks.1.attn.proj.weight"], Math.Sqrt(6.0 / (Dim + Dim)));
        Uniform(values["blocks.1.mlp.fc1.weight"], Math.Sqrt(6.0 / (Dim + (4 * Dim))));
        Uniform(values["blocks.1.mlp.fc2.weight"], Math.Sqrt(6.0 / (Dim + (4 * Dim))));
        Normal(values["blocks.1.mlp.fc1.bias"], 1e-6);
        Normal(values["blocks.1.mlp.fc2.bias"], 1e-6);
        foreach (string name in (string[])["patch_embed.proj.bias", "blocks.0.attn.qkv.bias", "blocks.0.attn.proj.bias",
            "blocks.0.norm1.bias", "head.weight"])
            Assert.That(values[name], Is.All.EqualTo(0f), name);
        Assert.That(values["norm.weight"], Is.All.EqualTo(1f));
        Assert.That(values["head.bias"], Is.All.EqualTo((float)-Math.Log(100)));
    }

    [Test]
    public void EveryWeightHasAStreamOfItsOwnAndTheSeedDecides()
    {
        var first = Values("vit_tiny_patch4_32", new());
        var again = Values("vit_tiny_patch4_32", new());
        var other = Values("vit_tiny_patch4_32", new(), seed: 2);
        foreach (var (name, values) in first)
            Assert.That(values, Is.EqualTo(again[name]), name);
        Assert.That(first["blocks.0.attn.qkv.weight"], Is.Not.EqualTo(other["blocks.0.attn.qkv.weight"]));
        Assert.That(first["blocks.0.attn.qkv.weight"], Is.Not.EqualTo(first["blocks.1.attn.qkv.weight"]));
    }

    static Dictionary<string, float[]> Values(string name, ModelOptions options, ulong seed = 1)
    {
        using var initialization = Initialization.Begin(seed);
        var model = ModelRegistry.Create(name, options);
        using var arena = new ParameterArena(model);
        return model.State().Where(e => e.Tensor.DType == DType.Float32).ToDictionary(e => e.Name, e => e.Tensor.ToArray<float>());
    }

    static void Normal(float[] values, double deviation)
    {
        Deviation(values, deviation);
        // A normal distribution has 4.55 % beyond two deviations; a uniform or a truncated one has none.
        double share = values.Count(v => Math.Abs(v) > 2 * deviation) / (double)values.Length;
        Assert.That(share, Is.EqualTo(0.0455).Within(5 * Math.Sqrt(0.0455 / values.Length)));
    }

    static void Uniform(float[] values, double bound)
    {
        Assert.That(values, Is.All.InRange(-bound, bound));
        Deviation(values, bound / Math.Sqrt(3));
        Assert.That(values.Max(), Is.GreaterThan(bound * (1 - (20.0 / values.Length))));
    }

    static void Deviation(float[] values, double deviation)
    {
        double noise = 5 / Math.Sqrt(values.Length);
        Assert.That(values.Average(static v => (double)v) / deviation, Is.EqualTo(0).Within(noise));
        Assert.That(Math.Sqrt(values.Average(static v => (double)v * v)) / deviation, Is.EqualTo(1).Within(noise));
    }
}
