namespace PerturbedForgetting.Cuda.Libraries;

/// <summary>How a search ended.</summary>
public enum LibraryState
{
    /// <summary>The library is loaded.</summary>
    Found,

    /// <summary>There is none.</summary>
    Missing,

    /// <summary>The override variable says <c>none</c>.</summary>
    Hidden,

    /// <summary>There is one, of a version that the engine or the driver does not take.</summary>
    WrongVersion,

    /// <summary>There is one, but it cannot be loaded or lacks files.</summary>
    Unusable,
}

/// <summary>One place that a search looked at.</summary>
/// <param name="Path">The file that was found, the folder that has none, or the name that was given to the system's loader.</param>
/// <param name="Outcome">What was found there.</param>
public sealed record LibraryAttempt(string Path, string Outcome)
{
    /// <summary>The outcome of a folder that is not there.</summary>
    public const string NoFolder = "no such folder";
}

/// <summary>What a search for a library found.</summary>
/// <param name="Library">What was looked for.</param>
/// <param name="State">How it ended.</param>
/// <param name="Handle">The loaded library, which is never unloaded; 0 when there is none.</param>
/// <param name="Origin">Path of the loaded library, else why there is none.</param>
/// <param name="IsNamed">Whether the override variable named it, so that nothing else was looked at.</param>
/// <param name="Tried">Every place that was looked at, in order.</param>
public sealed record LibraryReport(
    CudaLibrary Library, LibraryState State, nint Handle, string Origin, bool IsNamed, IReadOnlyList<LibraryAttempt> Tried);
