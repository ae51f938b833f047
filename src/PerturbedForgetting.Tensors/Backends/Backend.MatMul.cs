namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>
    /// c = op(a) op(b), or c += with <paramref name="accumulate"/>, on the last two dimensions; op transposes. The other dimensions
    /// of <paramref name="c"/> count independent products; an operand that is one matrix is shared by all.
    /// </summary>
    public abstract void MatMul(Tensor a, bool transposeA, Tensor b, bool transposeB, Tensor c, bool accumulate);

    /// <summary>y = x weightᵀ + bias. x [..., in], weight [out, in], y [..., out].</summary>
    public abstract void Linear(Tensor x, Tensor weight, Tensor? bias, Tensor y);

    /// <summary>
    /// The gradients of <see cref="Linear"/>'s weight and bias: dweight = dyᵀ x and dbias = the sum of the rows of dy, or += with
    /// <paramref name="accumulateWeight"/> and <paramref name="accumulateBias"/>. dy [rows, out], x [rows, in].
    /// </summary>
    public abstract void LinearBackwardWeight(Tensor dy, Tensor x, Tensor dweight, bool accumulateWeight, Tensor dbias,
        bool accumulateBias);

    /// <summary>pre = x weightᵀ + bias, y = gelu(pre) with the exact erf, in one pass over the outputs.</summary>
    public abstract void LinearGelu(Tensor x, Tensor weight, Tensor? bias, Tensor pre, Tensor y);
}
