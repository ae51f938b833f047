namespace PerturbedForgetting.Training.Processes.Control;

/// <summary>
/// Where all stop: behind the update that one has begun and the others have not, because its sums need all of them. Each is asked what it
/// has begun, begins nothing more until it hears, and then goes on to that update.
/// </summary>
/// <param name="size">How many there are.</param>
sealed class StopDecision(int size)
{
    readonly long?[] positions = new long?[size];

    /// <summary>Whether somebody wants to stop.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Somebody wants to stop.</summary>
    /// <returns>Whether nobody did before.</returns>
    public bool Begin()
    {
        bool isFirst = !HasBegun;
        HasBegun = true;
        return isFirst;
    }

    /// <summary>Takes what one has begun.</summary>
    /// <returns>How many updates all do; null where some are missing.</returns>
    public long? Add(int rank, long updates)
    {
        positions[rank] ??= updates;
        return HasBegun && Array.TrueForAll(positions, static p => p is not null) ? positions.Max() : null;
    }
}
