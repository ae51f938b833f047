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
            y.Node = new MulNode(a, b);
        return y;
    }

    /// <summary>factor * x.</summary>
    public static Tensor Scale(Tensor x, double factor)
    {
        using var range = Ranges.Operation(nameof(Scale));
        var y = x.EmptyLike();
        x.Device.Backend.Scale(x, factor, y);
        if (Records(x))
            y.Node = new ScaleNode(x, factor);
        return y;
    }

    sealed class MulNode : Node
    {
        readonly Tensor[] inputs;

        public MulNode(Tensor a, Tensor b) => inputs = [Save(a), Save(b)];

        public override ReadOnlySpan<Tensor> Inputs => inputs;

        protected override void Backward(Tensor dy)
        {
            SendProduct(dy, inputs[1], inputs[0]);
            SendProduct(dy, inputs[0], inputs[1]);
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

    sealed class ScaleNode(Tensor x, double factor) : Node
    {
        readonly Tensor[] inputs = [x];

        public override ReadOnlySpan<Tensor> Inputs => inputs;

        protected override void Backward(Tensor dy)
        {
            var dx = dy.EmptyLike();
            dy.Device.Backend.Scale(dy, factor, dx);
            Send(inputs[0], dx);
        }
    }
}
