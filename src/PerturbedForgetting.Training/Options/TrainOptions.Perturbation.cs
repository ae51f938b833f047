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
            .NotedWhen(o => !o.Opt.Perturbs && o.PerturbLoss != PerturbLoss.Maximize, DoesNotPerturb);

    /// <summary>Perturbation radius rho; the largest one with <see cref="RhoPolicyKind.LrProportional"/>.</summary>
    public double Rho { get => RhoOption[this]; set => RhoOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> RhoOption =
        PerturbationTopic.Option("rho", 0.6, "radius of the perturbation").NotNegative();

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

    /// <summary>GSAM's alpha; 0 makes no decomposition.</summary>
    public double GsamAlpha { get => GsamAlphaOption[this]; set => GsamAlphaOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> GsamAlphaOption =
        PerturbationTopic.Option("gsam-alpha", 0.0, "GSAM: weight of the orthogonal part; 0: off").NotNegative()
            .NotedWhen(o => !o.Opt.Perturbs && o.GsamAlpha != 0, DoesNotPerturb);

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

    static string DoesNotPerturb(TrainOptions o) => $"has no effect with --opt {o.Opt}, which does not perturb; use sam_{o.Opt}.";

    static string Divisors(int batch, int near) =>
        string.Join(", ", Enumerable.Range(1, (int)Math.Sqrt(batch)).Where(d => batch % d == 0).SelectMany(d => new[] { d, batch / d })
            .Distinct().OrderBy(d => Math.Abs(d - near)).Take(3).Order());
}
