using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

/// <summary>How the elementwise binary losses [samples, classes] become one number: a single word reduces over all elements, of two the
/// first over classes and the second over samples.</summary>
public enum LossReduction
{
    /// <summary>Mean over all elements.</summary>
    Mean,
    /// <summary>Sum over all elements.</summary>
    Sum,
    /// <summary>Sum over classes, mean over samples: the reference's default.</summary>
    SumMean,
    /// <summary>Mean over classes, then over samples.</summary>
    MeanMean,
    /// <summary>Mean over classes, sum over samples.</summary>
    MeanSum,
    /// <summary>Sum over classes, then over samples.</summary>
    SumSum,
}

public static partial class Ops
{
    /// <summary>
    /// Binary (logistic) cross entropy of every logit against its target, reduced to a scalar. Forward and gradient take one pass
    /// over the logits.
    /// </summary>
    /// <param name="logits">[samples, classes].</param>
    /// <param name="target">Int32 labels [samples], one-hot and smoothed as in <see cref="CrossEntropy"/>; or targets of the logits'
    /// shape and type, used unchanged, without smoothing.</param>
    /// <param name="smoothing">Label smoothing in [0, 1).</param>
    /// <param name="reduction">How to reduce.</param>
    /// <returns>A scalar.</returns>
    /// <exception cref="ArgumentException">Wrong shapes, or a label that is no class; the message names it.</exception>
    public static Tensor BinaryCrossEntropy(Tensor logits, Tensor target, double smoothing = 0,
        LossReduction reduction = LossReduction.SumMean)
    {
        using var range = Ranges.Operation(nameof(BinaryCrossEntropy));
        RequireSmoothing(smoothing);
        if (target.DType == DType.Int32)
            RequireLabels("BinaryCrossEntropy", logits, target);
        else
        {
            RequireLogits("BinaryCrossEntropy", logits);
            RequireSame("BinaryCrossEntropy", logits, target);
        }
        double samples = logits.Shape[0], classes = logits.Shape[1];
        double factor = reduction switch
        {
            LossReduction.Mean or LossReduction.MeanMean => 1 / (samples * classes),
            LossReduction.SumMean => 1 / samples,
            LossReduction.MeanSum => 1 / classes,
            _ => 1,
        };
        var loss = Tensor.Empty([], logits.DType, logits.Device);
        using var gradient = LossGradient(logits);
        logits.Backend.BinaryCrossEntropy(logits, target, smoothing, factor, loss, gradient);
        if (gradient is not null)
            loss.Node = LossNode.Record(logits, gradient, SigmoidCurvature, factor);
        return loss;
    }
}
