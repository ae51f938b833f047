namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>
    /// y = (x - mean) / sqrt(variance + eps) * weight + bias over the last dimension, with the biased variance.
    /// <paramref name="statistics"/> [rows, 3] gets what the backward pass needs: the mean in two parts, whose sum is the mean more
    /// exactly than one number, and 1 / sqrt(variance + eps).
    /// </summary>
    public abstract void LayerNorm(Tensor x, Tensor weight, Tensor bias, double eps, Tensor y, Tensor statistics);

    /// <summary>
    /// With n = (x - mean) r: dweight = sum(dy n) and dbias = sum(dy) over rows, and with g = dy * weight, over the last dimension,
    /// dx = r (g - mean(g) - n mean(g n)). Outputs that are null are not wanted; <paramref name="dx"/> may be <paramref name="dy"/>.
    /// </summary>
    public abstract void LayerNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor statistics, Tensor? dx,
        Tensor? dweight, bool accumulateWeight, Tensor? dbias, bool accumulateBias);
}
