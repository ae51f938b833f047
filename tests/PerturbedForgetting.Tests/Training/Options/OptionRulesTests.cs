using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Schedules;

namespace PerturbedForgetting.Tests.Training.Options;

[TestFixture]
sealed class OptionRulesTests
{
    static TrainOptions Good() => new() { DataDir = "images", Model = "resnet18" };

    static TestCaseData Case(string option, string words, Action<TrainOptions> change) =>
        new TestCaseData(option, words, change).SetArgDisplayNames(option, words);

    static IEnumerable<TestCaseData> Errors()
    {
        yield return Case("--dataset", "builtin/shapes", o => o.DataDir = null);
        yield return Case("--dataset-download", "nothing is downloaded", o => o.DatasetDownload = true);
        yield return Case("--class-order", "needs --class-map", o => o.ClassOrder = ClassFolderOrder.File);
        yield return Case("--class-order", "Did you mean 'natural'", o => RunOptions.ClassOrderOption.Set(o, "nautral"));
        yield return Case("--batch-size", "at least 1, got 0", o => o.BatchSize = 0);
        yield return Case("--validation-batch-size", "at least 1", o => o.ValidationBatchSize = 0);
        yield return Case("--grad-accum-steps", "at least 1", o => o.GradAccumSteps = 0);
        yield return Case("--workers", "0 to 1024", o => o.Workers = -1);
        yield return Case("--workers", "0 to 1024", o => o.Workers = 100_000);
        yield return Case("--threads", "0 to 1024", o => o.Threads = 100_000);
        yield return Case("--momentum", "below 1", o => o.Momentum = 1);
        yield return Case("--img-size", "1 to 16384", o => o.ImgSize = 100_000);
        yield return Case("--crop-padding", "0 to 16384", o => o.CropPadding = int.MaxValue);
        yield return Case("--labels", "is empty", o => o.Labels = "");
        yield return Case("--class-map", "is empty", o => o.ClassMap = " ");
        yield return Case("--pretrained-path", "is empty", o => o.PretrainedPath = "");
        yield return Case("--experiment", "300 characters", o => o.Experiment = new string('a', 300));
        yield return Case("--sharpness-m", "does not divide", o => (o.BatchSize, o.SharpnessM) = (int.MaxValue, 2));
        yield return Case("--epochs", "at least 1", o => o.Epochs = 0);
        yield return Case("--start-epoch", "leaves nothing", o => o.StartEpoch = 300);
        yield return Case("--num-classes", "1 to 1000000", o => o.NumClasses = 0);
        yield return Case("--num-classes", "1 to 1000000", o => o.NumClasses = 10_000_000);
        yield return Case("--crop-pct", "at most 1, got 1.5", o => o.CropPct = 1.5);
        yield return Case("--mean", "1 or 3 numbers, got 2", o => o.Mean = [0.5, 0.5]);
        yield return Case("--std", "positive", o => o.Std = [0.5, 0, 0.5]);
        yield return Case("--scale", "two shares", o => o.Scale = [0.5]);
        yield return Case("--scale", "two shares", o => o.Scale = [0.8, 0.5]);
        yield return Case("--ratio", "two positive", o => o.Ratio = [0, 1]);
        yield return Case("--hflip", "0 to 1, got 1.1", o => o.Hflip = 1.1);
        yield return Case("--hflip", "0 to 1, got NaN", o => o.Hflip = double.NaN);
        yield return Case("--smoothing", "below 1", o => o.Smoothing = 1);
        yield return Case("--drop", "below 1", o => o.Drop = -0.1);
        yield return Case("--bn-momentum", "has no batch norm", o => (o.Model, o.BnMomentum) = ("vit_tiny_patch4_32", 0.1));
        yield return Case("--pretrained-key", "--pretrained-path", o => o.PretrainedKey = "teacher");
        yield return Case("--pretrained", "--pretrained-path", o => o.Pretrained = true);
        yield return Case("--opt", "sam_sgd, sam_sgdw", o => TrainOptions.OptOption.Set(o, "sam"));
        yield return Case("--opt", "Did you mean 'adamw'", o => TrainOptions.OptOption.Set(o, "AdamW"));
        yield return Case("--opt-betas", "belongs to adam and adamw, not to sam_sgd", o =>
            (o.Opt, o.OptBetas) = (OptimizerName.Parse("sam_sgd"), [0.9, 0.99]));
        yield return Case("--opt-betas", "two numbers", o => (o.Opt, o.OptBetas) = (OptimizerName.Parse("adamw"), [0.9]));
        yield return Case("--opt-betas", "two numbers", o => (o.Opt, o.OptBetas) = (OptimizerName.Parse("adamw"), [0.9, 1]));
        yield return Case("--opt-eps", "belongs to adam", o => o.OptEps = 1e-8);
        yield return Case("--opt-kwargs", "'nesterov' is not known", o => o.OptKwargs = new Dictionary<string, object?>
        { ["nesterov"] = true });
        yield return Case("--model-kwargs", "use --num-classes", o => o.ModelKwargs = new Dictionary<string, object?>
        { ["num_classes"] = 3L });
        yield return Case("--weight-decay", "negative", o => o.WeightDecay = -1);
        yield return Case("--rho", "negative", o => o.Rho = -0.1);
        yield return Case("--obf-C", "above 1", o => o.ObfC = 1);
        yield return Case("--obf-C", "above 1", o => o.ObfC = 0.5);
        yield return Case("--obf-gamma", "0 to 1, got 2", o => o.ObfGamma = 2);
        yield return Case("--sharpness-m", "larger than --batch-size 128", o =>
            (o.Opt, o.SharpnessM) = (OptimizerName.Parse("sam_sgd"), 256));
        yield return Case("--sharpness-m", "does not divide --batch-size 128; nearby values that do: 16, 32, 64", o =>
            (o.Opt, o.SharpnessM) = (OptimizerName.Parse("sam_sgd"), 48));
        yield return Case("--adaptive-sam", "--asam-before-norm", o => (o.Opt, o.AdaptiveSam) = (OptimizerName.Parse("sam_sgd"), true));
        yield return Case("--asam-after-norm", "needs --adaptive-sam", o =>
            (o.Opt, o.AsamAfterNorm) = (OptimizerName.Parse("sam_sgd"), true));
        yield return Case("--rho-policy", "divides by lr - min-lr", o =>
            (o.Opt, o.RhoPolicy, o.Lr, o.MinLr) = (OptimizerName.Parse("sam_sgd"), RhoPolicyKind.LrProportional, 0.1, 0.1));
        yield return Case("--sam-direction", "randsam_sgd is random", o =>
            (o.Opt, o.SamDirection) = (OptimizerName.Parse("randsam_sgd"), SamDirection.Friendly));
        yield return Case("--sam-direction", "--momentum above 0", o =>
            (o.Opt, o.SamDirection, o.Momentum) = (OptimizerName.Parse("sam_sgd"), SamDirection.Momentum, 0));
        yield return Case("--sam-direction", "Did you mean 'vasso'", o => TrainOptions.SamDirectionOption.Set(o, "vaso"));
        yield return Case("--gsam-alpha", "--sam-direction momentum", o =>
            (o.Opt, o.SamDirection, o.GsamAlpha) = (OptimizerName.Parse("sam_sgd"), SamDirection.Momentum, 0.1));
        yield return Case("--obf-steps", "--sam-direction gradient instead of friendly", o =>
            (o.Opt, o.SamDirection, o.ObfSteps) = (OptimizerName.Parse("sam_sgd"), SamDirection.Friendly, 3));
        yield return Case("--obf-steps", "use sam_*", o => (o.Opt, o.ObfSteps) = (OptimizerName.Parse("randsam_sgd"), 3));
        yield return Case("--obf-steps", "1 to 1000, got 0", o => o.ObfSteps = 0);
        yield return Case("--friendly-sigma", "negative", o =>
            (o.Opt, o.SamDirection, o.FriendlySigma) = (OptimizerName.Parse("sam_sgd"), SamDirection.Friendly, -1));
        yield return Case("--friendly-lambda", "0 to 1", o =>
            (o.Opt, o.SamDirection, o.FriendlyLambda) = (OptimizerName.Parse("sam_sgd"), SamDirection.Friendly, 2));
        yield return Case("--vasso-theta", "0 to 1", o =>
            (o.Opt, o.SamDirection, o.VassoTheta) = (OptimizerName.Parse("sam_sgd"), SamDirection.VarianceSuppressed, 1.5));
        yield return Case("--sam-from", "none of 300 epochs", o => (o.Opt, o.SamFrom) = (OptimizerName.Parse("sam_sgd"), 300));
        yield return Case("--sam-until", "not after --sam-from 5", o =>
            (o.Opt, o.SamFrom, o.SamUntil) = (OptimizerName.Parse("sam_sgd"), 5, 5));
        yield return Case("--sam-every", "at least 1, got 0", o => o.SamEvery = 0);
        yield return Case("--asam-eta", "needs --adaptive-sam", o => (o.Opt, o.AsamEta) = (OptimizerName.Parse("sam_sgd"), 0.01));
        yield return Case("--asam-params", "needs --adaptive-sam", o =>
            (o.Opt, o.AsamParams) = (OptimizerName.Parse("sam_sgd"), AsamParameters.Weight));
        yield return Case("--sam-weight", "use maximize", o => (o.Opt, o.SamWeight, o.PerturbLoss) =
            (OptimizerName.Parse("sam_sgd"), 0.5, PerturbLoss.OutputBiasForget));
        yield return Case("--sam-weight", "--gsam-alpha", o =>
            (o.Opt, o.SamWeight, o.GsamAlpha) = (OptimizerName.Parse("sam_sgd"), 0.5, 0.1));
        yield return Case("--looksam-alpha", "--sam-every 5", o => (o.Opt, o.LooksamAlpha) = (OptimizerName.Parse("sam_sgd"), 0.7));
        yield return Case("--looksam-alpha", "use sam_*", o =>
            (o.Opt, o.LooksamAlpha, o.SamEvery) = (OptimizerName.Parse("randsam_sgd"), 0.7, 5));
        yield return Case("--perturb-norm", "--backup-normalized", o => (o.Opt, o.PerturbNorm, o.GsamAlpha, o.BackupNormalized) =
            (OptimizerName.Parse("sam_sgd"), PerturbationNorm.None, 0.1, true));
        yield return Case("--sched", "'cosine' is not one of linear", o => TrainOptions.SchedOption.Set(o, "cosine"));
        yield return Case("--bce-reduction", "Did you mean 'sum_mean'", o => RunOptions.BceReductionOption.Set(o, "sum_mena"));
        yield return Case("--lr", "negative", o => o.Lr = -1);
        yield return Case("--local_rank", "at least 0", o => o.LocalRank = -1);
        yield return Case("--gpus", "takes a number from 1 to 1024, or all, got 'two'", o => o.Gpus = "two");
        yield return Case("--gpus", "got '0'", o => o.Gpus = "0");
        yield return Case("--gpus", "started by mpirun", o => (o.Gpus, o.Device) = ("2", "cpu"));
        yield return Case("--gpus", "leave either out", o => (o.Gpus, o.Device) = ("all", "cuda:1"));
        yield return Case("--comm-timeout", "must lie in 1 to 604800", o => o.CommTimeout = 0.5);
        yield return Case("--device", "'gpu' is not one of auto, cpu, cuda", o => o.Device = "gpu");
        yield return Case("--cuda-graph", "the CPU has no graphs", o => (o.CudaGraph, o.Device) = (true, "cpu"));
        yield return Case("--experiment", "single folder", o => o.Experiment = "a/b");
        yield return Case("--experiment", "single folder", o => o.Experiment = "..");
    }

    [TestCaseSource(nameof(Errors))]
    public void AWrongValueIsAnErrorThatSaysWhat(string option, string words, Action<TrainOptions> change)
    {
        TrainOptions options = Good();
        change(options);
        OptionProblem[] errors = options.Validate().Where(p => p.IsError).ToArray();
        Assert.That(errors, Has.Length.EqualTo(1), string.Join('\n', errors.Select(e => e.ToString())));
        Assert.That(errors[0].Option, Is.EqualTo(option));
        Assert.That(errors[0].Message, Does.Contain(words));
    }

    static IEnumerable<TestCaseData> Notes()
    {
        yield return Case("--pin-mem", "no effect", o => o.PinMem = true);
        yield return Case("--synchronize-step", "no effect", o => (o.SynchronizeStep, o.Device) = (true, "cpu"));
        yield return Case("--min-rho", "--rho-policy constant", o => (o.Opt, o.MinRho) = (OptimizerName.Parse("sam_sgdw"), 0.02));
        yield return Case("--backup-normalized", "--gsam-alpha", o =>
            (o.Opt, o.BackupNormalized) = (OptimizerName.Parse("sam_sgdw"), true));
        yield return Case("--perturb-loss", "use sam_sgd", o => o.PerturbLoss = PerturbLoss.OutputBiasForget);
        yield return Case("--sharpness-m", "does not perturb", o => o.SharpnessM = 64);
        yield return Case("--perturb-loss", "--sam-direction momentum", o => (o.Opt, o.PerturbLoss, o.SamDirection) =
            (OptimizerName.Parse("sam_sgd"), PerturbLoss.OutputBiasForget, SamDirection.Momentum));
        yield return Case("--friendly-sigma", "belongs to --sam-direction friendly", o => o.FriendlySigma = 0.5);
        yield return Case("--friendly-lambda", "belongs to --sam-direction friendly", o => o.FriendlyLambda = 0.5);
        yield return Case("--vasso-theta", "belongs to --sam-direction vasso", o => o.VassoTheta = 0.5);
        yield return Case("--sam-direction", "use sam_sgd", o => o.SamDirection = SamDirection.Friendly);
        yield return Case("--perturb-params", "does not perturb", o => o.PerturbParams = PerturbedParameters.Norm);
        yield return Case("--sam-from", "does not perturb", o => o.SamFrom = 2);
        yield return Case("--sam-until", "does not perturb", o => o.SamUntil = 2);
        yield return Case("--sam-every", "does not perturb", o => o.SamEvery = 2);
        yield return Case("--sam-weight", "does not perturb", o => o.SamWeight = 0.5);
        yield return Case("--looksam-alpha", "does not perturb", o => o.LooksamAlpha = 0.5);
        yield return Case("--perturb-norm", "does not perturb", o => o.PerturbNorm = PerturbationNorm.None);
        yield return Case("--obf-steps", "does not perturb", o => o.ObfSteps = 2);
        yield return Case("--momentum", "--opt-betas", o => (o.Opt, o.Momentum) = (OptimizerName.Parse("adamw"), 0.5));
        yield return Case("--clip-grad", "not clipped", o => o.ClipGrad = 0);
        yield return Case("--warmup-epochs", "never reaches", o => o.Epochs = 5);
    }

    [TestCaseSource(nameof(Notes))]
    public void AnOptionWithoutEffectIsNotedButAccepted(string option, string words, Action<TrainOptions> change)
    {
        TrainOptions options = Good();
        change(options);
        IReadOnlyList<OptionProblem> problems = options.Validate();
        Assert.That(problems, Has.Count.EqualTo(1), string.Join('\n', problems));
        Assert.That(problems[0].IsError, Is.False);
        Assert.That(problems[0].Option, Is.EqualTo(option));
        Assert.That(problems[0].Message, Does.Contain(words));
    }

    [Test]
    public void DefaultsAreThoseOfTheReferenceAndValid()
    {
        TrainOptions o = Good();
        Assert.That(o.Validate(), Is.Empty);
        Assert.That((o.BatchSize, o.Epochs, o.WarmupEpochs, o.Seed, o.CheckpointHist, o.LogInterval, o.Workers),
            Is.EqualTo((128, 300, 5, 42, 10, 50, 4)));
        Assert.That((o.Rho, o.MinRho, o.ObfC, o.ObfGamma, o.SharpnessM, o.WeightDecay, o.WarmupLr),
            Is.EqualTo((0.6, 0.0, 1000.0, 1.0, -1, 2e-5, 1e-5)));
        Assert.That((new ValidateOptions().BatchSize, new ValidateOptions().LogFreq), Is.EqualTo((256, 10)));
    }

    [Test]
    public void AllProblemsComeAtOnce()
    {
        TrainOptions options = new() { BatchSize = 0, Rho = -1, Scale = [2, 3] };
        TrainOptions.OptOption.Set(options, "lion");
        Assert.That(options.Validate().Select(p => p.Option),
            Is.SupersetOf(new[] { "--dataset", "--batch-size", "--opt", "--rho", "--scale" }));
    }

    [TestCase(null, "sgd", 128, 1, null, 0.05)]
    [TestCase(null, "sgd", 128, 8, null, 0.4)]
    [TestCase(null, "adamw", 64, 1, null, 0.05)]
    [TestCase(null, "adamw", 64, 1, LrScale.Linear, 0.025)]
    [TestCase(0.0, "sgd", 256, 1, null, 0.1)]
    [TestCase(0.3, "sgd", 256, 1, null, 0.3)]
    public void TheLearningRateFollowsFromTheBatch(double? lr, string opt, int batch, int accumulation, LrScale? scale, double expected)
    {
        TrainOptions options = new()
        {
            Lr = lr,
            Opt = OptimizerName.Parse(opt),
            BatchSize = batch,
            GradAccumSteps = accumulation,
            LrBaseScale = scale
        };
        Assert.That(options.EffectiveLr, Is.EqualTo(expected).Within(1e-15));
    }

    [Test]
    public void TheQuickStartIsValidForItsDataSetOnly()
    {
        TrainOptions options = new() { Dataset = QuickStart.Dataset };
        QuickStart.Apply(options, QuickStart.Dataset + ":size=16");
        Assert.That(options.Validate(), Is.Empty);
        Assert.That(options.Opt.Perturbs);
        TrainOptions other = new();
        QuickStart.Apply(other, "cifar10");
        Assert.That(OptionsJson.Diff(other, new TrainOptions()), Is.Empty);
    }

    [TestCase("opt", "sgdw", "perturb-loss", "maximize")]
    [TestCase("opt", "sam_sgdw", "perturb-loss", "maximize")]
    [TestCase("epochs", 2, "perturb-loss", "obf")]
    public void TheQuickStartTakesBackWhatBelongsToAReplacedOption(string option, object value, string name, object expected)
    {
        TrainOptions options = new() { Dataset = QuickStart.Dataset };
        QuickStart.Apply(options, QuickStart.Dataset);
        OptionSpec given = OptionTables.Train.Find(option)!;
        given.Set(options, value);
        QuickStart.Settle(options, new HashSet<OptionSpec> { given });
        Assert.That(OptionTables.Train.Find(name)!.Get(options), Is.EqualTo(expected));
        Assert.That(options.Validate(), Is.Empty);
    }

    [Test]
    public void TheQuickStartsLayersBelongToItsModel()
    {
        TrainOptions options = new() { Dataset = QuickStart.Dataset };
        QuickStart.Apply(options, QuickStart.Dataset);
        options.Model = "vit_tiny_patch4_32";
        QuickStart.Settle(options, new HashSet<OptionSpec> { OptionTables.Train.Find("model")! });
        Assert.That(options.ModelKwargs, Is.Empty);
    }

    [TestCase("--num-gpu", "only one device")]
    [TestCase("--log-freq", "at least 1")]
    [TestCase("--sharpness-tol", "positive")]
    public void ValidateRefusesWhatItCannotDo(string option, string words)
    {
        ValidateOptions options = new() { DataDir = "x" };
        Assert.That(options.Validate(), Is.Empty);
        OptionTables.Validate.Find(option)!.Set(options,
            option switch { "--num-gpu" => 2, "--log-freq" => 0, _ => (object)0.0 });
        Assert.That(options.Validate().Single(static p => p.IsError).ToString(), Does.StartWith(option).And.Contain(words));
    }

    static IEnumerable<TestCaseData> OfHessians()
    {
        yield return new(true, "--which", "power finds the largest in magnitude", (Action<HessianOptions>)(o =>
            (o.Method, o.Which) = (EigenvalueMethod.Power, EigenvaluesWanted.Both)));
        yield return new(true, "--rho", "positive", (Action<HessianOptions>)(o => o.Rho = [0.1, 0]));
        yield return new(true, "--sharpness-m", "whole numbers", (Action<HessianOptions>)(o => (o.Rho, o.SharpnessM) = ([0.1], [1.5])));
        yield return new(true, "--sharpness-m", "needs --rho", (Action<HessianOptions>)(o => o.SharpnessM = [8]));
        yield return new(true, "--eigenvectors", "--eigenvalues 0", (Action<HessianOptions>)(o =>
            (o.Eigenvectors, o.Eigenvalues) = ("v.safetensors", 0)));
        yield return new(true, "--tol", "positive", (Action<HessianOptions>)(o => o.Tol = 0));
        yield return new(true, "--block", "1 to 64", (Action<HessianOptions>)(o => o.Block = 65));
        yield return new(false, "--trace-tol", "--trace", (Action<HessianOptions>)(o => o.TraceTol = 0.1));
        yield return new(false, "--density-width", "--density", (Action<HessianOptions>)(o => o.DensityWidth = 0.1));
        yield return new(false, "--density-steps", "--density", (Action<HessianOptions>)(o => o.DensitySteps = 10));
        yield return new(false, "--basis", "power iteration", (Action<HessianOptions>)(o => (o.Basis, o.Method) =
            (40, EigenvalueMethod.Power)));
        yield return new(false, "--block", "power iteration", (Action<HessianOptions>)(o => (o.Block, o.Method) =
            (2, EigenvalueMethod.Power)));
    }

    [TestCaseSource(nameof(OfHessians))]
    public void OptionsOfHessiansHaveTheirRules(bool isError, string option, string words, Action<HessianOptions> change)
    {
        HessianOptions options = new() { DataDir = "x" };
        Assert.That(options.Validate(), Is.Empty);
        change(options);
        var problem = options.Validate().Single();
        Assert.That((problem.Option, problem.IsError), Is.EqualTo((option, isError)).Or.EqualTo(("--method", isError)), problem.ToString());
        Assert.That(problem.Message, Does.Contain(words));
    }

    [Test]
    public void AHessianInPlaceOfAccuracyWritesNoAnswers()
    {
        ValidateOptions options = new() { DataDir = "x", SharpnessTol = 1e-3 };
        Assert.That(options.Validate().Single().ToString(), Does.Contain("no effect without --validate-hessian"));
        options.ValidateHessian = true;
        Assert.That(options.Validate(), Is.Empty);
        options.PerClass = "classes.csv";
        Assert.That(options.Validate().Single().ToString(), Does.StartWith("--validate-hessian").And.Contain("no --per-class"));
    }
}
