using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>
    /// The output-bias-forgetting objective, which a perturbation maximises (Vani et al., ICML 2024, arXiv 2406.06700): the mean over
    /// samples of sum(x * (1/classes - (alpha p + (1 - alpha) one-hot))) with p and
    /// alpha = gamma (C - 1/max(p_label, 1/C)) / (C - 1) taken as constants. Only its gradient has a meaning: that of
    /// (1 - alpha) CE(p, label) - CE(p, uniform).
    /// </summary>
    /// <param name="logits">[samples, classes].</param>
    /// <param name="labels">[samples], int32, each in [0, classes).</param>
    /// <param name="c">C = 1 / lambda, above 1; negative means lambda = 0, so that alpha = gamma.</param>
    /// <param name="gamma">Largest share of the model's own prediction in the target, in [0, 1].</param>
    /// <param name="sigmoid">Whether p is the sigmoid of the logits, as in the reference's training, or their softmax.</param>
    /// <returns>A scalar.</returns>
    /// <exception cref="ArgumentException">Wrong shapes, C or gamma, or a label that is no class; the message names it.</exception>
    public static Tensor OutputBiasForget(Tensor logits, Tensor labels, double c, double gamma, bool sigmoid = true)
    {
        using var range = Ranges.Operation(nameof(OutputBiasForget));
        if (!(c < 0 || c > 1) || !double.IsFinite(c))
        {
            throw new ArgumentOutOfRangeException(nameof(c),
                $"C of output-bias forgetting (`{nameof(c)}`) is above 1, or negative for lambda = 0; it is {c}.");
        }
        if (!(gamma >= 0 && gamma <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(gamma),
                $"gamma of output-bias forgetting (`{nameof(gamma)}`) lies in [0, 1]; it is {gamma}.");
        }
        RequireLabels("OutputBiasForget", logits, labels);
        var loss = Tensor.Empty([], logits.DType, logits.Device);
        using var gradient = LossGradient(logits);
        logits.Backend.OutputBiasForget(logits, labels, c, gamma, sigmoid, loss, gradient);
        if (gradient is not null)
            loss.Node = LossNode.Record(logits, gradient);
        return loss;
    }
}
