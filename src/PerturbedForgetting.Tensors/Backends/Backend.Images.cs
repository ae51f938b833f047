namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>y = (x - offset[c]) / divisor[c] in float32, for bytes x with channels c last.</summary>
    public abstract void NormalizeImages(Tensor x, ReadOnlySpan<float> offset, ReadOnlySpan<float> divisor, Tensor y);
}
