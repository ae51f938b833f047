namespace PerturbedForgetting.Tensors.Random;

/// <summary>Reads one Philox stream from its start, word by word.</summary>
/// <param name="seed">The 64-bit key.</param>
/// <param name="stream">Which independent sequence of that key; see <see cref="Streams"/>.</param>
public struct RandomSequence(ulong seed, ulong stream)
{
    readonly Philox philox = new(seed, stream);
    ulong next;

    /// <summary>Uniform 32 bits.</summary>
    public uint NextUInt32() => philox.UInt32(next++);

    /// <summary>Uniform in [0, 1) with 53 random bits.</summary>
    public double NextDouble()
    {
        ulong high = NextUInt32(), low = NextUInt32();
        return ((high << 32 | low) >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>Uniform in [0, <paramref name="exclusive"/>), without bias (Lemire's rejection).</summary>
    public int NextInt(int exclusive)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusive);
        uint bound = (uint)exclusive, threshold = (0u - bound) % bound;
        ulong product;
        do product = (ulong)NextUInt32() * bound;
        while ((uint)product < threshold);
        return (int)(product >> 32);
    }
}
