using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>
    /// y = x / (1 - p) where word i of the call is at least p * 2^32, else 0. The backward pass is the same on the gradient: the
    /// mask is made again, not stored.
    /// </summary>
    public abstract void Dropout(Tensor x, double p, in RandomCall call, Tensor y);
}
