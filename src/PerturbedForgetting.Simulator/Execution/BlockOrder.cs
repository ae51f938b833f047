using System.Numerics;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>The order in which the blocks of a launch begin: a random one of any number of blocks, without a table. A Feistel network
/// permutes the least power of four that is no smaller, again and again until the result is a block (J. Black, P. Rogaway, "Ciphers with
/// Arbitrary Finite Domains", CT-RSA 2002).</summary>
readonly struct BlockOrder
{
    const int Rounds = 4;

    readonly long blocks;
    readonly ulong seed;
    readonly int half;

    public BlockOrder(long blocks, ulong seed)
    {
        (this.blocks, this.seed) = (blocks, seed);
        half = (64 - BitOperations.LeadingZeroCount((ulong)blocks - 1) + 1) / 2;
    }

    /// <summary>The block that begins as the <paramref name="turn"/>th, from 0.</summary>
    public long this[long turn]
    {
        get
        {
            if (blocks == 1)
                return 0;
            do
                turn = Permute((ulong)turn);
            while (turn >= blocks);
            return turn;
        }
    }

    long Permute(ulong value)
    {
        ulong mask = (1ul << half) - 1, left = value >> half, right = value & mask;
        for (ulong round = 1; round <= Rounds; round++)
            (left, right) = (right, left ^ (SplitMix.Mix(seed ^ SplitMix.Mix(right + (round << 40))) & mask));
        return (long)((left << half) | right);
    }
}
