namespace PerturbedForgetting.Cuda;

/// <summary>Size of a grid in blocks, or of a block in threads.</summary>
/// <param name="X">Along x, the fastest.</param>
/// <param name="Y">Along y.</param>
/// <param name="Z">Along z.</param>
public readonly record struct Dim3(int X, int Y = 1, int Z = 1)
{
    /// <summary>One dimension.</summary>
    public static implicit operator Dim3(int x) => new(x);

    /// <inheritdoc/>
    public override string ToString() => $"({X}, {Y}, {Z})";
}
