using System.Globalization;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Presets;

namespace PerturbedForgetting.Tests.Training.Presets;

/// <summary>The presets against the settings of the paper's experiments, restated here in another form: one row an experiment.</summary>
[TestFixture]
sealed class PresetTableTests
{
    const string ViT = "bce gp=avg class_token=False b=512x8 e=300/32 lr=0.003>3e-05 wd=0.3 clip=1 bias=-10 rho=0.6>0 C=1000 "
            + "data=imagenet2012/1000",
        ResNet = "b=256x16 e=90/16 lr=1.6>0.016 wd=0.001 rho=0.04>0.02 C=1000 data=imagenet2012/1000";

    /// <summary>Settings of each group, and what its experiments have beside them. Where nothing is said: maximize, constant, gamma 1,
    /// momentum 0.9, m 64, no clipping.</summary>
    static readonly (string Prefix, string Common, string[] Experiments)[] groups =
    [
        ("vits32", $"vit_small_patch32_224 {ViT}",
        [
            "vanilla: adamw", "labelsmooth: adamw smoothing=0.1", "shrink_perturb: adamw snp=1e-05", "sam_max: sam_adamw lr_prop",
            "sam_obf: sam_adamw obf=1", "sam_rand: randsam_adamw", "gsam_max: sam_adamw gsam=0.4 lr_prop",
            "gsam_obf: sam_adamw gsam=0.4 normalized obf=1", "asam_max: sam_adamw after rho=6>0",
            "asam_obf: sam_adamw after rho=6>0 obf=1e-12",
        ]),
        ("vits16", $"vit_small_patch16_224 {ViT}",
        [
            "vanilla: adamw", "sam_max: sam_adamw", "sam_obf: sam_adamw obf=1", "gsam_max: sam_adamw gsam=1 lr_prop",
            "gsam_obf: sam_adamw gsam=0.4 normalized obf=1",
        ]),
        ("rn50", $"resnet50 {ResNet}",
        [
            "vanilla: sgdw", "labelsmooth: sgdw smoothing=0.1", "shrink_perturb: sgdw snp=1e-05", "sam_max: sam_sgdw lr_prop",
            "sam_obf: sam_sgdw obf=1e-12", "sam_rand: randsam_sgdw", "gsam_max: sam_sgdw gsam=0.01 normalized lr_prop",
            "gsam_obf: sam_sgdw gsam=0.01 obf=1e-12", "asam_max: sam_sgdw before rho=0.8>0.4 lr_prop",
            "asam_obf: sam_sgdw before rho=0.8>0.02 obf=1e-12",
        ]),
        ("rn101", $"resnet101 {ResNet}",
        [
            "vanilla: sgdw", "sam_max: sam_sgdw lr_prop", "sam_obf: sam_sgdw obf=1e-12",
            "gsam_max: sam_sgdw gsam=0.01 normalized lr_prop", "gsam_obf: sam_sgdw gsam=0.01 obf=1e-12",
        ]),
        .. FineTuned(10), .. FineTuned(100),
    ];

    static IEnumerable<TestCaseData> Rows() => groups.SelectMany(g => g.Experiments.Select(e => (g.Prefix, g.Common, Row: e.Split(": "))))
        .Select(e => new TestCaseData($"{e.Common} {e.Row[1]}").SetArgDisplayNames($"{e.Prefix}_{e.Row[0]}"));

    static (string, string, string[])[] FineTuned(int classes)
    {
        string common = $"e=100/5 wd=0 clip=1 C={classes} data=cifar{classes}/{classes}";
        return
        [
            ($"vits32c{classes}", $"vit_small_patch32_224 bce gp=avg class_token=False b=512x1 lr=0.003>0 rho=0.05>0 {common}",
            [
                "max2sgd: sgd from=vits32_sam_max", "obf2sgd: sgd from=vits32_sam_obf", "adamw2max: sam_sgd from=vits32_vanilla",
                "adamw2obf: sam_sgd obf=1e-12 from=vits32_vanilla",
            ]),
            ($"rn50c{classes}", $"resnet50 b=128x4 lr=0.01>0 rho=0.1>0 {common}",
            [
                "max2sgd: sgd from=rn50_sam_max", "obf2sgd: sgd from=rn50_sam_obf", "sgd2max: bce sam_sgd from=rn50_vanilla",
                "sgd2obf: bce sam_sgd obf=1e-12 from=rn50_vanilla",
            ]),
        ];
    }

    [TestCaseSource(nameof(Rows))]
    public void EveryExperimentHasThePapersSettings(string settings)
    {
        string name = TestContext.CurrentContext.Test.Name.Split('(')[1].TrimEnd(')');
        var preset = PresetTable.Find(name);
        // Of a setting that a row names again the last counts.
        string[] expected = [.. settings.Split(' ').GroupBy(s => s.Split('=')[0]).Select(g => g.Last()).Order(StringComparer.Ordinal)];
        Assert.That(Describe(preset), Is.EqualTo(expected));
    }

    [Test]
    public void ThereIsOneForEachExperimentAndNoOther()
    {
        string[] names = [.. PresetTable.All.Select(p => p.Name)];
        Assert.That(names, Is.Unique);
        Assert.That(PresetTable.All.Where(p => p.TwinOf is null).Select(p => p.Name),
            Is.EquivalentTo(groups.SelectMany(g => g.Experiments.Select(e => $"{g.Prefix}_{e.Split(':')[0]}"))));
        Assert.That(PresetTable.All.Count(p => p.TwinOf is null), Is.EqualTo(46));
    }

    [Test]
    public void TwinsHaveTheOwnOptionsOfAnExperimentAndNeedNoGpu()
    {
        Assert.Multiple(() =>
        {
            foreach (var twin in PresetTable.All.Where(p => p.TwinOf is not null))
            {
                TrainOptions options = new();
                twin.Apply(options);
                Assert.That(twin.Own, Is.EqualTo(PresetTable.Find(twin.TwinOf!).Own), twin.Name);
                Assert.That(options.Dataset, Is.EqualTo("cifar10").Or.StartWith("builtin/shapes"), twin.Name);
            }
        });
        foreach (string paper in (string[])["rn50", "vits32", "rn50c10", "vits32c10"])
            foreach (var preset in PresetTable.All.Where(p => p.TwinOf is null && p.Family.Prefix == paper))
                Assert.That(PresetTable.All.Select(p => p.TwinOf), Does.Contain(preset.Name));
    }

    [Test]
    public void OptionsOfEveryPresetAndOfItsEvaluationsAreInOrder()
    {
        HashSet<string> before = [];
        Assert.Multiple(() =>
        {
            foreach (var preset in PresetTable.All)
            {
                TrainOptions options = new() { DataDir = "data" };
                preset.Apply(options);
                preset.Settle(options, new HashSet<OptionSpec>());
                // What has no effect there: the reference's scripts give these all the same.
                string[] idle = ["--pin-mem", "--min-rho", "--sharpness-m", "--momentum", "--perturb-loss", "--backup-normalized"];
                Assert.That(options.Validate().Where(p => p.IsError || !idle.Contains(p.Option)), Is.Empty, preset.Name);
                Assert.That(preset.Source is null || before.Contains(preset.Source), preset.Name);
                before.Add(preset.Name);
                foreach (var (set, step) in preset.Evaluations(options))
                    Assert.That(step.Options.Validate().Where(p => p.IsError), Is.Empty, $"{preset.Name} on {set}");
                if (preset.TwinOf is null)
                    Assert.That(preset.Evaluations(options), Has.Count.EqualTo(preset.Source is null ? 5 : 1), preset.Name);
                Assert.That(preset.Hessian(options) is null, Is.EqualTo(preset.TwinOf is null && preset.Source is not null), preset.Name);
            }
        });
    }

    [Test]
    public void TheImagesOfAnUpdateStayForAnotherBatch()
    {
        TrainOptions options = new();
        var preset = PresetTable.Find("vits32_sam_obf");
        preset.Apply(options);
        options.BatchSize = 128;
        preset.Settle(options, new HashSet<OptionSpec> { RunOptions.BatchSizeOption });
        Assert.That(options.GradAccumSteps, Is.EqualTo(32));
        preset.Settle(options with { BatchSize = 96 },
            new HashSet<OptionSpec> { RunOptions.BatchSizeOption, TrainOptions.GradAccumStepsOption });
        Assert.That(() => preset.Settle(options with { BatchSize = 96 }, new HashSet<OptionSpec> { RunOptions.BatchSizeOption }),
            Throws.TypeOf<OptionException>().With.Message.Contains("96 does not divide the 4096 images"));
    }

    /// <summary>The settings as the rows write them.</summary>
    static string[] Describe(Preset preset)
    {
        TrainOptions o = new();
        preset.Apply(o);
        Assert.That((o.WarmupLr, o.SharpnessM, o.Momentum, o.CropPct, o.Workers, o.ValidationBatchSize, o.Resume, o.Seed),
            Is.EqualTo((0.0, 64, 0.9, (double?)0.875, 4, (int?)64, "auto", 42)));
        Assert.That(o.Experiment, Is.EqualTo(preset.Name));
        Assert.That(o.Pretrained, Is.EqualTo(preset.Source is not null));
        Assert.That(o.ValSplit, Is.EqualTo(o.Dataset.Contains("cifar", StringComparison.Ordinal) ? "test" : "validation"));
        List<string> said =
        [
            o.Model, $"{o.Opt}", $"b={o.BatchSize}x{o.GradAccumSteps}", $"e={o.Epochs}/{o.WarmupEpochs}", Text($"lr={o.Lr}>{o.MinLr}"),
            Text($"wd={o.WeightDecay}"), Text($"rho={o.Rho}>{o.MinRho}"), Text($"C={o.ObfC}"),
            $"data={o.Dataset["tfds/".Length..]}/{o.NumClasses}",
        ];
        Say(o.BceLoss, "bce");
        Say(o.Gp is not null, $"gp={o.Gp}");
        Say(o.ModelKwargs.Count > 0, OptionValue.Format(o.ModelKwargs));
        Say(o.ClipGrad is not null, Text($"clip={o.ClipGrad}"));
        Say(o.HeadInitBias is not null, Text($"bias={o.HeadInitBias}"));
        Say(o.Smoothing != 0, Text($"smoothing={o.Smoothing}"));
        Say(o.SnpFactor != 0, Text($"snp={o.SnpFactor}"));
        Say(o.RhoPolicy != 0, "lr_prop");
        Say(o.PerturbLoss != 0, Text($"obf={o.ObfGamma}"));
        Say(o.GsamAlpha != 0, Text($"gsam={o.GsamAlpha}"));
        Say(o.BackupNormalized, "normalized");
        Say(o.AdaptiveSam && o.AsamBeforeNorm, "before");
        Say(o.AdaptiveSam && o.AsamAfterNorm, "after");
        Say(preset.Source is not null, $"from={preset.Source}");
        return [.. said.Order(StringComparer.Ordinal)];

        void Say(bool isSo, string text) => said.AddRange(isSo ? [text] : []);
    }

    static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture).Replace('E', 'e');
}
