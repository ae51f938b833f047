using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Backends;

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

    /// <summary>y = the second derivative of a loss, applied to the tangent of its logits, but for a factor.</summary>
    delegate void LossCurvature(Tensor logits, Tensor tangent, Tensor y);

    /// <summary>Of the softmax cross entropy of each row: whatever the target distribution, diag(p) - p pᵀ.</summary>
    static void SoftmaxCurvature(Tensor logits, Tensor tangent, Tensor y) => y.Backend.SoftmaxBackward(tangent, Softmax(logits), y);

    /// <summary>Of the logistic loss of each element: whatever the target, p (1 - p).</summary>
    static void SigmoidCurvature(Tensor logits, Tensor tangent, Tensor y) =>
        y.Backend.Map(Unary.Sigmoid.Backward, tangent, Sigmoid(logits), y);

    /// <summary>A loss whose forward pass has already computed the gradient: the backward pass scales it.</summary>
    sealed class LossNode : Node<LossNode>
    {
        Tensor gradient = null!;
        LossCurvature? curvature;
        double factor;

        /// <param name="logits">What the loss is of.</param>
        /// <param name="gradient">The derivative by them.</param>
        /// <param name="curvature">The second one; none where the gradient is not the derivative of the loss.</param>
        /// <param name="factor">A number for the curvature.</param>
        public static LossNode Record(Tensor logits, Tensor gradient, LossCurvature? curvature = null, double factor = 1)
        {
            var node = Take(logits);
            node.gradient = node.Save(gradient);
            (node.curvature, node.factor) = (curvature, factor);
            if (GradMode.IsSecondOrder)
                node.Save(logits);
            return node;
        }

        public override bool StartsFromOne => true;

        protected override void BackwardFromOne() => Send(Inputs[0], gradient);

        protected override void Backward(Tensor dy)
        {
            // Nobody else sees the gradient, and a backward pass runs once: in place, but where its tangents come afterwards.
            var scaled = IsInTangents ? gradient.EmptyLike() : gradient;
            dy.Backend.ScaleBy(gradient, dy, scaled);
            Send(Inputs[0], scaled);
        }

        protected override bool IsCurved => true;

        protected override Tensor? Tangent() =>
            TangentOf(Inputs[0]) is { } logits ? Ops.Sum(Mul(gradient, logits)) : null;

        protected override void Curve(Tensor dy)
        {
            if (TangentOf(Inputs[0]) is not { } tangent)
                return;
            if (curvature is null)
                throw new NotSupportedException("The gradient of this loss is none of a function, so that it has no Hessian.");
            if (Held.Count < 2)
                throw NeedsSecondOrder("The loss");
            var change = tangent.EmptyLike();
            curvature(Inputs[0], tangent, change);
            dy.Backend.Map(Unary.Scale, change, change, factor);
            dy.Backend.ScaleBy(change, dy, change);
            Send(Inputs[0], change);
        }
    }
}
