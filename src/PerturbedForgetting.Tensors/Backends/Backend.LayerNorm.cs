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

    /// <summary>
    /// The derivative of <see cref="LayerNorm"/> along tangents of all that it reads: with n' = r (tangent - mean(tangent)
    /// - n mean(tangent n)), ytangent = n' weight + n weightTangent + biasTangent.
    /// </summary>
    public abstract void LayerNormTangent(Tensor x, Tensor tangent, Tensor weight, Tensor weightTangent, Tensor biasTangent,
        Tensor statistics, Tensor ytangent);

    /// <summary>
    /// The derivative of <see cref="LayerNormBackward"/> along tangents of dy, x and the weight: the tangents of the gradients. With n' as
    /// above and g' = dyTangent weight + dy weightTangent: of x r (g' - mean(g') - n mean(g' n)) - r (n' mean(g n) + n mean(g n'))
    /// - r mean(tangent n) dx, of the weight sum(dyTangent n + dy n'), of the bias sum(dyTangent).
    /// </summary>
    public abstract void LayerNormBackwardTangent(Tensor dy, Tensor dyTangent, Tensor x, Tensor tangent, Tensor weight,
        Tensor weightTangent, Tensor statistics, in LayerNormGradients gradients);
}
