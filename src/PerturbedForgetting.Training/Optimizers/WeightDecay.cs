using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Training.Optimizers;

/// <summary>Which parameters weight decay applies to.</summary>
public static class WeightDecay
{
    /// <summary>
    /// Not to tensors of at most one dimension (biases, normalisation weights), to names ending in <c>.bias</c>, and to what the model
    /// itself exempts (position embedding, class token).
    /// </summary>
    public static bool AppliesTo(ParameterSegment segment) =>
        segment.Parameter.Shape.Rank > 1 && !segment.Name.EndsWith(".bias", StringComparison.Ordinal) && !segment.Parameter.IsDecayExempt;
}
