namespace PerturbedForgetting.Tensors.Nn;

/// <summary>y = x weightᵀ + bias on the last dimension: <see cref="Ops.Linear"/> with weights of its own, named <c>weight</c> and
/// <c>bias</c>.</summary>
public sealed class Linear : Module
{
    /// <summary>Weight and bias start uniform in ±1/sqrt(inputs), as in PyTorch.</summary>
    /// <param name="inFeatures">Extent of the last dimension of the input.</param>
    /// <param name="outFeatures">Extent of the last dimension of the output.</param>
    /// <param name="bias">Whether there is a bias.</param>
    public Linear(int inFeatures, int outFeatures, bool bias = true)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inFeatures);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outFeatures);
        double bound = 1 / Math.Sqrt(inFeatures);
        Weight = Register("weight", new Parameter(Initialization.Current.Uniform([outFeatures, inFeatures], bound)));
        if (bias)
            Bias = Register("bias", new Parameter(Initialization.Current.Uniform([outFeatures], bound)));
    }

    /// <summary>[out, in]. <see cref="Tensor.CopyFrom(Tensor)"/> sets other initial values.</summary>
    public Parameter Weight { get; }

    /// <summary>[out], or none.</summary>
    public Parameter? Bias { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor x) => Report(Ops.Linear(x, Weight, Bias), Weight.Shape[1]);
}
