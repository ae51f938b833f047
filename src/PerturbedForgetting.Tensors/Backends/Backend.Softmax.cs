namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>y = softmax of x over the last dimension.</summary>
    public abstract void Softmax(Tensor x, Tensor y);

    /// <summary>dx = y * (dy - sum(dy * y)) over the last dimension.</summary>
    public abstract void SoftmaxBackward(Tensor dy, Tensor y, Tensor dx);

    /// <summary>
    /// The derivative of <see cref="SoftmaxBackward"/> along tangents of dy and of the softmax's input x, of which
    /// ytangent = y (xtangent - sum(xtangent y)): dx = y (dyTangent - sum(dyTangent y + dy ytangent)) + ytangent (dy - sum(dy y)).
    /// </summary>
    public abstract void SoftmaxBackwardTangent(Tensor dy, Tensor dyTangent, Tensor y, Tensor xtangent, Tensor dx);

    /// <summary>y = x - log(sum(exp(x))) over the last dimension.</summary>
    public abstract void LogSoftmax(Tensor x, Tensor y);

    /// <summary>dx = dy - exp(y) * sum(dy) over the last dimension.</summary>
    public abstract void LogSoftmaxBackward(Tensor dy, Tensor y, Tensor dx);
}
