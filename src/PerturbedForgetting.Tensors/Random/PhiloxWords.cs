using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace PerturbedForgetting.Tensors.Random;

/// <summary>Many consecutive words of a <see cref="Philox"/> generator.</summary>
static unsafe class PhiloxWords
{
    // Of blocks, at once: each step of a round waits for the one before, so the steps of several vectors are mixed.
    const int Vectors = 4;

    /// <summary>Writes the words of the blocks from <paramref name="block"/> on with the widest vectors of the processor.</summary>
    public static void Fill(in Philox philox, ulong block, Span<uint> words)
    {
        if (PhiloxLanes512.IsSupported)
            Fill<PhiloxLanes512, Vector512<ulong>>(philox, block, words);
        else if (PhiloxLanes256.IsSupported)
            Fill<PhiloxLanes256, Vector256<ulong>>(philox, block, words);
        else if (PhiloxLanes128.IsSupported)
            Fill<PhiloxLanes128, Vector128<ulong>>(philox, block, words);
        else
            FillOneByOne(philox, block, words);
    }

    /// <summary>The same with vectors of one width.</summary>
    public static void Fill<TLanes, TVector>(in Philox philox, ulong block, Span<uint> words)
        where TLanes : struct, IPhiloxLanes<TVector>
        where TVector : struct
    {
        int step = 4 * Vectors * TLanes.Count, done = 0;
        ulong* keys = stackalloc ulong[2 * Philox.Rounds];
        philox.RoundKeys(new Span<ulong>(keys, 2 * Philox.Rounds));
        fixed (uint* target = words)
        {
            for (; done <= words.Length - step; done += step, block += (ulong)(Vectors * TLanes.Count))
                Group<TLanes, TVector>(keys, philox.Stream, block, target + done);
        }
        if (done == words.Length)
            return;
        uint* last = stackalloc uint[step];
        Group<TLanes, TVector>(keys, philox.Stream, block, last);
        new Span<uint>(last, words.Length - done).CopyTo(words[done..]);
    }

    static void Group<TLanes, TVector>(ulong* keys, ulong stream, ulong block, uint* words)
        where TLanes : struct, IPhiloxLanes<TVector>
        where TVector : struct
    {
        ulong step = (ulong)TLanes.Count;
        TVector m0 = TLanes.Broadcast(Philox.M0), m1 = TLanes.Broadcast(Philox.M1);
        Blocks<TLanes, TVector> a = new(block, stream), b = new(block + step, stream),
            c = new(block + (2 * step), stream), d = new(block + (3 * step), stream);
        for (ulong* end = keys + (2 * Philox.Rounds); keys < end; keys += 4)
        {
            TVector k0 = TLanes.Broadcast(keys[0]), k1 = TLanes.Broadcast(keys[1]), k2 = TLanes.Broadcast(keys[2]),
                k3 = TLanes.Broadcast(keys[3]);
            a.TwoRounds(m0, m1, k0, k1, k2, k3);
            b.TwoRounds(m0, m1, k0, k1, k2, k3);
            c.TwoRounds(m0, m1, k0, k1, k2, k3);
            d.TwoRounds(m0, m1, k0, k1, k2, k3);
        }
        TLanes.Store(a.X, a.Y, a.Z, a.W, words);
        TLanes.Store(b.X, b.Y, b.Z, b.W, words + (4 * step));
        TLanes.Store(c.X, c.Y, c.Z, c.W, words + (8 * step));
        TLanes.Store(d.X, d.Y, d.Z, d.W, words + (12 * step));
    }

    /// <summary>The states of a vector of blocks.</summary>
    struct Blocks<TLanes, TVector>(ulong block, ulong stream)
        where TLanes : struct, IPhiloxLanes<TVector>
        where TVector : struct
    {
        public TVector X = TLanes.Counters(block), Y = TLanes.UpperHalf(TLanes.Counters(block)), Z = TLanes.Broadcast(stream),
            W = TLanes.Broadcast(stream >> 32);

        /// <summary>Two, because the words then change places without moves.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void TwoRounds(TVector m0, TVector m1, TVector k0, TVector k1, TVector k2, TVector k3)
        {
            TVector p = TLanes.Multiply(X, m0), q = TLanes.Multiply(Z, m1);
            X = TLanes.Xor(TLanes.UpperHalf(q), Y, k0);
            Z = TLanes.Xor(TLanes.UpperHalf(p), W, k1);
            W = TLanes.Multiply(X, m0);
            Y = TLanes.Multiply(Z, m1);
            X = TLanes.Xor(TLanes.UpperHalf(Y), q, k2);
            Z = TLanes.Xor(TLanes.UpperHalf(W), p, k3);
        }
    }

    static void FillOneByOne(in Philox philox, ulong block, Span<uint> words)
    {
        Span<uint> four = stackalloc uint[4];
        for (int i = 0; i < words.Length; i += 4, block++)
        {
            (four[0], four[1], four[2], four[3]) = philox.Block(block);
            four[..Math.Min(4, words.Length - i)].CopyTo(words[i..]);
        }
    }
}
