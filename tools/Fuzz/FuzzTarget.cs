namespace PerturbedForgetting.Fuzz;

/// <summary>A reader that is tried, and what its mutants are made of.</summary>
/// <param name="Name">The format, as it is chosen on the command line.</param>
/// <param name="Seeds">Sound files, small ones.</param>
/// <param name="Mutate">Makes a mutant.</param>
/// <param name="Open">Makes the reader ready: what it returns takes one mutant after the other.</param>
sealed record FuzzTarget(
    string Name, IReadOnlyList<byte[]> Seeds, Func<IReadOnlyList<byte[]>, Random, byte[]> Mutate, Func<FuzzReader> Open)
{
    /// <summary>Whether the size of a file bounds the memory that reading it takes; else the pixels of its image do.</summary>
    public bool IsContainer { get; init; }

    /// <summary>The mutant of a number: the same for the same seed, wherever and in whatever order it is made.</summary>
    public byte[] Mutant(int seed, int number)
    {
        uint name = 2166136261;
        foreach (char c in Name)
            name = (name ^ c) * 16777619;
        return Mutate(Seeds, new Random(unchecked((int)(name ^ (uint)seed * 2654435761 ^ (uint)number * 2246822519))));
    }
}

/// <summary>Reads mutants of one format.</summary>
abstract class FuzzReader : IDisposable
{
    /// <summary>Reads a mutant. Exceptions that the reader documents are caught; others are findings.</summary>
    /// <returns>Pixels that it says it has, which may take memory.</returns>
    public abstract long Read(byte[] mutant);

    /// <inheritdoc/>
    public virtual void Dispose()
    {
    }
}
