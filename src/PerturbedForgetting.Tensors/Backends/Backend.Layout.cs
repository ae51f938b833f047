namespace PerturbedForgetting.Tensors.Backends;

/// <summary>Equal blocks of elements at equal distances: block i begins at <paramref name="First"/> + i *
/// <paramref name="Stride"/>.</summary>
/// <param name="First">Element at which the first block begins.</param>
/// <param name="Stride">Elements from one block to the next; 0 to read one block again and again.</param>
readonly record struct Blocks(long First, long Stride);

abstract partial class Backend
{
    /// <summary>Copies <paramref name="count"/> blocks of <paramref name="length"/> elements from x to y.</summary>
    public abstract void CopyBlocks(Tensor x, Blocks from, Tensor y, Blocks to, long length, long count);

    /// <summary>y = <paramref name="count"/> rows of <c>to.Stride</c> elements, in each the next <paramref name="length"/> elements of x,
    /// from <c>to.First</c> on, and zeros beside them.</summary>
    public abstract void PlaceBlocks(Tensor x, Tensor y, Blocks to, long length, long count);

    /// <summary>y = x with its dimensions in another order: dimension i of y is dimension <paramref name="axes"/>[i] of x.</summary>
    public abstract void Permute(Tensor x, ReadOnlySpan<int> axes, Tensor y);

    /// <summary>y = the mean of x over one dimension, which y does not have.</summary>
    public abstract void Mean(Tensor x, int axis, Tensor y);

    /// <summary>dx = dy / n, repeated n times along the dimension of dx that dy does not have.</summary>
    public abstract void MeanBackward(Tensor dy, int axis, Tensor dx);

    /// <summary>y = the sum of all elements of x.</summary>
    public abstract void Sum(Tensor x, Tensor y);
}
