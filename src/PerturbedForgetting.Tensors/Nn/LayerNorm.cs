using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors.Nn;

/// <summary>Layer norm over the last dimension with a weight of ones and a bias of zeros at first; see
/// <see cref="Ops.LayerNorm"/>.</summary>
public sealed class LayerNorm : Module
{
    readonly Parameter weight, bias;
    readonly double eps;

    /// <param name="channels">Extent of the last dimension.</param>
    /// <param name="eps">Added to the variance.</param>
    public LayerNorm(int channels, double eps = 1e-6)
    {
        this.eps = eps;
        weight = Register("weight", new Parameter(Initialization.Current.Constant([channels], 1)));
        bias = Register("bias", new Parameter(Initialization.Current.Constant([channels], 0)));
    }

    /// <summary>x + residual, and the norm of that, in one pass over the memory.</summary>
    /// <param name="x">[..., channels].</param>
    /// <param name="residual">Of x's shape.</param>
    public (Tensor Sum, Tensor Normal) Call(Tensor x, Tensor residual)
    {
        using var range = BeginRange();
        using var scope = Scope.Begin();
        (Tensor sum, Tensor normal) = Ops.AddLayerNorm(x, residual, weight, bias, eps);
        return (scope.Return(sum), scope.Return(Report(normal)));
    }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor x) => Report(Ops.LayerNorm(x, weight, bias, eps));
}
