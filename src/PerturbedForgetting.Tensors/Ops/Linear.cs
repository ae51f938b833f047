using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>y = x weightᵀ + bias on the last dimension.</summary>
    /// <param name="x">[..., in].</param>
    /// <param name="weight">[out, in], or more dimensions behind the first whose product is in, as a convolution's weight has.</param>
    /// <param name="bias">[out], or none.</param>
    /// <returns>[..., out].</returns>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static Tensor Linear(Tensor x, Tensor weight, Tensor? bias = null)
    {
        using var range = Ranges.Operation(nameof(Linear));
        var y = LinearOutput(nameof(Linear), x, weight, bias);
        x.Backend.Linear(x, Matrix(weight), bias, y);
        if (Records(x, weight, bias))
            y.Node = LinearNode.Record(x, weight, bias, null);
        return y;
    }

    /// <summary>gelu(x weightᵀ + bias) with the exact erf: one pass over the outputs; the backward keeps the value before the
    /// gelu.</summary>
    /// <inheritdoc cref="Linear"/>
    public static Tensor LinearGelu(Tensor x, Tensor weight, Tensor? bias = null)
    {
        using var range = Ranges.Operation(nameof(LinearGelu));
        var y = LinearOutput(nameof(LinearGelu), x, weight, bias);
        using var pre = Tensor.Hidden(y.Shape, y.DType, y.Device);
        x.Backend.LinearGelu(x, Matrix(weight), bias, pre, y);
        if (Records(x, weight, bias))
            y.Node = LinearNode.Record(x, weight, bias, pre);
        return y;
    }

    static Tensor LinearOutput(string operation, Tensor x, Tensor weight, Tensor? bias)
    {
        if (x.Shape.Rank < 1 || weight.Shape.Rank < 2 || weight.Shape.Product(1, weight.Shape.Rank) != x.Shape[-1]
            || x.DType != weight.DType)
            throw new ArgumentException($"{operation} needs x [..., in] and weight [out, in] of one type, not {x} and {weight}.");
        RequireVector(operation, "bias", bias, weight.Shape[0], weight);
        return Tensor.Empty(x.Shape.With(-1, weight.Shape[0]), x.DType, x.Device);
    }

    /// <summary>A weight as [out, in].</summary>
    static Tensor Matrix(Tensor weight) =>
        weight.Shape.Rank == 2
            ? weight
            : weight.View([weight.Shape[0], Shape.Extent(weight.Shape.Product(1, weight.Shape.Rank), "inputs of a linear layer")]);

    static void RequireVector(string operation, string name, Tensor? vector, int count, Tensor like)
    {
        if (vector is not null && (vector.Shape.Rank != 1 || vector.Shape[0] != count || vector.DType != like.DType))
            throw new ArgumentException($"{operation} needs a {name} {like.DType}[{count}], not {vector}.");
    }

    sealed class LinearNode : Node<LinearNode>
    {
        Tensor? pre, beforeGelu;

        public static LinearNode Record(Tensor x, Tensor weight, Tensor? bias, Tensor? pre)
        {
            var node = Take(x, weight, bias);
            if (weight.RequiresGrad)
                node.Save(x);
            if (x.RequiresGrad)
                node.Save(weight);
            node.pre = pre is null ? null : node.Save(pre);
            node.beforeGelu = null;
            return node;
        }

        Tensor? Bias => Inputs.Length > 2 ? Inputs[2] : null;

        protected override void Backward(Tensor dy) => Products(BeforeGelu(dy));

        /// <summary>The gradient before the gelu. That of a pass for tangents stays for them.</summary>
        Tensor BeforeGelu(Tensor dy)
        {
            if (pre is null)
                return Rows(dy);
            var before = dy.EmptyLike();
            dy.Backend.Map(Unary.Gelu.Backward, dy, pre, before);
            before = Rows(before);
            if (IsPrimal)
                beforeGelu = Save(before);
            return before;
        }

        void Products(Tensor dy)
        {
            SendInput(dy, Inputs[1]);
            SendWeights(dy);
        }

        void SendWeights(Tensor dy)
        {
            Tensor x = Inputs[0], weight = Inputs[1];
            var backend = dy.Backend;
            var dweight = Target(weight, out bool addWeight);
            var dbias = Target(Bias, out bool addBias);
            if (dweight is not null && dbias is not null)
                backend.LinearBackwardWeight(dy, Rows(x), Matrix(dweight), addWeight, dbias, addBias);
            else if (dweight is not null)
                backend.MatMul(dy, true, Rows(x), false, Matrix(dweight), addWeight);
            else if (dbias is not null)
                backend.SumLeading(dy, dbias, addBias);
            Deliver(weight, dweight);
            Deliver(Bias, dbias);
        }

        void SendInput(Tensor dy, Tensor weight)
        {
            if (Target(Inputs[0], out bool accumulate) is not { } dx)
                return;
            dy.Backend.MatMul(dy, false, Matrix(weight), false, Rows(dx), accumulate);
            Deliver(Inputs[0], dx);
        }

        protected override bool IsCurved => true;

        protected override Tensor? Tangent()
        {
            if (!HasTangents)
                return null;
            var y = ProductTangent();
            if (pre is null)
                return y;
            Kept = y;
            var behind = y.EmptyLike();
            y.Backend.Map(Unary.Gelu.Backward, y, pre, behind);
            return behind;
        }

        Tensor ProductTangent()
        {
            Tensor? x = TangentOf(Inputs[0]), weight = TangentOf(Inputs[1]), bias = TangentOf(Bias);
            var y = Output!.EmptyLike();
            if (x is null && weight is null)
                y.Backend.AddBroadcast(y.Fill(0), bias!, y);
            else if (x is null)
                y.Backend.Linear(Inputs[0], Matrix(weight!), bias, y);
            else
            {
                y.Backend.Linear(x, Matrix(Inputs[1]), bias, y);
                if (weight is not null)
                    y.Backend.MatMul(Rows(Inputs[0]), false, Matrix(weight), true, Rows(y), true);
            }
            return y;
        }

        /// <summary>The tangent of the gradient before the gelu.</summary>
        Tensor? BeforeGelu(Tensor dy, Tensor? tangent)
        {
            if (pre is null || Kept is not { } preTangent)
                return tangent is null ? null : BeforeGelu(tangent);
            var before = dy.EmptyLike();
            dy.Backend.GeluBackwardTangent(dy, tangent ?? Zeros(dy), pre, preTangent, before);
            return Rows(before);
        }

        protected override void BackwardTangent(Tensor dy, Tensor? tangent)
        {
            var before = BeforeGelu(dy, tangent);
            dy = beforeGelu ?? BeforeGelu(dy);
            var x = TangentOf(Inputs[0]);
            bool stacks = before is not null && x is not null && IsLarge(Inputs[1], x, dy);
            // Closed before more is sent, so that what has been sent is the input's alone, and is added to in place.
            using (Scope.Begin())
            {
                if (before is not null)
                    SendInput(before, Inputs[1]);
            }
            if (TangentOf(Inputs[1]) is { } weight)
                SendInput(dy, weight);
            if (stacks)
            {
                SendWeight(Concat(0, before!, dy), Concat(0, Rows(Inputs[0]), Rows(x!)));
                SendLeadingSum(Bias, before!);
                return;
            }
            if (before is not null)
                SendWeights(before);
            if (x is not null)
                SendWeight(dy, Rows(x));
        }

        void SendWeight(Tensor dy, Tensor x)
        {
            if (Target(Inputs[1], out bool accumulate) is not { } dweight)
                return;
            dy.Backend.MatMul(dy, true, x, false, Matrix(dweight), accumulate);
            Deliver(Inputs[1], dweight);
        }
    }
}
