using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>Tensors one after the other along a dimension; in all others they agree.</summary>
    /// <exception cref="ArgumentException">None given, or ranks, types or other extents differ.</exception>
    public static Tensor Concat(int axis, params ReadOnlySpan<Tensor> inputs)
    {
        using var range = Ranges.Operation(nameof(Concat));
        if (inputs.Length == 0)
            throw new ArgumentException("Concat needs at least one tensor.");
        Tensor first = inputs[0];
        axis = first.Shape.Axis(axis);
        int extent = 0;
        bool records = false;
        foreach (var input in inputs)
        {
            if (input.DType != first.DType || input.Shape.Rank != first.Shape.Rank
                || input.Shape.With(axis, 1) != first.Shape.With(axis, 1))
                throw new ArgumentException($"Concat along dimension {axis} needs tensors that agree in type and in all other dimensions, "
                    + $"not {first} and {input}.");
            extent = checked(extent + input.Shape[axis]);
            records |= Records(input);
        }
        var y = Tensor.Empty(first.Shape.With(axis, extent), first.DType, first.Device);
        int start = 0;
        foreach (var input in inputs)
        {
            var (part, stretch, count) = Blocks(y.Shape, axis, start, input.Shape[axis]);
            y.Backend.CopyBlocks(input, part, y, stretch, part.Stride, count);
            start += input.Shape[axis];
        }
        if (records)
            y.Node = ConcatNode.Record(inputs, axis);
        return y;
    }

    /// <summary>Copies the stretch of a dimension, from <paramref name="start"/> on, that the part is.</summary>
    static void CopyPart(Tensor whole, Tensor part, int axis, int start, int length)
    {
        var (blocks, stretch, count) = Blocks(whole.Shape, axis, start, length);
        whole.Backend.CopyBlocks(whole, stretch, part, blocks, blocks.Stride, count);
    }

    /// <summary>The blocks of a part of <paramref name="length"/> indices of a dimension, where they lie in the whole, and how many there
    /// are.</summary>
    static (Blocks Part, Blocks Stretch, long Count) Blocks(Shape whole, int axis, int start, int length)
    {
        long inner = whole.Product(axis + 1, whole.Rank);
        return (new(0, length * inner), new(start * inner, whole[axis] * inner), whole.Product(0, axis));
    }

    sealed class ConcatNode : Node<ConcatNode>
    {
        int axis;

        public static ConcatNode Record(ReadOnlySpan<Tensor> inputs, int axis)
        {
            var node = Take(inputs);
            node.axis = axis;
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            int start = 0;
            foreach (var input in Inputs)
            {
                if (input.RequiresGrad)
                {
                    var dx = input.EmptyLike();
                    CopyPart(dy, dx, axis, start, input.Shape[axis]);
                    Send(input, dx);
                }
                start += input.Shape[axis];
            }
        }

        protected override Tensor? Tangent()
        {
            if (!HasTangents)
                return null;
            var tangents = new Tensor[Inputs.Length];
            for (int i = 0; i < tangents.Length; i++)
                tangents[i] = TangentOrZeros(Inputs[i]);
            return Concat(axis, tangents);
        }
    }
}
