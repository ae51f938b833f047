using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>
    /// The matrix product of the last two dimensions, either of them transposed before. Leading dimensions are those of
    /// <paramref name="a"/>; <paramref name="b"/> has the same, or is one matrix that all share.
    /// </summary>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static Tensor MatMul(Tensor a, Tensor b, bool transposeA = false, bool transposeB = false)
    {
        using var range = Ranges.Operation(nameof(MatMul));
        bool shared = b.Shape.Rank == 2;
        if (a.DType != b.DType || a.Shape.Rank < 2 || (shared ? 2 : a.Shape.Rank) != b.Shape.Rank
            || (!shared && !SameLeading(a.Shape, b.Shape))
            || a.Shape[transposeA ? -2 : -1] != b.Shape[transposeB ? -1 : -2])
            throw new ArgumentException(
            $"MatMul cannot multiply {a}{(transposeA ? " transposed" : "")} by {b}{(transposeB ? " transposed" : "")}.");
        var shape = a.Shape.With(-2, a.Shape[transposeA ? -1 : -2]).With(-1, b.Shape[transposeB ? -2 : -1]);
        var y = Tensor.Empty(shape, a.DType, a.Device);
        // With one b for all and no transposition of a, the rows of all matrices are those of one.
        bool folded = shared && !transposeA;
        a.Backend.MatMul(folded ? Rows(a) : a, transposeA, b, transposeB, folded ? Rows(y) : y, false);
        if (Records(a, b))
            y.Node = MatMulNode.Record(a, b, transposeA, transposeB, folded);
        return y;
    }

    static bool SameLeading(Shape a, Shape b)
    {
        for (int i = 0; i < a.Rank - 2; i++)
            if (a[i] != b[i])
                return false;
        return true;
    }

    /// <summary>A view in which all leading dimensions are one.</summary>
    static Tensor Rows(Tensor x) => x.Shape.Rank == 2
        ? x
        : x.View([Shape.Extent(x.Shape.Product(0, x.Shape.Rank - 1), "rows of a matrix"), x.Shape[-1]]);

    sealed class MatMulNode : Node<MatMulNode>
    {
        bool transposeA, transposeB, folded;

        public static MatMulNode Record(Tensor a, Tensor b, bool transposeA, bool transposeB, bool folded)
        {
            var node = Take(a, b);
            (node.transposeA, node.transposeB, node.folded) = (transposeA, transposeB, folded);
            if (b.RequiresGrad)
                node.Save(a);
            if (a.RequiresGrad)
                node.Save(b);
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            SendLeft(dy, Inputs[1]);
            SendRight(dy, Inputs[0]);
        }

        void SendLeft(Tensor dy, Tensor b)
        {
            if (Target(Inputs[0], out bool accumulate) is not { } da)
                return;
            if (folded)
                dy = Rows(dy);
            if (transposeA)
                dy.Backend.MatMul(b, transposeB, dy, true, da, accumulate);
            else
                dy.Backend.MatMul(dy, false, b, !transposeB, folded ? Rows(da) : da, accumulate);
            Deliver(Inputs[0], da);
        }

        void SendRight(Tensor dy, Tensor a)
        {
            if (Target(Inputs[1], out bool accumulate) is not { } db)
                return;
            if (folded)
                dy = Rows(dy);
            if (transposeA && db.Shape.Rank < a.Shape.Rank)
                SumProducts(a, dy, db, accumulate);
            else
                Product(folded ? Rows(a) : a, dy, db, accumulate);
            Deliver(Inputs[1], db);
        }

        protected override bool IsCurved => true;

        protected override Tensor? Tangent()
        {
            if (!HasTangents)
                return null;
            var y = Output!.EmptyLike();
            bool accumulate = false;
            if (TangentOf(Inputs[0]) is { } a)
            {
                Multiply(a, Inputs[1]);
                accumulate = true;
            }
            if (TangentOf(Inputs[1]) is { } b)
                Multiply(Inputs[0], b);
            return y;

            void Multiply(Tensor left, Tensor right) => y.Backend.MatMul(folded ? Rows(left) : left, transposeA, right, transposeB,
                folded ? Rows(y) : y, accumulate);
        }

        protected override void Curve(Tensor dy)
        {
            if (TangentOf(Inputs[1]) is { } b)
                SendLeft(dy, b);
            if (TangentOf(Inputs[0]) is { } a)
                SendRight(dy, a);
        }

        void Product(Tensor a, Tensor dy, Tensor db, bool accumulate)
        {
            if (transposeB)
                dy.Backend.MatMul(dy, true, a, transposeA, db, accumulate);
            else
                dy.Backend.MatMul(a, !transposeA, dy, false, db, accumulate);
        }

        void SumProducts(Tensor a, Tensor dy, Tensor db, bool accumulate)
        {
            Shape left = [a.Shape[-2], a.Shape[-1]], right = [dy.Shape[-2], dy.Shape[-1]];
            for (long i = 0; i < dy.Shape.Product(0, dy.Shape.Rank - 2); i++)
                Product(a.View(left, i * left.Count), dy.View(right, i * right.Count), db, accumulate || i > 0);
        }
    }
}
