using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>2-d convolution (cross-correlation, as in PyTorch).</summary>
    /// <param name="x">[N, H, W, C].</param>
    /// <param name="weight">[O, kh, kw, C / groups].</param>
    /// <param name="bias">[O], or none.</param>
    /// <param name="stride">Input pixels between output pixels; 1 where none is given.</param>
    /// <param name="padding">Zeros on every side.</param>
    /// <param name="dilation">Input pixels between taps; 1 where none is given.</param>
    /// <param name="groups">Equal groups of channels that do not see each other.</param>
    /// <returns>[N, OH, OW, O].</returns>
    /// <exception cref="ArgumentException">The shapes do not fit, or the kernel is larger than the padded input.</exception>
    public static Tensor Conv2d(Tensor x, Tensor weight, Tensor? bias = null, Size2d? stride = null, Size2d padding = default,
        Size2d? dilation = null, int groups = 1)
    {
        using var range = Ranges.Operation(nameof(Conv2d));
        var geometry = new Conv2dGeometry(stride ?? 1, padding, dilation ?? 1, groups);
        var y = Tensor.Empty(Conv2dOutput(x, weight, geometry), x.DType, x.Device);
        RequireVector(nameof(Conv2d), "bias", bias, weight.Shape[0], weight);
        x.Backend.Conv2d(x, weight, bias, geometry, y);
        if (Records(x, weight, bias))
            y.Node = Conv2dNode.Record(x, weight, bias, geometry);
        return y;
    }

    static Shape Conv2dOutput(Tensor x, Tensor weight, in Conv2dGeometry g)
    {
        if (g.Stride.H < 1 || g.Stride.W < 1 || g.Dilation.H < 1 || g.Dilation.W < 1 || g.Padding.H < 0 || g.Padding.W < 0 || g.Groups < 1)
            throw new ArgumentException($"Conv2d needs stride, dilation and groups of 1 at least and padding of 0 at least, not {g}.");
        if (x.Shape.Rank != 4 || weight.Shape.Rank != 4 || x.DType != weight.DType || weight.Shape[3] * g.Groups != x.Shape[3]
            || weight.Shape[0] % g.Groups != 0)
            throw new ArgumentException($"Conv2d with {g.Groups} group(s) needs x [N, H, W, C] and weight [O, kh, kw, C / groups] of one "
                + $"type, O divisible by the groups, not {x} and {weight}.");
        int height = Extent(x.Shape[1], weight.Shape[1], g.Stride.H, g.Padding.H, g.Dilation.H);
        int width = Extent(x.Shape[2], weight.Shape[2], g.Stride.W, g.Padding.W, g.Dilation.W);
        if (height < 1 || width < 1)
            throw new ArgumentException($"The kernel {weight.Shape} with dilation {g.Dilation} is larger than the input {x.Shape} with "
                + $"padding {g.Padding}; use a larger image or more padding.");
        return [x.Shape[0], height, width, weight.Shape[0]];

        static int Extent(int input, int kernel, int stride, int padding, int dilation)
        {
            int room = input + (2 * padding) - (dilation * (kernel - 1)) - 1;
            return room < 0 ? 0 : (room / stride) + 1;
        }
    }

    sealed class Conv2dNode : Node<Conv2dNode>
    {
        Conv2dGeometry geometry;

        public static Conv2dNode Record(Tensor x, Tensor weight, Tensor? bias, in Conv2dGeometry geometry)
        {
            var node = Take(x, weight, bias);
            node.geometry = geometry;
            if (weight.RequiresGrad)
                node.Save(x);
            if (x.RequiresGrad)
                node.Save(weight);
            return node;
        }

        Tensor? Bias => Inputs.Length > 2 ? Inputs[2] : null;

        protected override void Backward(Tensor dy)
        {
            SendInput(dy);
            SendWeight(dy, Inputs[0]);
            SendLeadingSum(Bias, dy);
        }

        void SendInput(Tensor dy)
        {
            if (Target(Inputs[0], out bool accumulate) is not { } dx)
                return;
            dy.Backend.Conv2dBackwardInput(dy, Inputs[1], geometry, dx, accumulate);
            Deliver(Inputs[0], dx);
        }

        void SendWeight(Tensor dy, Tensor x)
        {
            if (Target(Inputs[1], out bool accumulate) is not { } dweight)
                return;
            dy.Backend.Conv2dBackwardWeight(x, dy, geometry, dweight, accumulate);
            Deliver(Inputs[1], dweight);
        }

        protected override bool IsCurved => true;

        protected override Tensor? Tangent()
        {
            if (!HasTangents)
                return null;
            Tensor? x = TangentOf(Inputs[0]), weight = TangentOf(Inputs[1]), bias = TangentOf(Bias);
            var y = Output!.EmptyLike();
            if (x is not null)
                y.Backend.Conv2d(x, Inputs[1], bias, geometry, y);
            else if (weight is not null)
                y.Backend.Conv2d(Inputs[0], weight, bias, geometry, y);
            else
                y.Backend.AddBroadcast(y.Fill(0), bias!, y);
            if (x is not null && weight is not null)
                y.Backend.AddConv2d(Inputs[0], weight, geometry, y);
            return y;
        }

        protected override void BackwardTangent(Tensor dy, Tensor? tangent)
        {
            if (tangent is null || TangentOf(Inputs[0]) is not { } x || !IsLarge(Inputs[1], x, dy))
            {
                base.BackwardTangent(dy, tangent);
                return;
            }
            using (Scope.Begin())
            {
                SendInput(tangent);
                SendLeadingSum(Bias, tangent);
            }
            SendInputOfWeightTangent(dy);
            SendWeight(Concat(0, tangent, dy), Concat(0, Inputs[0], x));
        }

        protected override void Curve(Tensor dy)
        {
            SendInputOfWeightTangent(dy);
            if (TangentOf(Inputs[0]) is { } x)
                SendWeight(dy, x);
        }

        void SendInputOfWeightTangent(Tensor dy)
        {
            if (TangentOf(Inputs[1]) is not { } weight || Target(Inputs[0], out bool accumulate) is not { } dx)
                return;
            if (accumulate)
                dy.Backend.AddConv2dBackwardInput(dy, weight, geometry, dx);
            else
                dy.Backend.Conv2dBackwardInput(dy, weight, geometry, dx, accumulate: false);
            Deliver(Inputs[0], dx);
        }
    }
}
