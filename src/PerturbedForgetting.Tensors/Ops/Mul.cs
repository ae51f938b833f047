using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>a * b, elementwise, for two tensors of one shape.</summary>
    /// <exception cref="ArgumentException">Shapes or types differ.</exception>
    public static Tensor Mul(Tensor a, Tensor b)
    {
        using var range = Ranges.Operation(nameof(Mul));
        RequireSame("Mul", a, b);
        var y = a.EmptyLike();
        a.Device.Backend.Mul(a, b, y);
        if (Records(a, b))
            y.Node = MulNode.Record(a, b);
        return y;
    }

    /// <summary>factor * x.</summary>
    public static Tensor Scale(Tensor x, double factor)
    {
        using var range = Ranges.Operation(nameof(Scale));
        var y = x.EmptyLike();
        x.Device.Backend.Scale(x, factor, y);
        if (Records(x))
            y.Node = ScaleNode.Record(x, factor);
        return y;
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

        static void SendProduct(Tensor dy, Tensor factor, Tensor input)
        {
            if (!input.RequiresGrad)
                return;
            var dx = dy.EmptyLike();
            dy.Device.Backend.Mul(dy, factor, dx);
            Send(input, dx);
        }
    }

    sealed class ScaleNode : Node<ScaleNode>
    {
        double factor;

        public static ScaleNode Record(Tensor x, double factor)
        {
            var node = Take(x);
            node.factor = factor;
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            var dx = dy.EmptyLike();
            dy.Device.Backend.Scale(dy, factor, dx);
            Send(Inputs[0], dx);
        }
    }
}
