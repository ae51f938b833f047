using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Updates;

/// <summary>Which perturbation precedes the gradient.</summary>
public sealed record PerturbationOptions
{
    /// <summary>The loss that the perturbation increases: none for the training loss, else for instance the output-bias-forgetting
    /// loss.</summary>
    public LossFunction? Loss { get; init; }

    /// <summary>Random direction (<c>randsam_</c>) instead of the loss's gradient (<c>sam_</c>).</summary>
    public bool IsRandom { get; init; }

    /// <summary>m: samples that share one perturbation; divides the batch. 0 or less: the batch.</summary>
    public int ChunkSize { get; init; } = -1;

    /// <summary>α of GSAM (Zhuang et al., ICLR 2022): weight of the direction's part orthogonal to the gradient; 0 is SAM.</summary>
    public double Alpha { get; init; }

    /// <summary>GSAM takes the direction after it was normalised (<c>--backup-normalized</c>).</summary>
    public bool IsDirectionNormalized { get; init; }

    /// <summary>ASAM (Kwon et al., ICML 2021): scale by |w|, before or after normalising, or both.</summary>
    public bool IsAdaptive { get; init; }

    /// <summary>Scale the direction by |w| before it is normalised.</summary>
    public bool ScalesBeforeNorm { get; init; }

    /// <summary>Scale the direction by |w| after it is normalised.</summary>
    public bool ScalesAfterNorm { get; init; }

    /// <summary>Where random directions come from.</summary>
    public IPerturbationNoise Noise { get; init; } = new PhiloxNoise(42);

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
        if (!double.IsFinite(Alpha) || Alpha < 0)
            throw new ArgumentException(FormattableString.Invariant($"{TrainOptions.GsamAlphaOption} is {Alpha}; it must be 0 or more."));
    }
}
