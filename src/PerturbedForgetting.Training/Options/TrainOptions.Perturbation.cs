using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Schedules;

namespace PerturbedForgetting.Training.Options;

/// <summary>How weights are perturbed before the gradient is taken.</summary>
public sealed partial record TrainOptions
{
    internal static readonly OptionTopic<TrainOptions> PerturbationTopic = new("Perturbation (sam_*, randsam_*)");

    /// <summary>What the perturbation maximises.</summary>
    public PerturbLoss PerturbLoss { get => PerturbLossOption[this]; set => PerturbLossOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, PerturbLoss> PerturbLossOption =
        PerturbationTopic.Choice("perturb-loss", PerturbLoss.Maximize,
                "what the perturbation maximises: the loss, or output-bias forgetting",
                ("maximize", PerturbLoss.Maximize), ("obf", PerturbLoss.OutputBiasForget))
            .NotedWhen(o => o.Opt.Perturbation == PerturbationKind.RandSam && o.PerturbLoss != PerturbLoss.Maximize,
                "is only reported with randsam_*: the direction is random.")
            .NotedWhen(o => o.Opt.Perturbation == PerturbationKind.Sam && o.SamDirection == SamDirection.Momentum
                && o.PerturbLoss != PerturbLoss.Maximize, "has no effect with --sam-direction momentum, which asks no loss where to go.")
            .NotedWhen(o => !o.Opt.Perturbs && o.PerturbLoss != PerturbLoss.Maximize, DoesNotPerturb);

    /// <summary>Perturbation radius rho; the largest one with <see cref="RhoPolicyKind.LrProportional"/>.</summary>
    public double Rho { get => RhoOption[this]; set => RhoOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> RhoOption =
        PerturbationTopic.Option("rho", 0.6, "radius of the perturbation").NotNegative();

    /// <summary>Where the perturbation of <c>sam_</c> goes.</summary>
    public SamDirection SamDirection { get => SamDirectionOption[this]; set => SamDirectionOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, SamDirection> SamDirectionOption =
        PerturbationTopic.Choice("sam-direction", SamDirection.Gradient,
                "sam_*: where the perturbation goes; friendly and vasso average gradients, momentum needs no pass of its own",
                ("gradient", SamDirection.Gradient), ("friendly", SamDirection.Friendly), ("vasso", SamDirection.VarianceSuppressed),
                ("momentum", SamDirection.Momentum)).KnownAs("direction")
            .RefusedWhen(o => o.Opt.Perturbation == PerturbationKind.RandSam && o.SamDirection != SamDirection.Gradient,
                o => $"belongs to sam_*: the direction of {o.Opt} is random.")
            .RefusedWhen(o => o.SamDirection == SamDirection.Momentum && o.Opt.Perturbs && !o.Opt.IsAdam && o.Momentum == 0,
                "momentum needs a --momentum above 0: the weights are moved along it.")
            .NotedWhen(o => !o.Opt.Perturbs && o.SamDirection != SamDirection.Gradient, DoesNotPerturb);

    /// <summary>sigma of friendly SAM.</summary>
    public double FriendlySigma { get => FriendlySigmaOption[this]; set => FriendlySigmaOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> FriendlySigmaOption =
        PerturbationTopic.Option("friendly-sigma", 1.0, "friendly: share of the average that is taken off the gradient").NotNegative()
            .NotedWhen(o => o.FriendlySigma != 1 && o.SamDirection != SamDirection.Friendly, "belongs to --sam-direction friendly.");

    /// <summary>lambda of friendly SAM, in [0, 1].</summary>
    public double FriendlyLambda { get => FriendlyLambdaOption[this]; set => FriendlyLambdaOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> FriendlyLambdaOption =
        PerturbationTopic.Option("friendly-lambda", 0.9, "friendly: what of the average stays from one perturbation to the next")
            .Within(0, 1)
            .NotedWhen(o => o.FriendlyLambda != 0.9 && o.SamDirection != SamDirection.Friendly, "belongs to --sam-direction friendly.");

    /// <summary>theta of variance suppression, in [0, 1].</summary>
    public double VassoTheta { get => VassoThetaOption[this]; set => VassoThetaOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> VassoThetaOption =
        PerturbationTopic.Option("vasso-theta", 0.9, "vasso: share of the newest gradient in the direction").Within(0, 1)
            .NotedWhen(o => o.VassoTheta != 0.9 && o.SamDirection != SamDirection.VarianceSuppressed, "belongs to --sam-direction vasso.");

    /// <summary>Which parameters the perturbation moves.</summary>
    public PerturbedParameters PerturbParams { get => PerturbParamsOption[this]; set => PerturbParamsOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, PerturbedParameters> PerturbParamsOption =
        PerturbationTopic.Choice("perturb-params", PerturbedParameters.All,
                "parameters that the perturbation moves: all, those of normalisation layers, or all but those",
                PerturbationChoices.Parameters.All)
            .KnownAs("parameters").NotedWhen(o => !o.Opt.Perturbs && o.PerturbParams != PerturbedParameters.All, DoesNotPerturb);

    /// <summary>What the direction is divided by.</summary>
    public PerturbationNorm PerturbNorm { get => PerturbNormOption[this]; set => PerturbNormOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, PerturbationNorm> PerturbNormOption =
        PerturbationTopic.Choice("perturb-norm", PerturbationNorm.L2,
                "what the direction is divided by: its norm, or nothing, so that rho is a factor of the gradient",
                PerturbationChoices.Norms.All).KnownAs("norm")
            .RefusedWhen(o => o.PerturbNorm == PerturbationNorm.None && o.Opt.Perturbs && o.GsamAlpha > 0 && o.BackupNormalized,
                "none does not normalise the direction, which --backup-normalized takes.")
            .NotedWhen(o => !o.Opt.Perturbs && o.PerturbNorm != PerturbationNorm.L2, DoesNotPerturb);

    /// <summary>Epochs without perturbation before the first one.</summary>
    public int SamFrom { get => SamFromOption[this]; set => SamFromOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int> SamFromOption =
        PerturbationTopic.Option("sam-from", 0, "epochs that the optimizer beneath trains before the first perturbation").AtLeast(0)
            .RefusedWhen(o => o.Opt.Perturbs && o.SamFrom > 0 && o.SamFrom >= o.Epochs, o =>
                $"{o.SamFrom} leaves none of {o.Epochs} epochs to be perturbed; use a smaller number, or {o.Opt.Beneath}.")
            .NotedWhen(o => !o.Opt.Perturbs && o.SamFrom != 0, DoesNotPerturb);

    /// <summary>Epochs after which nothing is perturbed any more; null for the end of the run.</summary>
    public int? SamUntil { get => SamUntilOption[this]; set => SamUntilOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int?> SamUntilOption =
        PerturbationTopic.Option<int?>("sam-until", null, "epochs after which the optimizer beneath goes on alone; default: never")
            .AtLeast(1)
            .RefusedWhen(o => o.SamUntil >= 1 && o.SamUntil <= o.SamFrom, o =>
                $"{o.SamUntil} is not after --sam-from {o.SamFrom}, so that nothing would be perturbed.")
            .NotedWhen(o => !o.Opt.Perturbs && o.SamUntil is not null, DoesNotPerturb);

    /// <summary>Updates from one that is perturbed to the next.</summary>
    public int SamEvery { get => SamEveryOption[this]; set => SamEveryOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int> SamEveryOption =
        PerturbationTopic.Option("sam-every", 1, "perturb every Kth update; the optimizer beneath makes the others").AtLeast(1)
            .NotedWhen(o => !o.Opt.Perturbs && o.SamEvery > 1, DoesNotPerturb);

    /// <summary>Smallest radius with <see cref="RhoPolicyKind.LrProportional"/>.</summary>
    public double MinRho { get => MinRhoOption[this]; set => MinRhoOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> MinRhoOption =
        PerturbationTopic.Option("min-rho", 0.0, "smallest radius with lr_prop").NotNegative()
            .NotedWhen(o => o.MinRho != 0 && o.RhoPolicy == RhoPolicyKind.Constant, "has no effect with --rho-policy constant.")
            .NotedWhen(o => o.MinRho > o.Rho && o.RhoPolicy == RhoPolicyKind.LrProportional, o =>
                $"{OptionValue.Format(o.MinRho)} is larger than --rho {OptionValue.Format(o.Rho)}: "
                + "the radius grows while the learning rate falls.");

    /// <summary>How rho follows the learning rate.</summary>
    public RhoPolicyKind RhoPolicy { get => RhoPolicyOption[this]; set => RhoPolicyOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, RhoPolicyKind> RhoPolicyOption =
        PerturbationTopic.Choice("rho-policy", RhoPolicyKind.Constant, "radius over time; lr_prop follows the learning rate",
                ("constant", RhoPolicyKind.Constant), ("lr_prop", RhoPolicyKind.LrProportional))
            .RefusedWhen(o => o.RhoPolicy == RhoPolicyKind.LrProportional && o.EffectiveLr == o.MinLr, o =>
                $"lr_prop divides by lr - min-lr, which is 0 (both {OptionValue.Format(o.MinLr)}); use constant or another --min-lr.");

    /// <summary>Perturbation batch m; not positive takes the batch size.</summary>
    public int SharpnessM { get => SharpnessMOption[this]; set => SharpnessMOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int> SharpnessMOption =
        PerturbationTopic.Option("sharpness-m", -1, "images a perturbation is made from; -1: the batch")
            .RefusedWhen(o => o.SharpnessM > Math.Max(o.BatchSize, 0), o => $"{o.SharpnessM} is larger than --batch-size {o.BatchSize}.")
            .RefusedWhen(o => o.SharpnessM > 0 && o.SharpnessM <= o.BatchSize && o.BatchSize % o.SharpnessM != 0, o =>
                $"{o.SharpnessM} does not divide --batch-size {o.BatchSize}; nearby values that do: {Divisors(o.BatchSize, o.SharpnessM)}.")
            .NotedWhen(o => !o.Opt.Perturbs && o.SharpnessM > 0, DoesNotPerturb);

    /// <summary>C = 1/lambda of output-bias forgetting; negative means lambda = 0.</summary>
    public double ObfC { get => ObfCOption[this]; set => ObfCOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> ObfCOption =
        PerturbationTopic.Option("obf-C", 1000.0, "obf: 1/lambda, usually the number of classes; negative: lambda 0").KnownAs("c")
            .RefusedWhen(o => o.ObfC is not (> 1 or < 0), o =>
                $"must be above 1 (usually the number of classes), or negative for lambda = 0; got {OptionValue.Format(o.ObfC)}.");

    /// <summary>gamma of output-bias forgetting, in [0, 1].</summary>
    public double ObfGamma { get => ObfGammaOption[this]; set => ObfGammaOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> ObfGammaOption =
        PerturbationTopic.Option("obf-gamma", 1.0, "obf: strength gamma in 0..1").KnownAs("gamma").Within(0, 1);

    /// <summary>Steps of a part of the radius each.</summary>
    public int ObfSteps { get => ObfStepsOption[this]; set => ObfStepsOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int> ObfStepsOption =
        PerturbationTopic.Option("obf-steps", 1, "steps of rho/K that a perturbation is made in; with maximize: SAM with K ascent steps")
            .KnownAs("steps").Within(1, 1000)
            .RefusedWhen(o => o.ObfSteps > 1 && o.Opt.Perturbation == PerturbationKind.RandSam, o =>
                $"follows the gradient from step to step, and the direction of {o.Opt} is random; use sam_*.")
            .RefusedWhen(o => o.ObfSteps > 1 && o.Opt.Perturbation == PerturbationKind.Sam && o.SamDirection != SamDirection.Gradient, o =>
                $"follows the gradient from step to step; use --sam-direction gradient instead of {SamDirectionOption.Show(o)}.")
            .NotedWhen(o => !o.Opt.Perturbs && o.ObfSteps > 1, DoesNotPerturb);

    /// <summary>GSAM's alpha; 0 makes no decomposition.</summary>
    public double GsamAlpha { get => GsamAlphaOption[this]; set => GsamAlphaOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> GsamAlphaOption =
        PerturbationTopic.Option("gsam-alpha", 0.0, "GSAM: weight of the orthogonal part; 0: off").NotNegative()
            .RefusedWhen(o => o.GsamAlpha > 0 && o.Opt.Perturbs && o.SamDirection == SamDirection.Momentum,
                "needs the gradient at the weights, which --sam-direction momentum does without.")
            .NotedWhen(o => !o.Opt.Perturbs && o.GsamAlpha != 0, DoesNotPerturb);

    /// <summary>Share of the gradient at the perturbed weights.</summary>
    public double SamWeight { get => SamWeightOption[this]; set => SamWeightOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> SamWeightOption =
        PerturbationTopic.Option("sam-weight", 1.0,
                "share of the gradient at perturbed weights; the rest is that at the weights (GNP, WSAM)")
            .KnownAs("weight").NotNegative()
            .RefusedForEach(o => o.SamWeight != 1 && o.Opt.Perturbs ? WithoutCleanGradient(o) : [])
            .NotedWhen(o => !o.Opt.Perturbs && o.SamWeight != 1, DoesNotPerturb);

    /// <summary>alpha of LookSAM; 0 leaves it out.</summary>
    public double LooksamAlpha { get => LooksamAlphaOption[this]; set => LooksamAlphaOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> LooksamAlphaOption =
        PerturbationTopic.Option("looksam-alpha", 0.0, "LookSAM: what updates between perturbed ones get of the last one's; 0: off")
            .NotNegative()
            .RefusedForEach(o => o.LooksamAlpha != 0 && o.Opt.Perturbs ? WithoutCleanGradient(o) : [])
            .RefusedWhen(o => o.LooksamAlpha != 0 && o.Opt.Perturbs && o.SamEvery == 1,
                "belongs to the updates between perturbed ones, and there are none: use --sam-every 5, say.")
            .NotedWhen(o => !o.Opt.Perturbs && o.LooksamAlpha != 0, DoesNotPerturb);

    /// <summary>GSAM decomposes the normalised clean gradient.</summary>
    public bool BackupNormalized { get => BackupNormalizedOption[this]; set => BackupNormalizedOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, bool> BackupNormalizedOption =
        PerturbationTopic.Option("backup-normalized", false, "GSAM: decompose the normalised gradient")
            .NotedWhen(o => o.BackupNormalized && o.GsamAlpha == 0, "has no effect without --gsam-alpha.");

    /// <summary>ASAM: scale the perturbation by |w|.</summary>
    public bool AdaptiveSam { get => AdaptiveSamOption[this]; set => AdaptiveSamOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, bool> AdaptiveSamOption =
        PerturbationTopic.Option("adaptive-sam", false, "ASAM: scale by |w|; needs one or both of the next two")
            .RefusedWhen(o => o.AdaptiveSam && !o.AsamBeforeNorm && !o.AsamAfterNorm,
                "needs --asam-before-norm, --asam-after-norm, or both (the published ASAM).")
            .NotedWhen(o => !o.Opt.Perturbs && o.AdaptiveSam, DoesNotPerturb);

    /// <summary>ASAM: scale the gradient before it is normalised.</summary>
    public bool AsamBeforeNorm { get => AsamBeforeNormOption[this]; set => AsamBeforeNormOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, bool> AsamBeforeNormOption =
        PerturbationTopic.Option("asam-before-norm", false, "ASAM: scale before normalising")
            .RefusedWhen(o => o.AsamBeforeNorm && !o.AdaptiveSam, "needs --adaptive-sam.");

    /// <summary>ASAM: scale the direction after it is normalised.</summary>
    public bool AsamAfterNorm { get => AsamAfterNormOption[this]; set => AsamAfterNormOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, bool> AsamAfterNormOption =
        PerturbationTopic.Option("asam-after-norm", false, "ASAM: scale after normalising")
            .RefusedWhen(o => o.AsamAfterNorm && !o.AsamBeforeNorm && !o.AdaptiveSam, "needs --adaptive-sam.");

    /// <summary>eta of ASAM.</summary>
    public double AsamEta { get => AsamEtaOption[this]; set => AsamEtaOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> AsamEtaOption =
        PerturbationTopic.Option("asam-eta", 0.0, "ASAM: scale by |w| + eta (0.01 in the authors' code)").KnownAs("eta").NotNegative()
            .RefusedWhen(o => o.AsamEta > 0 && !o.AdaptiveSam, "needs --adaptive-sam.");

    /// <summary>Which parameters ASAM scales.</summary>
    public AsamParameters AsamParams { get => AsamParamsOption[this]; set => AsamParamsOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, AsamParameters> AsamParamsOption =
        PerturbationTopic.Choice("asam-params", AsamParameters.All,
                "ASAM: parameters that are scaled: all, or those named weight as in the authors' code",
                PerturbationChoices.Scaled.All)
            .RefusedWhen(o => o.AsamParams != AsamParameters.All && !o.AdaptiveSam, "needs --adaptive-sam.");

    /// <summary>Why there is no gradient of the training loss at the weights to be used beside that at the perturbed ones.</summary>
    static IEnumerable<string> WithoutCleanGradient(TrainOptions o)
    {
        const string Need = "needs the gradient of the training loss at the weights, ";
        if (o.Opt.Perturbation == PerturbationKind.RandSam)
            yield return $"{Need}which {o.Opt} does not take; use sam_*.";
        else if (o.SamDirection == SamDirection.Momentum)
            yield return $"{Need}which --sam-direction momentum does without.";
        else if (o.PerturbLoss != PerturbLoss.Maximize)
            yield return $"{Need}and --perturb-loss {PerturbLossOption.Show(o)} takes that of another; use maximize.";
        else if (o.GsamAlpha > 0)
            yield return "and --gsam-alpha both say what becomes of the two gradients: leave one of them out.";
    }

    static string DoesNotPerturb(TrainOptions o) => $"has no effect with --opt {o.Opt}, which does not perturb; use sam_{o.Opt}.";

    static string Divisors(int batch, int near) =>
        string.Join(", ", Enumerable.Range(1, (int)Math.Sqrt(batch)).Where(d => batch % d == 0).SelectMany(d => new[] { d, batch / d })
            .Distinct().OrderBy(d => Math.Abs(d - near)).Take(3).Order());
}
