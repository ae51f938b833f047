using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Tests.Vision.Models;

[TestFixture, Parallelizable]
sealed class ModelRegistryTests
{
    // Parameters of the reference's models are in its files; of the others: He et al. 2015 table 6 (0.27 M, 0.85 M), timm (the rest).
    [TestCase("resnet50", 25_557_032, 4_089_184_256)]
    [TestCase("resnet101", 44_549_160, 7_801_405_440)]
    [TestCase("vit_small_patch32_224", 22_878_952, 1_142_909_952)]
    [TestCase("vit_small_patch16_224", 22_050_664, 4_598_882_304)]
    [TestCase("resnet18", 11_689_512, 1_814_073_344)]
    [TestCase("resnet34", 21_797_672, 3_663_761_408)]
    [TestCase("resnet18_cifar", 11_173_962, 555_422_720)]
    [TestCase("resnet20", 269_722, 40_551_040)]
    [TestCase("resnet56", 853_018, 125_485_696)]
    [TestCase("vit_tiny_patch16_224", 5_717_416, 1_253_683_200)]
    [TestCase("vit_tiny_patch4_32", 5_362_762, 365_107_584)]
    public void ParametersAndMultiplyAddsAreThePublishedOnes(string name, long parameters, long multiplyAdds)
    {
        using var undefined = Initialization.BeginUndefined();
        var summary = ModelSummary.Of(ModelRegistry.Create(name));
        Assert.That(summary.Parameters, Is.EqualTo(parameters));
        Assert.That(summary.MultiplyAdds, Is.EqualTo(multiplyAdds));
    }

    [Test]
    public void EveryModelCanBeMadeAndCounted([ValueSource(nameof(Names))] string name)
    {
        using var undefined = Initialization.BeginUndefined();
        var entry = ModelRegistry.Find(name);
        var model = ModelRegistry.Create(name, new() { NumClasses = 7, Drop = 0.1 });
        using var arena = new ParameterArena(model);
        Assert.That(model.NumClasses, Is.EqualTo(7));
        Assert.That(model.Classifier.Weight.Shape[0], Is.EqualTo(7));
        Assert.That(model.ImageHeight, Is.EqualTo(entry.Config.InputSize));
        Assert.That(ModelSummary.Of(model).Parameters, Is.EqualTo(arena.Segments.Sum(s => s.Count)));
        Assert.That(model.State().Select(e => e.Name), Does.Contain($"{model.ClassifierName}.weight"));
    }

    static IEnumerable<string> Names => ModelRegistry.Models.Select(m => m.Name);

    [Test]
    public void SummaryTellsTheShapeOfEveryLayer()
    {
        using var undefined = Initialization.BeginUndefined();
        var resnet = ModelSummary.Of(ModelRegistry.Create("resnet50", new() { ImageSize = 97 })).Layers
            .ToDictionary(l => l.Name, l => l.Output.ToArray());
        Assert.That(resnet["conv1"], Is.EqualTo(new[] { 49, 49, 64 }));
        Assert.That(resnet["maxpool"], Is.EqualTo(new[] { 25, 25, 64 }));
        Assert.That(resnet["layer2.0.conv2"], Is.EqualTo(new[] { 13, 13, 128 }));
        Assert.That(resnet["layer4.2.bn3"], Is.EqualTo(new[] { 4, 4, 2048 }));
        Assert.That(resnet["fc"], Is.EqualTo(new[] { 1000 }));
        var vit = ModelSummary.Of(ModelRegistry.Create("vit_small_patch32_224")).Layers.ToDictionary(l => l.Name, l => l.Output.ToArray());
        Assert.That(vit["patch_embed.proj"], Is.EqualTo(new[] { 7, 7, 384 }));
        Assert.That(vit["blocks.11.mlp.fc1"], Is.EqualTo(new[] { 50, 1536 }));
        Assert.That(vit["head"], Is.EqualTo(new[] { 1000 }));
    }

    /// <summary>A summary is made on the host wherever the weights are: here they are where nothing can be read.</summary>
    [Test]
    public void ASummaryReadsNoWeights([ValueSource(nameof(Names))] string name)
    {
        using var undefined = Initialization.BeginUndefined();
        var model = ModelRegistry.Create(name, new() { Drop = 0.1 });
        var expected = ModelSummary.Of(model).Layers;
        foreach (StateEntry entry in model.State())
        {
            entry.Tensor.Dispose();
            entry.Tensor.Rebind(new Storage(null, 64, 0), 0);
        }
        Assert.That(ModelSummary.Of(model).Layers, Is.EqualTo(expected));
        Assert.That(model.Training);
    }

    [Test]
    public void TheConfigurationIsTheReferences()
    {
        var resnet = ModelRegistry.Find("resnet50.a1_in1k").Config;
        Assert.That((resnet.InputSize, resnet.TestInputSize, resnet.CropPct, resnet.TestCropPct, resnet.Interpolation),
            Is.EqualTo((224, (int?)288, 0.95, (double?)1, Interpolation.Bicubic)));
        Assert.That(resnet.Mean, Is.EqualTo(new[] { 0.485, 0.456, 0.406 }));
        var vit = ModelRegistry.Find("vit_small_patch32_224").Config;
        Assert.That((vit.InputSize, vit.TestInputSize, vit.CropPct, vit.Interpolation),
            Is.EqualTo((224, (int?)null, 0.9, Interpolation.Bicubic)));
        Assert.That(vit.Mean.Concat(vit.Std), Is.All.EqualTo(0.5));
    }

    [TestCase("resnet5o", "Did you mean 'resnet50' or 'resnet56'?")]
    [TestCase("VIT_small_patch32_224", "Did you mean 'vit_small_patch32_224'?")]
    [TestCase("efficientnet", "The models are resnet50, resnet101,")]
    [TestCase("", "The models are resnet50, resnet101,")]
    [TestCase("resnet50.a2_in1k", "its tag is 'a1_in1k'")]
    [TestCase("resnet20.a1_in1k", "it has none")]
    public void WrongNamesAreRefused(string name, string expected) =>
        Assert.That(() => ModelRegistry.Create(name), Throws.TypeOf<ModelOptionException>().With.Message.Contains(expected));

    static IEnumerable<TestCaseData> WrongOptions
    {
        get
        {
            static TestCaseData Case(string model, ModelOptions options, string expected) =>
                new TestCaseData(model, options, expected).SetArgDisplayNames(model, expected);
            static ModelOptions Kwarg(string name, string value) => new() { Kwargs = new Dictionary<string, string> { [name] = value } };
            yield return Case("resnet50", new() { GlobalPool = "max" }, "`GlobalPool` 'max': resnet50 pools by 'avg' only");
            yield return Case("vit_tiny_patch4_32", new() { GlobalPool = "map" }, "by 'token'");
            yield return Case("vit_small_patch32_224", new() { ImageSize = 230 },
                "`ImageSize` 230 is not a multiple of the patch size 32; use 224 or 256");
            yield return Case("vit_small_patch32_224", new() { ImageSize = 5 }, "use 32 or 32");
            yield return Case("vit_small_patch32_224", Kwarg("class_token", "False"), "add `GlobalPool` avg");
            yield return Case("vit_small_patch32_224", Kwarg("class_tokn", "False"), "Did you mean 'class_token'?");
            yield return Case("vit_small_patch32_224", Kwarg("class_token", "maybe"), "expects True or False");
            yield return Case("vit_small_patch32_224", Kwarg("num_classes", "10"), "give this with `NumClasses`");
            yield return Case("vit_small_patch32_224", Kwarg("num_heads", "5"), "embed_dim 384 cannot be shared evenly by num_heads 5");
            yield return Case("vit_small_patch32_224", Kwarg("depth", "-1"), "a whole number from 1 to 1000");
            yield return Case("vit_small_patch32_224", Kwarg("depth", "1000000"), "a whole number from 1 to 1000");
            yield return Case("resnet50", Kwarg("layers", "[1000000,1,1,1]"), "4 whole numbers from 1 to 1000");
            yield return Case("vit_small_patch32_224", Kwarg("embed_dim", "1000000"), "a whole number from 1 to 65536");
            yield return Case("vit_small_patch32_224", Kwarg("mlp_ratio", "1e999"), "a number from 0.001 to 1000");
            yield return Case("vit_small_patch32_224", new() { BnEps = 1e-3 }, "has no batch norm");
            yield return Case("resnet50", Kwarg("stem_type", "wide"), "one of '', deep, deep_tiered, cifar");
            yield return Case("resnet50", Kwarg("layers", "[3,4]"), "such as [3,4,6,3]");
            yield return Case("resnet50", Kwarg("output_stride", "12"), "8, 16 or 32");
            yield return Case("resnet18", Kwarg("cardinality", "2"), "bottleneck");
            yield return Case("resnet50", new() { Drop = 1 }, "`Drop`");
            yield return Case("resnet50", new() { NumClasses = 0 }, "`NumClasses` is at least 1");
            yield return Case("resnet50", new() { ImageSize = -1 }, "`ImageSize` is at least 1");
        }
    }

    [TestCaseSource(nameof(WrongOptions))]
    public void WrongOptionsAreRefused(string model, ModelOptions options, string expected) =>
        Assert.That(() => ModelRegistry.Create(model, options), Throws.TypeOf<ModelOptionException>().With.Message.Contains(expected));

    [Test]
    public void OptionsReachTheModel()
    {
        using var undefined = Initialization.BeginUndefined();
        var deep = ModelRegistry.Create("resnet50", new()
        {
            Kwargs = new Dictionary<string, string>
            { ["stem_type"] = "'deep'", ["stem_width"] = "32", ["layers"] = "(1, 1, 1, 1)", ["avg_down"] = "True" }
        });
        Assert.That(deep.State().Select(e => e.Name),
            Is.SupersetOf(new[] { "conv1.6.weight", "layer1.0.downsample.1.weight", "layer2.0.downsample.2.bias" }));
        var vit = ModelRegistry.Create("vit_tiny_patch4_32", new()
        {
            GlobalPool = "avg",
            ImageSize = 40,
            Kwargs = new Dictionary<string, string>
            { ["class_token"] = "False", ["depth"] = "2", ["qkv_bias"] = "0", ["fc_norm"] = "None" }
        });
        string[] names = [.. vit.State().Select(e => e.Name)];
        Assert.That(names, Does.Contain("fc_norm.weight").And.Not.Contain("norm.weight").And.Not.Contain("cls_token")
            .And.Not.Contain("blocks.2.norm1.weight").And.Not.Contain("blocks.0.attn.qkv.bias"));
        Assert.That(vit.State().First().Tensor.Shape.ToArray(), Is.EqualTo(new[] { 1, 100, 192 }));
        Assert.That(vit.NamedParameters().Where(p => p.Parameter.IsDecayExempt).Select(p => p.Name), Is.EqualTo(new[] { "pos_embed" }));
        var biased = ModelRegistry.Create("resnet20", new() { HeadInitBias = -10 });
        Assert.That(biased.Classifier.Bias!.ToArray<float>(), Is.All.EqualTo(-10f));
    }
}
