using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Random;

/// <summary>
/// Philox 4x32-10, the counter-based generator of Salmon et al. ("Parallel random numbers: as easy as 1, 2, 3", SC 2011):
/// the number at an index is a pure function of (seed, stream, index), so it is the same on every device and for any number
/// of threads. Index <c>i</c> is word <c>i mod 4</c> of the block with counter <c>(i / 4, stream)</c> and key <c>seed</c>.
/// </summary>
/// <param name="seed">The 64-bit key.</param>
/// <param name="stream">Which independent sequence of that key; see <see cref="Streams"/>.</param>
public readonly struct Philox(ulong seed, ulong stream)
{
    internal const int Rounds = 10;

    internal const uint M0 = 0xD2511F53, M1 = 0xCD9E8D57;

    const uint W0 = 0x9E3779B9, W1 = 0xBB67AE85;

    internal ulong Stream { get; } = stream;

    /// <summary>The four 32-bit words with the given block counter.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (uint X, uint Y, uint Z, uint W) Block(ulong block)
    {
        uint x = (uint)block, y = (uint)(block >> 32), z = (uint)Stream, w = (uint)(Stream >> 32);
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
        for (int round = 0; round < Rounds; round++)
        {
            ulong p0 = (ulong)M0 * x, p1 = (ulong)M1 * z;
            (x, y, z, w) = ((uint)(p1 >> 32) ^ y ^ k0, (uint)p1, (uint)(p0 >> 32) ^ w ^ k1, (uint)p0);
            k0 += W0;
            k1 += W1;
        }
        return (x, y, z, w);
    }

    /// <summary>The words of the blocks from <paramref name="block"/> on, many at once.</summary>
    public void Words(ulong block, Span<uint> words) => PhiloxWords.Fill(this, block, words);

    /// <summary>The two keys of each round.</summary>
    internal void RoundKeys(Span<ulong> keys)
    {
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
        for (int round = 0; round < Rounds; round++, k0 += W0, k1 += W1)
            (keys[2 * round], keys[(2 * round) + 1]) = (k0, k1);
    }

    /// <summary>Uniform 32 bits.</summary>
    public uint UInt32(ulong index)
    {
        var (x, y, z, w) = Block(index >> 2);
        return (index & 3) switch { 0 => x, 1 => y, 2 => z, _ => w };
    }

    /// <summary>Uniform in [0, 1): the upper 24 bits, exact in float32.</summary>
    public float Uniform(ulong index) => ToUniform(UInt32(index));

    /// <summary>Standard normal, by Box and Muller from the pair of words that holds the index.</summary>
    public float Normal(ulong index)
    {
        var (x, y, z, w) = Block(index >> 2);
        var (a, b) = (index & 2) == 0 ? Normals(x, y) : Normals(z, w);
        return (index & 1) == 0 ? a : b;
    }

    /// <summary>Standard normals for the indices <c>first .. first + destination.Length</c>; <paramref name="first"/> is a multiple of
    /// 4.</summary>
    public void Normals(ulong first, Span<float> destination)
    {
        if ((first & 3) != 0)
            throw new ArgumentException($"The first index of a run of normals is a multiple of 4, not {first}.", nameof(first));
        const int Length = 1024;
        Span<uint> words = stackalloc uint[Length];
        for (int done = 0; done < destination.Length; done += Length)
        {
            var part = destination[done..Math.Min(done + Length, destination.Length)];
            // A pair of words makes two numbers.
            var drawn = words[..((part.Length + 1) & ~1)];
            Words((first + (ulong)done) >> 2, drawn);
            NormalPairs.Fill(drawn, part);
        }
    }

    internal static float ToUniform(uint word) => (word >> 8) * (1f / (1 << 24));

    internal static (float, float) Normals(uint first, uint second)
    {
        // The first uniform lies in (0, 1], so the logarithm is finite.
        double radius = Math.Sqrt(-2 * Math.Log(((first >> 8) + 1) * (1.0 / (1 << 24))));
        var (sin, cos) = Math.SinCos(2 * Math.PI * (second * (1.0 / 4294967296.0)));
        return ((float)(radius * cos), (float)(radius * sin));
    }
}

/// <summary>Stream numbers: every use of random numbers has its own, so that no two uses of one seed are correlated.</summary>
public static class Streams
{
    /// <summary>Initial weights; the low bits hold the number of the parameter.</summary>
    public const ulong Initialization = 1UL << 56;
    /// <summary>Dropout; the low bits hold the number of the call.</summary>
    public const ulong Dropout = 2UL << 56;
    /// <summary>Gaussian weight perturbations; the low bits hold the number of the call.</summary>
    public const ulong Perturbation = 3UL << 56;
    /// <summary>Order of an epoch; the low bits hold the epoch.</summary>
    public const ulong Order = 4UL << 56;
    /// <summary>Augmentation; the low bits hold epoch and sample.</summary>
    public const ulong Augmentation = 5UL << 56;
    /// <summary>Procedural data; the low bits hold the sample.</summary>
    public const ulong Synthesis = 6UL << 56;
    /// <summary>Images that are held out for validation; the low bits hold the class.</summary>
    public const ulong HoldOut = 7UL << 56;
    /// <summary>Random vectors that a Hessian is multiplied with; the low bits hold the number of the vector.</summary>
    public const ulong Probe = 8UL << 56;
    /// <summary>Images of a split that stand for all of it where it is measured.</summary>
    public const ulong Sample = 9UL << 56;
    /// <summary>Orders of permutation tests.</summary>
    public const ulong Permutation = 10UL << 56;
}
