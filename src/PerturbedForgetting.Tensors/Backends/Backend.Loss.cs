namespace PerturbedForgetting.Tensors.Backends;

/// <remarks>
/// Losses reduce logits [samples, classes] to one element and, where a gradient is asked for, write the derivative of the loss by
/// the logits in the same pass. Labels are int32, already checked.
/// </remarks>
abstract partial class Backend
{
    /// <summary>Index of the first label outside [0, classes), or -1.</summary>
    public abstract long FirstOutOfRange(Tensor labels, int classes);

    /// <summary>Mean over samples of -sum(q * log softmax(logits)), q = (1 - smoothing) one-hot + smoothing / classes.</summary>
    public abstract void CrossEntropy(Tensor logits, Tensor labels, double smoothing, Tensor loss, Tensor? gradient);

    /// <summary>
    /// factor * the sum over all elements of max(x, 0) - x t + log(1 + exp(-|x|)). The target t is dense, of the logits' shape and
    /// type, or made from int32 labels as in <see cref="CrossEntropy"/>.
    /// </summary>
    public abstract void BinaryCrossEntropy(Tensor logits, Tensor target, double smoothing, double factor, Tensor loss, Tensor? gradient);

    /// <summary>
    /// Mean over samples of sum(x * (1/classes - (alpha p + (1 - alpha) one-hot))), p = sigmoid or softmax of x,
    /// alpha = gamma (C - 1/max(p_label, 1/C)) / (C - 1), or gamma for negative C; the gradient takes p and alpha as constants.
    /// </summary>
    public abstract void OutputBiasForget(Tensor logits, Tensor labels, double c, double gamma, bool sigmoid, Tensor loss,
        Tensor? gradient);
}
