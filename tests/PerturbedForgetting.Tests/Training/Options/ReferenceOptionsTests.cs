using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tests.Cli;
using PerturbedForgetting.Training.Evaluation;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;

namespace PerturbedForgetting.Tests.Training.Options;

/// <summary>
/// Every option of the reference's two programs, with its default there: it is here under the same name, and a value other than the
/// default changes what a short run computes, or has a test of its own that shows what it does, or is refused or passed over with a reason.
/// </summary>
[TestFixture]
sealed class ReferenceOptionsTests
{
    /// <summary>What becomes of an option.</summary>
    /// <param name="Option">Its name.</param>
    /// <param name="Default">The reference's default, as it is typed; <c>None</c> where it has none, <c>off</c> of a switch.</param>
    /// <param name="Here">Another default that it has here; then docs/differences.md names the option.</param>
    internal abstract record Row(string Option, string Default, string? Here = null);

    /// <summary>A run with the value computes something else than without.</summary>
    /// <param name="Value">Typed, words at blanks; of a switch nothing.</param>
    /// <param name="With">Other options that both runs have, as name=value.</param>
    sealed record Acts(string Option, string Default, string Value, string With = "", string? Here = null) : Row(Option, Default, Here);

    /// <summary>Tests show what it does.</summary>
    sealed record Shown(string Option, string Default, string[] Tests, string? Here = null) : Row(Option, Default, Here)
    {
        public Shown(string option, string @default, string test, string? here = null) : this(option, @default, [test], here)
        {
        }
    }

    /// <summary>It cannot be given, which a message explains; <paramref name="Value"/> is what the reference takes.</summary>
    sealed record Refused(string Option, string Default, string Value, string Words) : Row(Option, Default);

    /// <summary>It is taken and does nothing, which a message says.</summary>
    sealed record Noted(string Option, string Default, string Value, string Words, string With = "") : Row(Option, Default);

    const string Sam = "opt=sam_sgdw rho=0.05", Gsam = $"{Sam} gsam-alpha=0.4", Obf = $"{Sam} perturb-loss=obf",
        Asam = $"{Sam} adaptive-sam=on", Transformer = "model=vit_tiny_patch4_32 model-kwargs=embed_dim=16,depth=1,num_heads=2",
        AreTheFoldersOfImages = "ImageFolderDatasetTests.SplitsAreFoundUnderTheirSynonyms";

    static readonly Row[] train =
    [
        new Shown("data-dir", "None",
            ["ImageFolderDatasetTests.SubFoldersAreClassesInOrdinalOrder", "TfdsDatasetTests.PreparedSetsAreRead"]),
        new Shown("dataset", "", "TfdsDatasetTests.PreparedSetsAreRead"),
        new Shown("train-split", "train", [AreTheFoldersOfImages, "SplitExpressionTests.PartsOfPreparedSetsAreRead"]),
        new Shown("val-split", "validation", [AreTheFoldersOfImages, "SplitExpressionTests.PartsOfPreparedSetsAreRead"]),
        new Refused("dataset-download", "off", "on", "nothing is downloaded"),
        new Acts("model", "resnet50", "resnet56", "model-kwargs=zero_init_last=True"),
        new Refused("pretrained", "off", "on", "needs --pretrained-path FILE"),
        new Shown("pretrained-path", "None", "PretrainedTests.EverythingIsLoadedWhereEverythingFits"),
        new Shown("resume", "", "ResumeTests.AContinuedRunEqualsOneThatWasNeverStopped"),
        new Acts("num-classes", "None", "12"),
        new Acts("gp", "None", "avg", Transformer),
        new Acts("img-size", "None", "20"),
        new Acts("crop-pct", "None", "0.6"),
        new Acts("mean", "None", "0.3 0.4 0.5"),
        new Acts("std", "None", "0.3"),
        new Acts("interpolation", "", "bilinear"),
        new Acts("batch-size", "128", "4"),
        new Shown("validation-batch-size", "None", "ReferenceOptionsTests.TheBatchOfTheValidationIsThatOfTheTrainingUnlessGiven"),
        new Acts("grad-accum-steps", "1", "2"),
        new Acts("model-kwargs", "", "layers=[1,1,2]"),
        new Acts("head-init-bias", "None", "-10"),
        new Acts("opt", "sgd", "sam_adamw", "rho=0.05"),
        new Acts("opt-eps", "None", "0.1", "opt=adamw"),
        new Acts("opt-betas", "None", "0.5 0.6", "opt=adamw"),
        new Acts("momentum", "0.9", "0.1"),
        new Acts("weight-decay", "2e-05", "0.3"),
        new Acts("clip-grad", "None", "0.01"),
        new Acts("snp-factor", "0", "0.5"),
        new Acts("sharpness-m", "-1", "4", Sam),
        new Acts("gsam-alpha", "0", "0.4", Sam),
        new Acts("adaptive-sam", "off", "on", "opt=sam_sgdw rho=0.05 !asam-before-norm=on"),
        new Acts("asam-before-norm", "off", "on", Asam + " asam-after-norm=on"),
        new Acts("asam-after-norm", "off", "on", Asam + " asam-before-norm=on"),
        new Acts("backup-normalized", "off", "on", Gsam),
        new Acts("rho-policy", "constant", "lr_prop", Sam + " warmup-epochs=1"),
        new Acts("rho", "0.6", "0.05", "opt=sam_sgdw"),
        new Acts("min-rho", "0", "0.02", Sam + " rho-policy=lr_prop warmup-epochs=1"),
        new Refused("opt-kwargs", "", "nesterov=True", "every argument of the optimizers has its own option"),
        new Acts("bce-loss", "off", "on"),
        new Acts("bce-reduction", "sum_mean", "mean", "bce-loss=on"),
        new Acts("perturb-loss", "maximize", "obf", Sam),
        new Acts("obf-C", "1000", "2", Obf),
        new Acts("obf-gamma", "1", "0.1", Obf),
        new Refused("sched", "linear", "cosine", "is not one of linear"),
        new Acts("lr", "None", "0.03", "lr=None"),
        new Acts("lr-base", "0.1", "0.3", "lr=None"),
        new Acts("lr-base-size", "256", "64", "lr=None"),
        new Acts("lr-base-scale", "", "sqrt", "lr=None"),
        new Acts("warmup-lr", "1e-05", "0.01", "warmup-epochs=1"),
        new Acts("warmup-epochs", "5", "1"),
        new Acts("min-lr", "0", "0.02"),
        new Acts("epochs", "300", "2"),
        new Shown("start-epoch", "None", "ResumeTests.AnEpochTrainedAgainIsTheNewest"),
        new Acts("scale", "0.05 1", "0.5 0.6"),
        new Acts("ratio", "0.75 1.3333", "1 1"),
        new Acts("hflip", "0.5", "0"),
        new Acts("smoothing", "0", "0.1"),
        new Acts("train-interpolation", "bilinear", "bicubic"),
        new Acts("drop", "0", "0.5"),
        new Acts("bn-momentum", "None", "0.3"),
        new Acts("bn-eps", "None", "0.1"),
        new Shown("dist-bn", "reduce", "TogetherTests.RunningStatisticsAreSharedAsDistBnSays"),
        new Acts("seed", "42", "7"),
        new Shown("log-interval", "50",
            ["ReadingTests.NumbersAreReadAtTheLogInterval", "ProgressViewTests.PlainLinesComeAtTheIntervalAndAtTheEnd"]),
        new Shown("recovery-interval", "0", "CheckpointFolderTests.TheTwoNewestRecoveriesAreKeptAlsoAcrossAResume"),
        new Shown("checkpoint-hist", "10", "CheckpointFolderTests.TheNBestEpochsAreKeptBesideLastAndBest"),
        new Shown("workers", "4", "ImageLoaderTests.BatchesAreTheSameForAnyNumberOfWorkers"),
        new Noted("synchronize-step", "off", "on", "every step is synchronous"),
        new Noted("pin-mem", "off", "on", "no effect"),
        new Shown("output", "", "TrainerTests.ARunLeavesOptionsSummaryResultsCurvesAndCheckpoints"),
        new Shown("experiment", "", "TrainerTests.ARunLeavesOptionsSummaryResultsCurvesAndCheckpoints"),
        new Shown("eval-metric", "top1",
            ["ReportTests.TheResultsListEveryEpochAndTheBest", "CheckpointFolderTests.ForTheLossLowerIsBetter"]),
        new Noted("local_rank", "0", "1", "the environment"),
        new Shown("log-wandb", "off", "RunLogsTests.WandbGetsEventFilesAndACommand"),
    ];

    const string WhatIsGivenWins = "ReevaluationTests.WhatIsGivenWinsAndWhatDiffersIsSaid", Trains = "ReferenceOptionsTests.ItActs",
        IterationEndsAsThere = "HessianAnalyzerTests.PowerIterationEndsAsInTheReference";

    static readonly Row[] validate =
    [
        new Shown("data-dir", "None", "TfdsDatasetTests.PreparedSetsAreRead"),
        new Shown("dataset", "", "TfdsDatasetTests.PreparedSetsAreRead"),
        new Shown("split", "validation", AreTheFoldersOfImages),
        new Refused("dataset-download", "off", "on", "nothing is downloaded"),
        new Shown("model", "resnet50", "ValidatorTests.ABareFileNeedsTheModelNamed"),
        new Shown("model-kwargs", "", "ValidatorTests.ABareFileNeedsTheModelNamed"),
        new Shown("checkpoint", "", ["ValidatorTests.ACheckpointBringsItsModelAndItsAccuracy",
            "ValidatorTests.WithoutACheckpointTheWeightsAreRandomAndThatIsSaid"]),
        new Shown("smoothing", "0", WhatIsGivenWins),
        new Shown("train-interpolation", "bilinear", Trains),
        new Shown("bce-loss", "off", WhatIsGivenWins),
        new Shown("bce-reduction", "sum_mean", Trains),
        new Shown("workers", "4", "ImageLoaderTests.BatchesAreTheSameForAnyNumberOfWorkers"),
        new Shown("batch-size", "256", "ValidatorTests.ACheckpointBringsItsModelAndItsAccuracy"),
        new Shown("img-size", "None", "ValidatorTests.ABareFileNeedsTheModelNamed"),
        new Shown("use-train-size", "off", "ReevaluationTests.TheTestSizeIsForThoseWhoAskForIt"),
        new Shown("crop-pct", "None", WhatIsGivenWins),
        new Shown("mean", "None", WhatIsGivenWins),
        new Shown("std", "None", WhatIsGivenWins),
        new Shown("interpolation", "", WhatIsGivenWins),
        new Shown("num-classes", "None", Trains),
        new Shown("gp", "None", Trains),
        new Shown("log-freq", "10", "ProgressViewTests.PlainLinesComeAtTheIntervalAndAtTheEnd"),
        new Refused("num-gpu", "1", "2", "only one device"),
        new Shown("device", "cuda", "CommandLineTests.EveryOptionOfTheTablesIsBound", "auto"),
        new Noted("pin-mem", "off", "on", "no effect"),
        new Shown("validate-hessian", "off", ["HessianAnalyzerTests.ValidatePrintsTheDominantEigenvalue",
            "CommandLineTests.TheHessiansEigenvalueIsPrintedAsInTheReference"]),
        new Shown("sharpness-iters", "100", IterationEndsAsThere),
        new Shown("sharpness-tol", "0.0001", IterationEndsAsThere),
    ];

    static IEnumerable<TestCaseData> Rows()
    {
        foreach (var row in train)
            yield return new TestCaseData(OptionTables.Train, row).SetArgDisplayNames("train --" + row.Option);
        foreach (var row in validate)
            yield return new TestCaseData(OptionTables.Validate, row).SetArgDisplayNames("validate --" + row.Option);
    }

    /// <summary>Its parsers have 75 and 29 beside help, with <c>--no-bce-loss</c>, which is the other side of <c>--bce-loss</c>
    /// here.</summary>
    [Test]
    public void NoneIsMissing()
    {
        Assert.That(train.Select(static r => r.Option), Is.Unique);
        Assert.That(train, Has.Length.EqualTo(75 - 1));
        Assert.That(validate.Select(static r => r.Option), Is.Unique);
        Assert.That(validate, Has.Length.EqualTo(29 - 1));
        var cli = new CliHarness();
        Assert.That(cli.Run("train", "--data-dir", "d", "--no-bce-loss"), Is.Zero, cli.Error);
        Assert.That(cli.Trained!.BceLoss, Is.False);
        Assert.That(cli.Run("validate", "--data-dir", "d", "--no-bce-loss"), Is.Zero, cli.Error);
    }

    [TestCaseSource(nameof(Rows))]
    public void ItHasTheDefaultOfTheReference(OptionTable table, object about)
    {
        var row = (Row)about;
        var spec = table.Find(row.Option);
        Assert.That(spec, Is.Not.Null, "there is such an option");
        RunOptions options = table == OptionTables.Train ? new TrainOptions() : new ValidateOptions();
        Assert.That(Typed(spec!, options), Is.EqualTo(row.Here ?? row.Default));
        if (row.Here is not null)
            Assert.That(SourceTree.Page("differences.md"), Does.Contain($"--{row.Option}"));
    }

    /// <summary>What the runs without the option that is tried compute, by what they have beside it.</summary>
    readonly Dictionary<string, string> computed = [];

    static IEnumerable<TestCaseData> Acting() => train.OfType<Acts>().Select(static a => new TestCaseData(a).SetArgDisplayNames(a.Option));

    [TestCaseSource(nameof(Acting))]
    public void ItActs(object about)
    {
        var row = (Acts)about;
        TrainOptions without = Options(row.With, isGiven: false), with = Options(row.With, isGiven: true);
        var spec = OptionTables.Train.Find(row.Option)!;
        Set(with, spec, row.Value);
        Assert.That(with.Validate().Where(static p => p.IsError), Is.Empty);
        if (!computed.TryGetValue(row.With, out string? before))
            computed[row.With] = before = Computed(without);
        Assert.That(Computed(with), Is.Not.EqualTo(before));
    }

    static IEnumerable<TestCaseData> Reasoned() => train.Select(static r => (Options: (RunOptions)new TrainOptions(), Row: r))
        .Concat(validate.Select(static r => (Options: (RunOptions)new ValidateOptions(), Row: r)))
        .Where(static r => r.Row is Refused or Noted)
        .Select(static r => new TestCaseData(r.Options, r.Row).SetArgDisplayNames($"{r.Options.GetType().Name} {r.Row.Option}"));

    [TestCaseSource(nameof(Reasoned))]
    public void ItIsRefusedOrPassedOverWithAReason(RunOptions options, object about)
    {
        var row = (Row)about;
        options.DataDir = "images";
        options.Device = "cpu";
        var spec = OptionTables.For(options).Find(row.Option)!;
        Set(options, spec, row is Refused r ? r.Value : ((Noted)row).Value);
        var problem = options.Validate().Single(p => p.Option == spec.Flag);
        Assert.That(problem.IsError, Is.EqualTo(row is Refused));
        Assert.That(problem.Message, Does.Contain(row is Refused refused ? refused.Words : ((Noted)row).Words));
    }

    [Test]
    public void TheTestsThatShowTheOthersAreThere()
    {
        foreach (string test in train.Concat(validate).OfType<Shown>().SelectMany(static s => s.Tests))
            Assert.That(NamedTests.Exists(test), test);
    }

    [Test]
    public void TheBatchOfTheValidationIsThatOfTheTrainingUnlessGiven()
    {
        using var same = RunParts.Build(Options("", false), NullObserver.Instance, null, default);
        using var other = RunParts.Build(Options("", false) with { ValidationBatchSize = 3 }, NullObserver.Instance, null, default);
        Assert.That((same.ValidationLoader.BatchesPerEpoch, other.ValidationLoader.BatchesPerEpoch), Is.EqualTo((1, 3)));
    }

    /// <summary>A small run; what is marked by <c>!</c> is there only beside the option that is tried, or where that is not.</summary>
    static TrainOptions Options(string others, bool isGiven)
    {
        var options = new TrainOptions
        {
            Dataset = "builtin/shapes:train=16,val=8,size=24",
            Model = "resnet20",
            ModelKwargs = new Dictionary<string, object?> { ["layers"] = new object?[] { 1L, 1L, 1L } },
            ImgSize = 16,
            BatchSize = 8,
            Workers = 0,
            Epochs = 3,
            WarmupEpochs = 0,
            Lr = 0.1,
            Rho = 0.6,
            Device = "cpu",
        };
        foreach (string other in others.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] pair = other.TrimStart('!').Split('=', 2);
            var spec = OptionTables.Train.Find(pair[0])!;
            if (pair[1] == "None")
                spec.Set(options, null);
            else if (other[0] != '!' || isGiven)
                Set(options, spec, pair[1].Replace(',', ' '));
        }
        return options;
    }

    static void Set(RunOptions options, OptionSpec spec, string value) => spec.Set(options,
        spec.Kind == OptionKind.Switch ? value == "on" : OptionValue.Parse(spec, value.Split(' ')));

    static string Typed(OptionSpec spec, RunOptions options) => spec.Get(options) switch
    {
        null => "None",
        bool isOn => isOn ? "on" : "off",
        string text => text,
        IReadOnlyDictionary<string, object?> { Count: 0 } => "",
        _ => spec.Show(options),
    };

    /// <summary>What an epoch leaves: weights, statistics, rates, radii, and how images are evaluated.</summary>
    static string Computed(TrainOptions options)
    {
        using var parts = RunParts.Build(options, NullObserver.Instance, null, default);
        parts.Model.Train();
        var text = new StringWriter(CultureInfo.InvariantCulture);
        foreach (var batch in parts.Input.Epoch(parts.TrainingLoader, 0))
        {
            using (Scope.Begin())
                parts.Step.Batch(batch.Images, batch.Labels, batch.Number, parts.TrainingLoader.BatchesPerEpoch);
            text.Write($"{parts.Step.LearningRate} {parts.Step.Rho} ");
        }
        foreach (var (name, tensor) in parts.Model.State())
            text.Write($"{name} {Sum(tensor)} ");
        text.Write(Evaluator.Of(parts).Run(NullObserver.Instance, CancellationToken.None));
        return text.ToString();
    }

    static double Sum(Tensor tensor)
    {
        double[] values = TinyModels.Read(tensor);
        return values.Select(static (v, i) => v * Math.Cos(i)).Sum();
    }
}
