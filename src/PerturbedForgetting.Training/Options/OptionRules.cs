using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Options;

/// <summary>What option values must satisfy, alone and together. Every problem is reported, not only the first.</summary>
sealed class OptionRules
{
    internal static readonly string[] Optimizers =
        ["sgd", "sgdw", "adam", "adamw", "sam_sgd", "sam_sgdw", "sam_adam", "sam_adamw", "randsam_sgd", "randsam_sgdw", "randsam_adam", "randsam_adamw"];

    internal static readonly string[] BceReductions = ["sum_mean", "mean_mean", "mean_sum", "sum_sum", "mean", "sum"];

    readonly List<OptionProblem> problems = [];

    public static IReadOnlyList<OptionProblem> Check(TrainOptions o)
    {
        OptionRules rules = new();
        rules.Common(o);
        rules.TrainSizes(o);
        rules.TrainImages(o);
        rules.Optimizer(o);
        rules.Perturbation(o);
        rules.Schedule(o);
        rules.TrainUnavailable(o);
        return rules.problems;
    }

    public static IReadOnlyList<OptionProblem> Check(ValidateOptions o)
    {
        OptionRules rules = new();
        rules.Common(o);
        rules.AtLeast("--log-freq", o.LogFreq, 1);
        rules.AtLeast("--sharpness-iters", o.SharpnessIters, 1);
        rules.Require(o.SharpnessTol > 0, "--sharpness-tol", $"must be positive, got {Show(o.SharpnessTol)}.");
        rules.Require(o.NumGpu == 1, "--num-gpu", $"only one device can be used, got {o.NumGpu}; leave the option out.");
        rules.Require(!o.ValidateHessian, "--validate-hessian", "the Hessian's eigenvalues are not available yet; leave it out to measure accuracy.");
        return rules.problems;
    }

    static string Show(object? value) => OptionValue.Format(value);

    void Error(string option, string message) => problems.Add(new OptionProblem(option, message));

    void Note(bool when, string option, string message)
    {
        if (when)
            problems.Add(new OptionProblem(option, message, IsError: false));
    }

    void Require(bool condition, string option, string message)
    {
        if (!condition)
            Error(option, message);
    }

    void AtLeast(string option, int? value, int least) =>
        Require(value is null || value >= least, option, $"must be at least {least}, got {value}.");

    /// <summary>Also false for NaN.</summary>
    void Within(string option, double? value, double least, double most) =>
        Require(value is null || (value >= least && value <= most), option, $"must lie in {Show(least)} to {Show(most)}, got {Show(value)}.");

    void NotNegative(string option, double? value) =>
        Require(value is null || (value >= 0 && double.IsFinite(value.Value)), option, $"must not be negative, got {Show(value)}.");

    void Common(RunOptions o)
    {
        foreach (OptionSpec spec in OptionTables.For(o).Specs.Where(s => s.Choices.Count > 0))
        {
            if (spec.Get(o) is string value && !spec.Choices.Contains(value))
                Error(spec.Flag, $"'{value}' is not one of {string.Join(", ", spec.Choices.Select(c => c.Length == 0 ? "\"\"" : c))}.{Suggestions.DidYouMean(value, spec.Choices)}");
        }
        CommonData(o);
        AtLeast("--batch-size", o.BatchSize, 1);
        AtLeast("--workers", o.Workers, 0);
        AtLeast("--threads", o.Threads, 0);
        Require(Device.IsName(o.Device), "--device", $"'{o.Device}' is not one of {string.Join(", ", Device.Names)}.{Suggestions.DidYouMean(o.Device, Device.Names)}");
        AtLeast("--num-classes", o.NumClasses, 1);
        AtLeast("--img-size", o.ImgSize, 1);
        Require(o.CropPct is null or (> 0 and <= 1), "--crop-pct", $"must be above 0 and at most 1, got {Show(o.CropPct)}.");
        foreach ((string option, double[]? values) in new[] { ("--mean", o.Mean), ("--std", o.Std) })
            Require(values is null or { Length: 1 or 3 }, option, $"takes 1 or 3 numbers, got {values?.Length}: {Show(values)}.");
        Require(o.Std is null || o.Std.All(s => s > 0), "--std", $"must be positive, got {Show(o.Std)}.");
        Require(o.Smoothing is >= 0 and < 1, "--smoothing", $"must be at least 0 and below 1, got {Show(o.Smoothing)}.");
        foreach ((string key, string option) in new[] { ("num_classes", "--num-classes"), ("global_pool", "--gp"), ("drop_rate", "--drop") })
            Require(!o.ModelKwargs.ContainsKey(key), "--model-kwargs", $"'{key}' has its own option: use {option}.");
        Note(o.PinMem, "--pin-mem", "has no effect: batches for a GPU are always page-locked, and the CPU needs none.");
    }

    void CommonData(RunOptions o)
    {
        // A checkpoint that is named brings its data with it.
        bool isResumed = o is TrainOptions { Resume: not ("" or "auto") };
        Require(isResumed || o.Dataset.Length > 0 || !string.IsNullOrEmpty(o.DataDir), "--dataset",
            "no data was named: give --data-dir FOLDER, or --dataset builtin/shapes, which needs no files.");
        Require(!o.Dataset.StartsWith("tfds/", StringComparison.Ordinal), "--dataset",
            $"TensorFlow Datasets such as '{o.Dataset}' cannot be read. Export the images to folders, one a class, and give --data-dir FOLDER.");
        Require(!o.DatasetDownload, "--dataset-download", "nothing is downloaded: fetch the data set yourself and give --data-dir FOLDER.");
        Require(o.ClassOrder != "file" || o.ClassMap is not null, "--class-order", "'file' needs --class-map FILE, with one class name a line.");
        Note(o.ClassOrder == "natural" && o.ClassMap is not null, "--class-order", "has no effect, because --class-map gives the order.");
    }

    void TrainSizes(TrainOptions o)
    {
        AtLeast("--validation-batch-size", o.ValidationBatchSize, 1);
        AtLeast("--grad-accum-steps", o.GradAccumSteps, 1);
        AtLeast("--epochs", o.Epochs, 1);
        AtLeast("--start-epoch", o.StartEpoch, 0);
        Require(o.StartEpoch is null || o.StartEpoch < o.Epochs, "--start-epoch", $"{o.StartEpoch} leaves nothing of --epochs {o.Epochs}; epochs count from 0.");
        AtLeast("--log-interval", o.LogInterval, 1);
        AtLeast("--recovery-interval", o.RecoveryInterval, 0);
        AtLeast("--profile", o.Profile, 0);
        AtLeast("--checkpoint-hist", o.CheckpointHist, 1);
        AtLeast("--crop-padding", o.CropPadding, 0);
        Require(o.Experiment.AsSpan().IndexOfAny('/', '\\') < 0 && o.Experiment is not (".." or "."), "--experiment",
            $"'{o.Experiment}' must be a single folder name; the folder above it is --output.");
    }

    void TrainImages(TrainOptions o)
    {
        Require(o.Scale is [> 0, <= 1] && o.Scale[0] <= o.Scale[1], "--scale", $"takes two shares with 0 < least <= largest <= 1, got {Show(o.Scale)}.");
        Require(o.Ratio is [> 0, > 0] && o.Ratio[0] <= o.Ratio[1], "--ratio", $"takes two positive ratios, least first, got {Show(o.Ratio)}.");
        Within("--hflip", o.Hflip, 0, 1);
        Require(o.Drop is >= 0 and < 1, "--drop", $"must be at least 0 and below 1, got {Show(o.Drop)}.");
        Within("--bn-momentum", o.BnMomentum, 0, 1);
        Require(o.BnEps is null or > 0, "--bn-eps", $"must be positive, got {Show(o.BnEps)}.");
        bool vit = o.Model.StartsWith("vit", StringComparison.Ordinal);
        Require(!vit || (o.BnMomentum is null && o.BnEps is null), "--bn-momentum", $"{o.Model} has no batch norm; leave --bn-momentum and --bn-eps out.");
        Require(o.ResizePosEmbed.Length == 0 || o.Pretrained, "--resize-pos-embed", "acts on the weights of --pretrained --pretrained-path FILE, which is not given.");
        Require(!o.Pretrained || o.PretrainedPath is not null, "--pretrained", "needs --pretrained-path FILE: no weights are downloaded.");
    }

    void Optimizer(TrainOptions o)
    {
        bool adam = o.BaseOptimizer is "adam" or "adamw";
        Within("--momentum", o.Momentum, 0, 1);
        NotNegative("--weight-decay", o.WeightDecay);
        Within("--snp-factor", o.SnpFactor, 0, 1);
        Require(o.OptEps is null || adam, "--opt-eps", $"belongs to adam and adamw, not to {o.Opt}; leave it out.");
        Require(o.OptEps is null or > 0, "--opt-eps", $"must be positive, got {Show(o.OptEps)}.");
        Require(o.OptBetas is null || adam, "--opt-betas", $"belongs to adam and adamw, not to {o.Opt}; use --momentum.");
        Require(o.OptBetas is null || (o.OptBetas.Length == 2 && o.OptBetas.All(b => b is >= 0 and < 1)), "--opt-betas",
            $"takes two numbers of at least 0 and below 1, got {Show(o.OptBetas)}.");
        Note(adam && o.Momentum != 0.9, "--momentum", $"has no effect with {o.Opt}; its averages are --opt-betas.");
        Note(o.ClipGrad <= 0, "--clip-grad", "is not positive, so gradients are not clipped.");
        Require(o.ClipGrad is null || !double.IsNaN(o.ClipGrad.Value), "--clip-grad", "is not a number.");
        foreach (string key in o.OptKwargs.Keys)
            Error("--opt-kwargs", $"'{key}' is not known: every argument of the optimizers has its own option (--momentum, --opt-betas, --opt-eps, --weight-decay).");
    }

    void Perturbation(TrainOptions o)
    {
        NotNegative("--rho", o.Rho);
        NotNegative("--min-rho", o.MinRho);
        NotNegative("--gsam-alpha", o.GsamAlpha);
        Require(o.ObfC is > 1 or < 0, "--obf-C", $"must be above 1 (usually the number of classes), or negative for lambda = 0; got {Show(o.ObfC)}.");
        Within("--obf-gamma", o.ObfGamma, 0, 1);
        if (o.SharpnessM > 0)
        {
            Require(o.SharpnessM <= o.BatchSize, "--sharpness-m", $"{o.SharpnessM} is larger than --batch-size {o.BatchSize}.");
            Require(o.SharpnessM > o.BatchSize || o.BatchSize % o.SharpnessM == 0, "--sharpness-m",
                $"{o.SharpnessM} does not divide --batch-size {o.BatchSize}; nearby values that do: {Divisors(o.BatchSize, o.SharpnessM)}.");
        }
        bool scaled = o.AsamBeforeNorm || o.AsamAfterNorm;
        Require(!o.AdaptiveSam || scaled, "--adaptive-sam", "needs --asam-before-norm, --asam-after-norm, or both (the published ASAM).");
        Require(o.AdaptiveSam || !scaled, o.AsamBeforeNorm ? "--asam-before-norm" : "--asam-after-norm", "needs --adaptive-sam.");
        Note(o.BackupNormalized && o.GsamAlpha == 0, "--backup-normalized", "has no effect without --gsam-alpha.");
        Note(o.MinRho != 0 && o.RhoPolicy == "constant", "--min-rho", "has no effect with --rho-policy constant.");
        if (o.RhoPolicy == "lr_prop")
        {
            Require(o.EffectiveLr != o.MinLr, "--rho-policy", $"lr_prop divides by lr - min-lr, which is 0 (both {Show(o.MinLr)}); use constant or another --min-lr.");
            Note(o.MinRho > o.Rho, "--min-rho", $"{Show(o.MinRho)} is larger than --rho {Show(o.Rho)}: the radius grows while the learning rate falls.");
        }
        if (o.Perturbs)
        {
            Note(o.Opt.StartsWith("randsam_", StringComparison.Ordinal) && o.PerturbLoss != "maximize", "--perturb-loss", "is only reported with randsam_*: the direction is random.");
            return;
        }
        foreach ((bool given, string option) in new[]
        {
            (o.PerturbLoss != "maximize", "--perturb-loss"), (o.SharpnessM > 0, "--sharpness-m"), (o.GsamAlpha != 0, "--gsam-alpha"), (o.AdaptiveSam, "--adaptive-sam"),
        })
            Note(given, option, $"has no effect with --opt {o.Opt}, which does not perturb; use sam_{o.Opt}.");
    }

    void Schedule(TrainOptions o)
    {
        NotNegative("--lr", o.Lr);
        NotNegative("--lr-base", o.LrBase);
        AtLeast("--lr-base-size", o.LrBaseSize, 1);
        NotNegative("--warmup-lr", o.WarmupLr);
        NotNegative("--min-lr", o.MinLr);
        AtLeast("--warmup-epochs", o.WarmupEpochs, 0);
        Note(o.WarmupEpochs >= o.Epochs && o.Epochs > 0, "--warmup-epochs", $"{o.WarmupEpochs} of {o.Epochs} epochs: the learning rate never reaches its full value.");
        Note(o.MinLr > o.EffectiveLr, "--min-lr", $"{Show(o.MinLr)} is above the learning rate {Show(o.EffectiveLr)}, which therefore rises to the end.");
    }

    void TrainUnavailable(TrainOptions o)
    {
        Require(o.DistBn != "broadcast", "--dist-bn", "there is one worker, so there is nothing to broadcast; leave the option out.");
        Require(o.LocalRank == 0, "--local_rank", $"there is one worker, so the rank is 0, got {o.LocalRank}; leave the option out.");
        Require(!o.LogWandb, "--log-wandb", "Weights and Biases is not supported; read summary.csv and results.json in the run's folder.");
        Note(o.SynchronizeStep && o.Device == "cpu", "--synchronize-step", "has no effect on the CPU, where every step is synchronous.");
        Require(o.CudaGraph != "on" || o.Device != "cpu", "--cuda-graph", "the CPU has no graphs: use auto or off, or --device cuda.");
    }

    static string Divisors(int batch, int near) =>
        string.Join(", ", Enumerable.Range(1, batch).Where(d => batch % d == 0).OrderBy(d => Math.Abs(d - near)).Take(3).Order());
}
