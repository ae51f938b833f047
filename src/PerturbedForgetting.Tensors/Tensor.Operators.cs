namespace PerturbedForgetting.Tensors;

public partial class Tensor
{
    /// <summary>Elementwise sum; a second tensor of another shape is repeated over leading dimensions of the first
    /// (<see cref="Ops.AddBroadcast"/>).</summary>
    public static Tensor operator +(Tensor a, Tensor b) => a.Shape == b.Shape ? Ops.Add(a, b) : Ops.AddBroadcast(a, b);

    /// <summary>Elementwise difference of two tensors of one shape.</summary>
    public static Tensor operator -(Tensor a, Tensor b) => Ops.Sub(a, b);

    /// <summary>Elementwise product of two tensors of one shape.</summary>
    public static Tensor operator *(Tensor a, Tensor b) => Ops.Mul(a, b);

    /// <summary>Every element times a number.</summary>
    public static Tensor operator *(double factor, Tensor x) => Ops.Scale(x, factor);

    /// <summary>Every element times a number.</summary>
    public static Tensor operator *(Tensor x, double factor) => Ops.Scale(x, factor);
}
