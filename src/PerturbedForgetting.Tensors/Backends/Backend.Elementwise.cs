namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>y = f(x), elementwise; <paramref name="y"/> may be <paramref name="x"/>.</summary>
    public abstract void Map(Unary f, Tensor x, Tensor y, double parameter = 0);

    /// <summary>y = f(a, b), elementwise; <paramref name="y"/> may be either input.</summary>
    public abstract void Map(Binary f, Tensor a, Tensor b, Tensor y);

    /// <summary>dx = dyTangent gelu'(x) + dy gelu''(x) xTangent: the derivative of gelu's backward pass along tangents of dy and
    /// x.</summary>
    public abstract void GeluBackwardTangent(Tensor dy, Tensor dyTangent, Tensor x, Tensor xTangent, Tensor dx);

    /// <summary>y = factor * x with a factor on the device, one element; <paramref name="y"/> may be <paramref name="x"/>.</summary>
    public abstract void ScaleBy(Tensor x, Tensor factor, Tensor y);

    /// <summary>y = x + b, where b is repeated over the leading dimensions of x; <paramref name="y"/> may be
    /// <paramref name="x"/>.</summary>
    public abstract void AddBroadcast(Tensor x, Tensor b, Tensor y);

    /// <summary>y = the sum of x over the leading dimensions that y does not have; added to y if <paramref name="accumulate"/>.</summary>
    public abstract void SumLeading(Tensor x, Tensor y, bool accumulate);
}
