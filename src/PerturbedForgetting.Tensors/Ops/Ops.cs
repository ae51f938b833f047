using PerturbedForgetting.Tensors.Autograd;

namespace PerturbedForgetting.Tensors;

/// <summary>
/// The differentiable operations, one file a family. Each checks its arguments, runs the forward pass on the tensors' device and,
/// while <see cref="GradMode.Enabled"/> holds and an input leads to a parameter, records what the backward pass needs.
/// </summary>
public static partial class Ops
{
    /// <summary>Whether an operation on these inputs must be recorded.</summary>
    static bool Records(Tensor a) => GradMode.Enabled && a.RequiresGrad;

    static bool Records(Tensor a, Tensor? b) => GradMode.Enabled && (a.RequiresGrad || b is { RequiresGrad: true });

    static bool Records(Tensor a, Tensor? b, Tensor? c) =>
        GradMode.Enabled && (a.RequiresGrad || b is { RequiresGrad: true } || c is { RequiresGrad: true });

    /// <summary>Whether a weight is so large beside a batch that adding to its gradient costs more than joining two batches, whose products
    /// are then added up before they are written.</summary>
    static bool IsLarge(Tensor weight, Tensor x, Tensor dy) => weight.Count > 2 * (x.Count + dy.Count);

    static InvalidOperationException NeedsSecondOrder(string operation) => new(
        $"{operation} was recorded for gradients only. Compute the loss while {nameof(GradMode)}.{nameof(GradMode.SecondOrder)} holds.");

    static void RequireSame(string operation, Tensor a, Tensor b)
    {
        if (a.Shape != b.Shape || a.DType != b.DType)
            throw new ArgumentException($"{operation} needs two tensors of one shape and type, not {a} and {b}.");
    }
}
