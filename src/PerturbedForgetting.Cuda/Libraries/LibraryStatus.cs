namespace PerturbedForgetting.Cuda.Libraries;

/// <summary>What a library is to a GPU.</summary>
/// <param name="Library">The library.</param>
/// <param name="Version">Its version; null when it is not loaded or does not tell.</param>
/// <param name="Origin">Its path, or why there is none.</param>
/// <param name="WhyUnusable">Why the engine does without it; null when it is used.</param>
/// <param name="IsProblem">Whether that is a mistake that a person should put right: it was named and cannot be used, or it is there
/// and of the wrong version. That there is none is no mistake: the engine has kernels of its own.</param>
public sealed record LibraryStatus(CudaLibrary Library, Version? Version, string Origin, string? WhyUnusable, bool IsProblem);
