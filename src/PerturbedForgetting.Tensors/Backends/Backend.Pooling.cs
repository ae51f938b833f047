namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>
    /// y = the maximum of each window of x [N,H,W,C]; <paramref name="index"/> (int32, of y's shape) is the pixel h·W + w it came
    /// from: the first of equal ones, the last NaN if there is any. Pixels outside the input do not count.
    /// </summary>
    public abstract void MaxPool2d(Tensor x, in Pool2dGeometry geometry, Tensor y, Tensor index);

    /// <summary>dx = dy at the pixels the maxima came from, added up where windows overlap, 0 elsewhere.</summary>
    public abstract void MaxPool2dBackward(Tensor dy, Tensor index, in Pool2dGeometry geometry, Tensor dx);

    /// <summary>y = x at the pixels that the maxima of another tensor of its shape came from.</summary>
    public abstract void MaxPool2dPick(Tensor x, Tensor index, Tensor y);

    /// <summary>y = the mean of each window of x [N,H,W,C], over its pixels inside the input or, if <paramref name="countPadding"/>, inside
    /// the padded input.</summary>
    public abstract void AvgPool2d(Tensor x, in Pool2dGeometry geometry, bool countPadding, Tensor y);

    /// <summary>dx = each dy spread evenly over its window.</summary>
    public abstract void AvgPool2dBackward(Tensor dy, in Pool2dGeometry geometry, bool countPadding, Tensor dx);

    /// <summary>y[n,c] = the mean of x[n,...,c].</summary>
    public abstract void GlobalAvgPool2d(Tensor x, Tensor y);

    /// <summary>dx[n,...,c] = dy[n,c] / pixels.</summary>
    public abstract void GlobalAvgPool2dBackward(Tensor dy, Tensor dx);
}
