namespace PerturbedForgetting.Tensors.Backends;

/// <summary>Where a backward pass of layer normalisation puts its results, and whether it adds them there; what is null is not
/// wanted.</summary>
readonly record struct LayerNormGradients(Tensor? X, bool AccumulateX, Tensor? Weight, bool AccumulateWeight, Tensor? Bias,
    bool AccumulateBias);

abstract partial class Backend
{
    /// <summary>
    /// y = (x - mean) / sqrt(variance + eps) * weight + bias over the last dimension, with the biased variance.
    /// <paramref name="statistics"/> [rows, 3] gets what the backward pass needs: the mean in two parts, whose sum is the mean more
    /// exactly than one number, and 1 / sqrt(variance + eps).
    /// </summary>
    public abstract void LayerNorm(Tensor x, Tensor weight, Tensor bias, double eps, Tensor y, Tensor statistics);

    /// <summary>sum = x + residual, and the <see cref="LayerNorm"/> of that, in one pass.</summary>
    public abstract void AddLayerNorm(Tensor x, Tensor residual, Tensor weight, Tensor bias, double eps, Tensor sum, Tensor y,
        Tensor statistics);

    /// <summary>
    /// With n = (x - mean) r: dweight = sum(dy n) and dbias = sum(dy) over rows, and with g = dy * weight, over the last dimension,
    /// dx = r (g - mean(g) - n mean(g n)).
    /// </summary>
    public abstract void LayerNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor statistics, in LayerNormGradients gradients);
}
