namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>Whether <see cref="Attention"/> takes heads of so many channels.</summary>
    public virtual bool FusesAttention(int width) => true;

    /// <summary>
    /// y [B, N, C] = softmax(scale q k^T) v for every head, where q, k and v are the thirds of the last dimension of
    /// <paramref name="qkv"/> [B, N, 3C] and a head is C / heads consecutive channels. <paramref name="statistics"/> [B, heads, N, 2], if
    /// not null, gets what the backward pass needs of the softmax of a query: the largest q k^T, and 1 / Σ exp(scale (q k^T - largest)).
    /// Both in one number, the logarithm of the sum, would be rounded to the size of the scores.
    /// </summary>
    public abstract void Attention(Tensor qkv, int heads, double scale, Tensor y, Tensor? statistics);

    /// <summary>dqkv [B, N, 3C] from what <see cref="Attention"/> read and wrote; the probabilities are computed again from
    /// <paramref name="statistics"/>.</summary>
    public abstract void AttentionBackward(Tensor dy, Tensor y, Tensor qkv, Tensor statistics, int heads, double scale, Tensor dqkv);
}
