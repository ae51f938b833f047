using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>
    /// Softmax cross entropy, mean over samples of -sum(q * log softmax(logits)) with the target distribution
    /// q = (1 - smoothing) one-hot + smoothing / classes. Forward and gradient take one pass over the logits.
    /// </summary>
    /// <param name="logits">[samples, classes].</param>
    /// <param name="labels">[samples], int32, each in [0, classes).</param>
    /// <param name="smoothing">Label smoothing in [0, 1).</param>
    /// <returns>A scalar.</returns>
    /// <exception cref="ArgumentException">Wrong shapes, or a label that is no class; the message names it.</exception>
    public static Tensor CrossEntropy(Tensor logits, Tensor labels, double smoothing = 0)
    {
        using var range = Ranges.Operation(nameof(CrossEntropy));
        RequireLabels("CrossEntropy", logits, labels);
        RequireSmoothing(smoothing);
        var loss = Tensor.Empty([], logits.DType, logits.Device);
        using var gradient = LossGradient(logits);
        logits.Backend.CrossEntropy(logits, labels, smoothing, loss, gradient);
        if (gradient is not null)
            loss.Node = LossNode.Record(logits, gradient, SoftmaxCurvature, 1.0 / logits.Shape[0]);
        return loss;
    }
}
