using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>max(x, 0), elementwise. The derivative at 0 is 0.</summary>
    public static Tensor Relu(Tensor x) => Map(Unary.Relu, x);

    /// <summary>1 / (1 + exp(-x)), elementwise.</summary>
    public static Tensor Sigmoid(Tensor x) => Map(Unary.Sigmoid, x);

    /// <summary>
    /// x * cdf(x), elementwise, with the cdf of the normal distribution: the exact (erf) form of Hendrycks and Gimpel,
    /// arXiv 1606.08415.
    /// </summary>
    public static Tensor Gelu(Tensor x) => Map(Unary.Gelu, x);

    static Tensor Map(Unary f, Tensor x, double parameter = 0)
    {
        using var range = Ranges.Operation(f.Name);
        var y = x.EmptyLike();
        x.Backend.Map(f, x, y, parameter);
        if (Records(x))
            y.Node = UnaryNode.Record(f, x, parameter, y);
        return y;
    }

    /// <summary>Any elementwise operation of one tensor: its row says what is saved and what the backward pass computes.</summary>
    sealed class UnaryNode : Node<UnaryNode>
    {
        Unary f = null!;
        double parameter;

        public static UnaryNode Record(Unary f, Tensor x, double parameter, Tensor y)
        {
            var node = Take(x);
            (node.f, node.parameter) = (f, parameter);
            if (f.Saves != Saved.Nothing)
                node.Save(f.Saves == Saved.Input ? x : y);
            return node;
        }

        protected override string Label => f.BackwardName;

        protected override void Backward(Tensor dy)
        {
            var dx = dy.EmptyLike();
            if (f.Saves == Saved.Nothing)
                dy.Backend.Map(f, dy, dx, parameter);
            else
                dy.Backend.Map(f.Backward, dy, f.Saves == Saved.Input ? Inputs[0] : Output!, dx);
            Send(Inputs[0], dx);
        }

        protected override bool IsCurved => f.Second is not null;

        protected override Tensor? Tangent()
        {
            if (TangentOf(Inputs[0]) is not { } x)
                return null;
            var y = x.EmptyLike();
            if (f.Saves == Saved.Nothing)
                x.Backend.Map(f, x, y, parameter);
            else
                x.Backend.Map(f.Backward, x, f.Saves == Saved.Input ? Inputs[0] : Output!, y);
            return y;
        }

        protected override void Curve(Tensor dy)
        {
            if (TangentOf(Inputs[0]) is not { } x)
                return;
            var dx = dy.EmptyLike();
            dy.Backend.Map(Binary.Mul, dy, x, dx);
            dy.Backend.Map(f.Second!, dx, f.Saves == Saved.Input ? Inputs[0] : Output!, dx);
            Send(Inputs[0], dx);
        }
    }
}
