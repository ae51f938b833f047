namespace PerturbedForgetting.Simulator.Execution;

/// <summary>In what order the warps of a block take turns, for how many instructions each, and which side of a branch goes first. CUDA
/// promises nothing of all that but that every warp goes on at some time. As a rule it is the order of the warps' numbers, and a turn is
/// long; with a seed everything is drawn anew at every turn.</summary>
sealed class Turns
{
    // A warp that waits for what another will store must not wait for ever.
    const long Usual = 1 << 16;

    // Most turns end soon, so that a warp stops between any two accesses; some are long enough for another to be far ahead.
    const int LongestBits = 10;

    readonly ulong? seed;
    readonly int[] order;
    SplitMix random;

    /// <param name="warps">Warps of a block.</param>
    /// <param name="seed">Chooses among the orders; null for the usual one.</param>
    public Turns(int warps, ulong? seed)
    {
        this.seed = seed;
        order = [.. Enumerable.Range(0, warps)];
    }

    /// <summary>A block begins. Its order is its own, whichever worker executes it.</summary>
    public void NextBlock(long index) => random = new SplitMix(SplitMix.Mix((seed ?? 0) ^ (ulong)index));

    /// <summary>The warps in the order in which each has its next turn.</summary>
    public ReadOnlySpan<int> NextRound()
    {
        for (int i = order.Length - 1; seed is not null && i > 0; i--)
        {
            int other = random.Below(i + 1);
            (order[i], order[other]) = (order[other], order[i]);
        }
        return order;
    }

    /// <summary>Instructions of the next turn.</summary>
    public long NextLength() => seed is null ? Usual : 1 + random.Below(1 << random.Below(LongestBits + 1));

    /// <summary>Whether the lanes that fall through go before those that branch.</summary>
    public bool FallsThroughFirst() => seed is not null && (random.Next() & 1) != 0;
}
