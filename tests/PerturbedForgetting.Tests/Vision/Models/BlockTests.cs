using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Vision.Models;

/// <summary>The blocks of the models against the reference: output, every gradient, running statistics.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class BlockTests(string device) : DeviceFixture(device)
{
    static IEnumerable<ReferenceCase> Bottlenecks => ReferenceData.Cases("ops", "resnet_bottleneck");

    static IEnumerable<ReferenceCase> TransformerBlocks => ReferenceData.Cases("ops", "vit_block");

    static IEnumerable<ReferenceCase> Mlps => ReferenceData.Cases("ops", "mlp(fc1,gelu,fc2)");

    static IEnumerable<ReferenceCase> PatchEmbeddings => ReferenceData.Cases("ops", "patch_embed");

    [TestCaseSource(nameof(Bottlenecks))]
    public void BottleneckAgrees(ReferenceCase c)
    {
        var options = new ResNetOptions
        {
            Cardinality = Whole(c, "cardinality", 1),
            BaseWidth = Whole(c, "base_width", 64),
            Shortcut = c.Config.GetProperty("downsample").ToString() == "avgpool+conv1x1"
                ? ResNetShortcut.AveragePool
                : ResNetShortcut.Convolution,
        };
        var stage = new ResNetStage(options, Whole(c, "stride", 0), 1, 1);
        ReferenceOps.CheckModule(c, () => new Bottleneck(Whole(c, "inplanes", 0), Whole(c, "planes", 0), stage, first: true), images: true);
    }

    [TestCaseSource(nameof(TransformerBlocks))]
    public void TransformerBlockAgrees(ReferenceCase c)
    {
        int dim = Whole(c, "dim", 0);
        ReferenceOps.CheckModule(c, () =>
            new TransformerBlock(dim, Whole(c, "heads", 0), dim * Whole(c, "mlp_ratio", 0), c.Flag("qkv_bias", true)));
    }

    [TestCaseSource(nameof(Mlps))]
    public void MlpAgrees(ReferenceCase c)
    {
        int[] shape = c.Input("param.fc1.weight").Shape;
        ReferenceOps.CheckModule(c, () => new Mlp(shape[1], shape[0]));
    }

    [TestCaseSource(nameof(PatchEmbeddings))]
    public void PatchEmbeddingAgrees(ReferenceCase c) =>
        ReferenceOps.CheckModule(c, () => new PatchEmbedding(Whole(c, "patch", 0), Whole(c, "dim", 0)), images: true);

    static int Whole(ReferenceCase c, string key, int fallback) => (int)c.Number(key, fallback);
}
