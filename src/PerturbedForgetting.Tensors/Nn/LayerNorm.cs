using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors.Nn;

/// <summary>Layer norm over the last dimension with a weight of ones and a bias of zeros at first; see
/// <see cref="Ops.LayerNorm"/>.</summary>
public sealed class LayerNorm : Module
{
    /// <param name="channels">Extent of the last dimension.</param>
    /// <param name="eps">Added to the variance.</param>
    public LayerNorm(int channels, double eps = 1e-6)
    {
        Eps = eps;
        Weight = Register("weight", new Parameter(Initialization.Current.Constant([channels], 1)));
        Bias = Register("bias", new Parameter(Initialization.Current.Constant([channels], 0)));
    }

    /// <summary>[channels].</summary>
    public Parameter Weight { get; }

    /// <summary>[channels].</summary>
    public Parameter Bias { get; }

    /// <summary>Added to the variance.</summary>
    public double Eps { get; }

    /// <summary>x + residual, and the norm of that, in one pass over the memory.</summary>
    /// <param name="x">[..., channels].</param>
    /// <param name="residual">Of x's shape.</param>
    public (Tensor Sum, Tensor Normal) Call(Tensor x, Tensor residual)
    {
        using var range = BeginRange();
        using var scope = Scope.Begin();
        (Tensor sum, Tensor normal) = Ops.AddLayerNorm(x, residual, Weight, Bias, Eps);
        return (scope.Return(sum), scope.Return(Report(normal)));
    }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor x) => Report(Ops.LayerNorm(x, Weight, Bias, Eps));
}
