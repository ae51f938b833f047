using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Updates;

/// <summary>Which perturbation precedes the gradient.</summary>
public sealed record PerturbationOptions
{
    /// <summary>The loss that the perturbation increases: none for the training loss, else for instance the output-bias-forgetting
    /// loss.</summary>
    public LossFunction? Loss { get; init; }

    /// <summary>Random direction (<c>randsam_</c>) instead of that of <see cref="Direction"/> (<c>sam_</c>).</summary>
    public bool IsRandom { get; init; }

    /// <summary>Where the perturbation goes.</summary>
    public SamDirection Direction { get; init; }

    /// <summary>σ of friendly SAM: share of the average that is taken off the gradient.</summary>
    public double FriendlySigma { get; init; } = 1;

    /// <summary>λ of friendly SAM: what of the average stays from one perturbation to the next.</summary>
    public double FriendlyLambda { get; init; } = 0.9;

    /// <summary>θ of variance suppression: share of the newest gradient in the direction.</summary>
    public double VassoTheta { get; init; } = 0.9;

    /// <summary>Steps, each of a part of the radius, that the weights are moved in; each follows the gradient where the last one
    /// ended.</summary>
    public int Steps { get; init; } = 1;

    /// <summary>Which parameters are moved.</summary>
    public PerturbedParameters Parameters { get; init; }

    /// <summary>What the direction is divided by.</summary>
    public PerturbationNorm Norm { get; init; }

    /// <summary>Which updates are perturbed.</summary>
    public PerturbationPeriod Period { get; init; } = PerturbationPeriod.Always;

    /// <summary>m: samples that share one perturbation; divides the batch. 0 or less: the batch.</summary>
    public int ChunkSize { get; init; } = -1;

    /// <summary>α of GSAM (Zhuang et al., ICLR 2022): weight of the direction's part orthogonal to the gradient; 0 is SAM.</summary>
    public double Alpha { get; init; }

    /// <summary>Share of the gradient at the perturbed weights in that of the update; the rest is the gradient at the weights. 1 is SAM,
    /// and more goes beyond it.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>α of LookSAM: what updates between perturbed ones get of the last one's; 0 for nothing.</summary>
    public double LookAlpha { get; init; }

    /// <summary>GSAM takes the direction after it was normalised (<c>--backup-normalized</c>).</summary>
    public bool IsDirectionNormalized { get; init; }

    /// <summary>ASAM (Kwon et al., ICML 2021): scale by |w|, before or after normalising, or both.</summary>
    public bool IsAdaptive { get; init; }

    /// <summary>Scale the direction by |w| before it is normalised.</summary>
    public bool ScalesBeforeNorm { get; init; }

    /// <summary>Scale the direction by |w| after it is normalised.</summary>
    public bool ScalesAfterNorm { get; init; }

    /// <summary>η of ASAM, which scales by |w| + η.</summary>
    public double Eta { get; init; }

    /// <summary>Which parameters ASAM scales; the others are as in SAM.</summary>
    public AsamParameters ScaledParameters { get; init; }

    /// <summary>Where random directions come from.</summary>
    public IPerturbationNoise Noise { get; init; } = new PhiloxNoise(42);

    /// <summary>The direction, random ones included.</summary>
    internal SamDirection Kind => IsRandom ? SamDirection.Random : Direction;

    /// <summary>Whether ASAM scales by more than |w|.</summary>
    internal bool HasOwnScaling => IsAdaptive && (Eta != 0 || ScaledParameters != AsamParameters.All);

    /// <summary>|w|ᵏ inside the norm.</summary>
    internal Weighting NormWeighting => IsAdaptive && ScalesBeforeNorm ? Weighting.Magnitude : Weighting.None;

    /// <summary>|w|ᵏ of the move.</summary>
    internal Weighting StepWeighting => NormWeighting + (IsAdaptive && ScalesAfterNorm ? 1 : 0);

    /// <summary>|w|ᵏ of the direction that GSAM decomposes.</summary>
    internal Weighting DirectionWeighting => IsDirectionNormalized ? StepWeighting : NormWeighting;

    /// <exception cref="ArgumentException">Options that contradict each other.</exception>
    internal void Validate()
    {
        if (IsAdaptive && !ScalesBeforeNorm && !ScalesAfterNorm)
        {
            throw new ArgumentException($"{TrainOptions.AdaptiveSamOption} needs to know where to scale: "
                + $"add {TrainOptions.AsamBeforeNormOption}, {TrainOptions.AsamAfterNormOption}, or both.");
        }
        if (!IsAdaptive && (ScalesBeforeNorm || ScalesAfterNorm))
        {
            throw new ArgumentException($"{TrainOptions.AsamBeforeNormOption} and {TrainOptions.AsamAfterNormOption} do nothing "
                + $"without {TrainOptions.AdaptiveSamOption}; add it, or remove them.");
        }
        if (!IsAdaptive && (Eta != 0 || ScaledParameters != AsamParameters.All))
        {
            throw new ArgumentException($"{TrainOptions.AsamEtaOption} and {TrainOptions.AsamParamsOption} do nothing "
                + $"without {TrainOptions.AdaptiveSamOption}; add it, or remove them.");
        }
        if (IsRandom && Direction is not (SamDirection.Gradient or SamDirection.Random))
            throw new ArgumentException($"{TrainOptions.SamDirectionOption} belongs to sam_*: the direction of randsam_* is random.");
        if (Steps > 1 && Kind != SamDirection.Gradient)
            throw new ArgumentException($"{TrainOptions.ObfStepsOption} follows the gradient from step to step; use it with sam_* and "
                + $"{TrainOptions.SamDirectionOption} gradient.");
        if (Alpha != 0 && Kind == SamDirection.Momentum)
            throw new ArgumentException($"{TrainOptions.GsamAlphaOption} needs the gradient at the weights, which "
                + $"{TrainOptions.SamDirectionOption} momentum does without.");
        if (Norm == PerturbationNorm.None && Alpha != 0 && IsDirectionNormalized)
            throw new ArgumentException($"{TrainOptions.BackupNormalizedOption} takes the normalised direction, and "
                + $"{TrainOptions.PerturbNormOption} none does not normalise it.");
        if ((Weight != 1 || LookAlpha != 0) && (Loss is not null || Kind is SamDirection.Random or SamDirection.Momentum || Alpha != 0))
            throw new ArgumentException($"{TrainOptions.SamWeightOption} and {TrainOptions.LooksamAlphaOption} need the gradient of the "
                + $"training loss at the weights, and leave no room for {TrainOptions.GsamAlphaOption}.");
        Require(TrainOptions.SamWeightOption, Weight, double.PositiveInfinity);
        Require(TrainOptions.LooksamAlphaOption, LookAlpha, double.PositiveInfinity);
        Require(TrainOptions.GsamAlphaOption, Alpha, double.PositiveInfinity);
        Require(TrainOptions.AsamEtaOption, Eta, double.PositiveInfinity);
        Require(TrainOptions.FriendlySigmaOption, FriendlySigma, double.PositiveInfinity);
        Require(TrainOptions.FriendlyLambdaOption, FriendlyLambda, 1);
        Require(TrainOptions.VassoThetaOption, VassoTheta, 1);
        if (Steps < 1)
            throw new ArgumentException($"{TrainOptions.ObfStepsOption} is {Steps}; it must be 1 or more.");
        if (Period.Interval < 1)
            throw new ArgumentException($"{TrainOptions.SamEveryOption} is {Period.Interval}; it must be 1 or more.");
    }

    static void Require(OptionSpec option, double value, double most)
    {
        if (!double.IsFinite(value) || value < 0 || value > most)
            throw new ArgumentException(FormattableString.Invariant($"{option} is {value}; it must be 0 ")
                + (double.IsFinite(most) ? FormattableString.Invariant($"to {most}.") : "or more."));
    }
}
