using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Vision.Models;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Tests.Vision.Models;

/// <summary>Weights under the names and in the layouts of other libraries.</summary>
[TestFixture]
sealed class ForeignWeightsTests : TempFolderFixture
{
    /// <summary>Every file holds the weights of <c>timm.pth</c>, the last ones without its head.</summary>
    [TestCase("augreg.npz", true, "pre_logits/kernel")]
    [TestCase("big_vision.npz", true, "'opt/0/mu'")]
    [TestCase("torchvision.pth", true, "")]
    [TestCase("pytorch_model.bin", true, "vit.pooler.dense.weight")]
    [TestCase("compiled.pth.tar", true, "'state_dict_ema'; it also has 'state_dict'")]
    [TestCase("dino.pth", false, "not loaded: module.head.mlp.0.weight, module.head.last_layer.weight_g")]
    [TestCase("mae.pth", false, "not loaded: mask_token, decoder_pos_embed, decoder_blocks… (5 tensors)")]
    [TestCase("moco.pth", false, "'base_encoder' is taken; there is also 'momentum_encoder'")]
    public void TheSameWeightsWhateverTheyAreCalled(string file, bool hasHead, string said)
    {
        ImageModel expected = Vit(), model = Vit(seed: 2), untouched = Vit(seed: 2);
        Pretrained.Load(expected, PathOf("timm.pth"));
        var report = Pretrained.Load(model, PathOf(file));
        Assert.That(report.Skipped, Is.EqualTo(hasHead ? [] : new[] { "head.weight", "head.bias" }));
        Assert.That(string.Join("; ", report.Statements), Does.Contain(said)
            .And.Contain(hasHead ? "loaded" : "the file has no classifier, so these keep their initial values: head.weight, head.bias"));
        foreach (var ((wanted, actual), initial) in expected.State().Zip(model.State()).Zip(untouched.State()))
        {
            Tensor values = (wanted.Name.StartsWith("head.", StringComparison.Ordinal) && !hasHead ? initial : wanted).Tensor;
            Assert.That(actual.Tensor.ToArray<float>(), Is.EqualTo(values.ToArray<float>()), wanted.Name);
        }
    }

    [TestCase("distilled.pth", "distilled (DeiT)")]
    [TestCase("grey.pth", "images of 1 channel ('patch_embed.proj.weight' is [12, 1, 4, 4])")]
    [TestCase("scaled.pth", "layer scale")]
    public void NetworksThatAreNoneOfOursAreRefusedInWords(string file, string reason) =>
        Assert.That(() => Pretrained.Load(Vit(), PathOf(file)),
            Throws.TypeOf<PretrainedException>().With.Message.Contains(file).And.Message.Contains(reason));

    [Test]
    public void WhatToChooseIsSaid()
    {
        string path = PathOf("timm.pth");
        Assert.That(() => Pretrained.Load(Make("resnet20", new() { NumClasses = 5 }), path),
            Throws.TypeOf<PretrainedException>().With.Message.Contains("the model is a ResNet; choose another `model`")
                .And.Message.Contains("embed_dim=12, depth=2, patch_size=4, a class token"));
        Assert.That(() => Pretrained.Load(Vit(("depth", "3")), path),
            Throws.TypeOf<PretrainedException>().With.Message.Contains("it lacks blocks.2.norm1.weight").And.Message.Contains("depth=2"));
        Assert.That(() => Pretrained.Load(Vit(("patch_size", "8")), path),
            Throws.TypeOf<PretrainedException>().With.Message.Contains("patches have 4x4 pixels").And.Message.Contains("patch_size=4"));
    }

    [Test]
    public void ANetworkWithoutAClassifierMayStartItsPoolingNormAnew()
    {
        var report = Pretrained.Load(Make("vit_tiny_patch4_32", Options() with { GlobalPool = "avg" }), PathOf("mae.pth"));
        Assert.That(report.Skipped, Is.EqualTo(new[] { "head.weight", "head.bias", "fc_norm.weight", "fc_norm.bias" }));
        Assert.That(report.LeftOut, Does.Contain("norm.weight"));
    }

    [Test]
    public void TheHeadIsKeptReplacedOrMadeAnew()
    {
        using (var file = WeightsFile.Open(PathOf("augreg.npz")))
            Assert.That(Pretrained.ClassesOf(file), Is.EqualTo(5));
        var report = Pretrained.Load(Make("vit_tiny_patch4_32", Options() with { NumClasses = 7 }), PathOf("augreg.npz"));
        Assert.That(report.SkippedBecause, Is.EqualTo("the file's classifier has another number of classes, 5"));
        Assert.That(report.LeftOut, Does.Contain("head/kernel").And.Contain("head/bias"));
    }

    /// <summary>Bicubic with antialiasing, as PyTorch computes it for timm.</summary>
    [TestCase("larger")]
    [TestCase("smaller")]
    [TestCase("twice")]
    [TestCase("half")]
    public void PositionsAreResizedAsTimmDoes(string name)
    {
        using var file = WeightsFile.Open(PathOf("resample.npz"));
        WeightsEntry from = file.Entry($"{name}_from"), to = file.Entry($"{name}_to");
        float[] grid = new float[from.Count], expected = new float[to.Count];
        from.ReadFloat32(grid);
        to.ReadFloat32(expected);
        int old = (int)from.Shape[0], size = (int)to.Shape[0];
        double[] result = PositionEmbedding.Resize(Array.ConvertAll(grid, static v => (double)v), (old, old), (size, size),
            Interpolation.Bicubic);
        Assert.That(result, Is.EqualTo(Array.ConvertAll(expected, static v => (double)v)).Within(2e-6));
    }

    /// <summary>torchvision's and timm's names are the model's own; those of Hugging Face are not.</summary>
    [Test]
    public void ResNetsOfHuggingFace()
    {
        var source = Make("resnet20", new() { NumClasses = 5 });
        var writer = new TorchWriter();
        foreach (var entry in source.State().Where(static e => e.Tensor.DType == DType.Float32))
            writer.Add(HuggingFaceName(entry.Name), SafetensorsDType.F32, StateDict.TorchShape(entry),
                s => s.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(StateDict.ToTorch(entry.Tensor, entry.Layout))));
        writer.Save(folder["resnet.bin"]);
        var model = Make("resnet20", new() { NumClasses = 5 }, seed: 2);
        var report = Pretrained.Load(model, folder["resnet.bin"]);
        Assert.That((report.Skipped.Count, report.LeftOut.Count), Is.EqualTo((0, 0)));
        foreach (var (expected, actual) in source.State().Zip(model.State()).Where(static p => p.First.Tensor.DType == DType.Float32))
            Assert.That(actual.Tensor.ToArray<float>(), Is.EqualTo(expected.Tensor.ToArray<float>()), expected.Name);
    }

    static string HuggingFaceName(string name)
    {
        string[] parts = name.Split('.');
        if (parts[0] is "fc")
            return $"classifier.1.{parts[1]}";
        string place = parts[0].StartsWith("layer", StringComparison.Ordinal)
            ? $"encoder.stages.{parts[0][5] - '1'}.layers.{parts[1]}.layer.{parts[2][^1] - '1'}"
            : "embedder.embedder";
        return $"resnet.{place}.{(parts[^2].StartsWith("conv", StringComparison.Ordinal) ? "convolution" : "normalization")}.{parts[^1]}";
    }

    static string PathOf(string file) => Path.Combine(AppContext.BaseDirectory, "Vision", "Models", "Weights", file);

    static ModelOptions Options(params (string Name, string Value)[] kwargs)
    {
        var all = new Dictionary<string, string> { ["depth"] = "2", ["embed_dim"] = "12", ["num_heads"] = "2" };
        foreach ((string name, string value) in kwargs)
            all[name] = value;
        return new() { ImageSize = 8, NumClasses = 5, Kwargs = all };
    }

    static ImageModel Vit(params (string Name, string Value)[] kwargs) => Make("vit_tiny_patch4_32", Options(kwargs));

    static ImageModel Vit(ulong seed) => Make("vit_tiny_patch4_32", Options(), seed);

    static ImageModel Make(string name, ModelOptions options, ulong seed = 1)
    {
        using var initialization = Initialization.Begin(seed);
        return ModelRegistry.Create(name, options);
    }
}
