using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>a + b, elementwise, for two tensors of one shape.</summary>
    /// <exception cref="ArgumentException">Shapes or types differ; see <see cref="AddBroadcast"/>.</exception>
    public static Tensor Add(Tensor a, Tensor b)
    {
        using var range = Ranges.Operation(nameof(Add));
        var y = Map(nameof(Add), Binary.Add, a, b);
        if (Records(a, b))
            y.Node = AddNode.Take(a, b);
        return y;
    }

    /// <summary>a - b, elementwise, for two tensors of one shape.</summary>
    /// <exception cref="ArgumentException">Shapes or types differ.</exception>
    public static Tensor Sub(Tensor a, Tensor b)
    {
        using var range = Ranges.Operation(nameof(Sub));
        var y = Map(nameof(Sub), Binary.Sub, a, b);
        if (Records(a, b))
            y.Node = SubNode.Take(a, b);
        return y;
    }

    /// <summary>a * b, elementwise, for two tensors of one shape.</summary>
    /// <exception cref="ArgumentException">Shapes or types differ.</exception>
    public static Tensor Mul(Tensor a, Tensor b)
    {
        using var range = Ranges.Operation(nameof(Mul));
        var y = Map(nameof(Mul), Binary.Mul, a, b);
        if (Records(a, b))
            y.Node = MulNode.Record(a, b);
        return y;
    }

    /// <summary>factor * x.</summary>
    public static Tensor Scale(Tensor x, double factor) => Map(Unary.Scale, x, factor);

    static Tensor Map(string operation, Binary f, Tensor a, Tensor b)
    {
        RequireSame(operation, a, b);
        var y = a.EmptyLike();
        a.Backend.Map(f, a, b, y);
        return y;
    }

    sealed class AddNode : Node<AddNode>
    {
        protected override void Backward(Tensor dy)
        {
            Send(Inputs[0], dy);
            Send(Inputs[1], dy);
        }

        protected override Tensor? Tangent() => Sum(TangentOf(Inputs[0]), TangentOf(Inputs[1]));
    }

    sealed class SubNode : Node<SubNode>
    {
        protected override void Backward(Tensor dy)
        {
            Send(Inputs[0], dy);
            if (!Inputs[1].RequiresGrad)
                return;
            var db = dy.EmptyLike();
            dy.Backend.Map(Unary.Scale, dy, db, -1);
            Send(Inputs[1], db);
        }

        protected override Tensor? Tangent() =>
            Sum(TangentOf(Inputs[0]), TangentOf(Inputs[1]) is { } b ? Scale(b, -1) : null);
    }

    sealed class MulNode : Node<MulNode>
    {
        public static MulNode Record(Tensor a, Tensor b)
        {
            var node = Take(a, b);
            node.Save(a);
            node.Save(b);
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            SendProduct(dy, Inputs[1], Inputs[0]);
            SendProduct(dy, Inputs[0], Inputs[1]);
        }

        protected override bool IsCurved => true;

        protected override Tensor? Tangent() => Sum(Product(TangentOf(Inputs[0]), Inputs[1]), Product(TangentOf(Inputs[1]), Inputs[0]));

        protected override void Curve(Tensor dy)
        {
            SendProduct(dy, TangentOf(Inputs[1]), Inputs[0]);
            SendProduct(dy, TangentOf(Inputs[0]), Inputs[1]);
        }

        static Tensor? Product(Tensor? tangent, Tensor factor) => tangent is null ? null : Mul(tangent, factor);

        static void SendProduct(Tensor dy, Tensor? factor, Tensor input)
        {
            if (factor is null || !input.RequiresGrad)
                return;
            var dx = dy.EmptyLike();
            dy.Backend.Map(Binary.Mul, dy, factor, dx);
            Send(input, dx);
        }
    }
}
