namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>Whether <see cref="Attention"/> takes heads of so many channels.</summary>
    public virtual bool FusesAttention(int width) => true;

    /// <summary>
    /// y [B, N, C] = softmax(scale q k^T) v for every head, where q, k and v are the thirds of the last dimension of
    /// <paramref name="qkv"/> [B, N, 3C] and a head is C / heads consecutive channels. <paramref name="logSums"/> [B, heads, N], if
    /// not null, gets the logarithms of the softmax's sums for the backward pass.
    /// </summary>
    public abstract void Attention(Tensor qkv, int heads, double scale, Tensor y, Tensor? logSums);

    /// <summary>dqkv [B, N, 3C] from what <see cref="Attention"/> read and wrote; the probabilities are computed again from
    /// <paramref name="logSums"/>.</summary>
    public abstract void AttentionBackward(Tensor dy, Tensor y, Tensor qkv, Tensor logSums, int heads, double scale, Tensor dqkv);
}
