namespace PerturbedForgetting.Cuda.Libraries;

/// <summary>What a library is to a GPU.</summary>
/// <param name="Library">The library.</param>
/// <param name="Version">Its version; null when it is not loaded or does not tell.</param>
/// <param name="Origin">Its path, or why there is none.</param>
/// <param name="WhyUnusable">Why the engine does without it; null when it is used.</param>
/// <param name="IsFound">Whether there is one, be it one that cannot be used.</param>
/// <param name="IsNamed">Whether a person named it.</param>
public sealed record LibraryStatus(
    CudaLibrary Library, Version? Version, string Origin, string? WhyUnusable, bool IsFound, bool IsNamed)
{
    /// <summary>Whether that the engine does without it is a mistake that a person should put right: it was named. Of others it is enough
    /// to say so, because the engine has kernels of its own.</summary>
    public bool IsProblem => IsNamed && WhyUnusable is not null;
}
