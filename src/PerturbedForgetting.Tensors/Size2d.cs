namespace PerturbedForgetting.Tensors;

/// <summary>Height and width of a kernel, a stride, a padding or a dilation; one number stands for both.</summary>
/// <param name="H">Along the rows of an image.</param>
/// <param name="W">Along its columns.</param>
public readonly record struct Size2d(int H, int W)
{
    /// <summary>The same in both directions.</summary>
    public static implicit operator Size2d(int both) => new(both, both);

    /// <summary>Height and width.</summary>
    public static implicit operator Size2d((int H, int W) size) => new(size.H, size.W);

    /// <summary>For example <c>3x5</c>.</summary>
    public override string ToString() => $"{H}x{W}";
}
