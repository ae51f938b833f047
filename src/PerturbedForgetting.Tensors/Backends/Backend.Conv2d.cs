namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>y[n,oh,ow,o] = bias[o] + sum over taps and channels of x · weight. x [N,H,W,C], weight [O,kh,kw,C/groups].</summary>
    public abstract void Conv2d(Tensor x, Tensor weight, Tensor? bias, in Conv2dGeometry geometry, Tensor y);

    /// <summary>y += <see cref="Conv2d"/> without a bias. Where the products are deep they may be added a part at a time.</summary>
    public abstract void AddConv2d(Tensor x, Tensor weight, in Conv2dGeometry geometry, Tensor y);

    /// <summary>dx += <see cref="Conv2dBackwardInput"/>, likewise.</summary>
    public abstract void AddConv2dBackwardInput(Tensor dy, Tensor weight, in Conv2dGeometry geometry, Tensor dx);

    /// <summary>dx = the gradient of the input, given that of the output, or += with <paramref name="accumulate"/>.</summary>
    public abstract void Conv2dBackwardInput(Tensor dy, Tensor weight, in Conv2dGeometry geometry, Tensor dx, bool accumulate);

    /// <summary>dweight = the gradient of the weights, or += with <paramref name="accumulate"/>.</summary>
    public abstract void Conv2dBackwardWeight(Tensor x, Tensor dy, in Conv2dGeometry geometry, Tensor dweight, bool accumulate);
}
