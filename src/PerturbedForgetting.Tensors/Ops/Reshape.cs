using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>The same elements in another shape; a view, nothing is copied.</summary>
    /// <exception cref="ArgumentException">The number of elements differs.</exception>
    public static Tensor Reshape(Tensor x, Shape shape)
    {
        using var range = Ranges.Operation(nameof(Reshape));
        if (shape.Count != x.Count)
            throw new ArgumentException($"{x.Shape} has {x.Count} elements and cannot become {shape} with {shape.Count}.");
        var y = x.View(shape);
        if (Records(x))
            y.Node = ReshapeNode.Take(x);
        return y;
    }

    sealed class ReshapeNode : Node<ReshapeNode>
    {
        protected override void Backward(Tensor dy) => Send(Inputs[0], dy.View(Inputs[0].Shape));

        protected override Tensor? Tangent() => TangentOf(Inputs[0])?.View(Output!.Shape);
    }
}
