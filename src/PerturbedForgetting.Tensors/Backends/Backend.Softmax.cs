namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>y = softmax of x over the last dimension.</summary>
    public abstract void Softmax(Tensor x, Tensor y);

    /// <summary>dx = y * (dy - sum(dy * y)) over the last dimension.</summary>
    public abstract void SoftmaxBackward(Tensor dy, Tensor y, Tensor dx);

    /// <summary>y = x - log(sum(exp(x))) over the last dimension.</summary>
    public abstract void LogSoftmax(Tensor x, Tensor y);

    /// <summary>dx = dy - exp(y) * sum(dy) over the last dimension.</summary>
    public abstract void LogSoftmaxBackward(Tensor dy, Tensor y, Tensor dx);
}
