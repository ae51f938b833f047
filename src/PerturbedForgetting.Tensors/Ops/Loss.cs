using PerturbedForgetting.Tensors.Autograd;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    static void RequireLogits(string operation, Tensor logits)
    {
        if (logits.Shape.Rank != 2 || !logits.DType.IsFloating() || logits.Count == 0)
            throw new ArgumentException(
                $"{operation} needs logits [samples, classes] of a floating type with at least one sample and class, not {logits}.");
    }

    /// <summary>Refuses labels that a kernel must not see.</summary>
    static void RequireLabels(string operation, Tensor logits, Tensor labels)
    {
        RequireLogits(operation, logits);
        if (labels.DType != DType.Int32 || labels.Shape.Rank != 1 || labels.Shape[0] != logits.Shape[0])
            throw new ArgumentException(
                $"{operation} needs one Int32 label a sample, [{logits.Shape[0]}] for logits {logits.Shape}, not {labels}.");
        int classes = logits.Shape[1];
        if (labels.KnownBelow > 0 && labels.KnownBelow <= classes)
            return;
        long wrong = labels.Backend.FirstOutOfRange(labels, classes);
        if (wrong >= 0)
            throw new ArgumentException($"{operation}: {DescribeLabel(labels.ToArray<int>()[wrong], wrong, classes)}");
    }

    /// <summary>What is wrong with a label that is no class, and what to do.</summary>
    internal static string DescribeLabel(int label, long sample, int classes) =>
        $"label {label} of sample {sample} is not one of the {classes} classes 0 to {classes - 1} of the logits. "
        + "Check the labels, or the model's number of classes (`numClasses`)."
        + (label == classes ? " If labels count from 1, subtract 1." : "");

    static void RequireSmoothing(double smoothing)
    {
        if (!(smoothing >= 0 && smoothing < 1))
            throw new ArgumentOutOfRangeException(nameof(smoothing), $"Label smoothing lies in [0, 1), not {smoothing}.");
    }

    /// <summary>Where a loss puts its gradient; none where nobody wants it.</summary>
    static Tensor? LossGradient(Tensor logits) => Records(logits) ? Tensor.Hidden(logits.Shape, logits.DType, logits.Device) : null;

    /// <summary>A loss whose forward pass has already computed the gradient: the backward pass scales it.</summary>
    sealed class LossNode : Node<LossNode>
    {
        Tensor gradient = null!;

        public static LossNode Record(Tensor logits, Tensor gradient)
        {
            var node = Take(logits);
            node.gradient = node.Save(gradient);
            return node;
        }

        public override bool StartsFromOne => true;

        protected override void BackwardFromOne() => Send(Inputs[0], gradient);

        protected override void Backward(Tensor dy)
        {
            // Nobody else sees the gradient, and a backward pass runs once: in place.
            dy.Backend.ScaleBy(gradient, dy, gradient);
            Send(Inputs[0], gradient);
        }
    }
}
