namespace PerturbedForgetting.Cuda;

/// <summary>What a launch, or several, do to the device.</summary>
/// <param name="Loaded">Bytes that are loaded from the device's memory.</param>
/// <param name="Stored">Bytes that are stored to it.</param>
/// <param name="Operations">Floating-point operations; 0 where they are not known.</param>
/// <param name="Instructions">Instructions of threads; 0 where they are not known.</param>
public readonly record struct LaunchCost(long Loaded, long Stored, long Operations = 0, long Instructions = 0)
{
    /// <summary>Bytes that are loaded from and stored to the device's memory.</summary>
    public long Bytes => Loaded + Stored;

    /// <summary>
    /// A product of matrices [m, k] and [k, n] in float32: each is read once and the result is written once, and read too where it is
    /// added to.
    /// </summary>
    public static LaunchCost Product(long m, long n, long k, long batch, bool accumulate) =>
        new(sizeof(float) * batch * ((m * k) + (k * n) + (accumulate ? m * n : 0)), sizeof(float) * batch * m * n, 2 * batch * m * n * k);

    /// <summary>Both together.</summary>
    public static LaunchCost operator +(LaunchCost a, LaunchCost b) =>
        new(a.Loaded + b.Loaded, a.Stored + b.Stored, a.Operations + b.Operations, a.Instructions + b.Instructions);

    /// <summary>So many times the same.</summary>
    public static LaunchCost operator *(LaunchCost a, long times) =>
        new(a.Loaded * times, a.Stored * times, a.Operations * times, a.Instructions * times);

    /// <summary>What is in the first beyond the second.</summary>
    public static LaunchCost operator -(LaunchCost a, LaunchCost b) =>
        new(a.Loaded - b.Loaded, a.Stored - b.Stored, a.Operations - b.Operations, a.Instructions - b.Instructions);
}
