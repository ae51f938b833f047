using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// The one-dimensional transforms of the minimal filtering algorithms with six multiplications (Winograd 1980; Lavin and Gray, CVPR 2016):
/// F(4, 3), four outputs of a filter of three taps, and F(3, 4). The polynomials are evaluated at 0, ±5/8, ±3/2 and infinity: of the small
/// fractions those with the least error, half that of the usual 0, ±1, ±2, and every number here is a float exactly but for those of
/// <see cref="Taps3"/> and <see cref="Taps4"/>.
/// </summary>
static unsafe class WinogradTransforms<TSimd, TVector, T>
    where TSimd : struct, ISimd<TVector, T>
    where TVector : struct
    where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>Points of the transforms: outputs and taps less one.</summary>
    public const int Points = 6;

    // The two numbers that stand beside 0 and infinity with both signs, their squares and cubes.
    const double A = 0.625, A2 = A * A, A3 = A2 * A, B = 1.5, B2 = B * B, B3 = B2 * B;

    // Products of the differences of a point to the others.
    const double F0 = A2 * B2, FA = 2 * A2 * (A2 - B2), FB = 2 * B2 * (B2 - A2);

    /// <summary>Six values of the input.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input(ref TVector d0, ref TVector d1, ref TVector d2, ref TVector d3, ref TVector d4, ref TVector d5)
    {
        TVector evenA = Add(d4, -B2, d2), oddA = Add(d3, -B2, d1), evenB = Add(d4, -A2, d2), oddB = Add(d3, -A2, d1);
        d0 = Add(Add(d4, -(A2 + B2), d2), A2 * B2, d0);
        d5 = Add(Add(d5, -(A2 + B2), d3), A2 * B2, d1);
        d1 = Add(evenA, A, oddA);
        d2 = Add(evenA, -A, oddA);
        d3 = Add(evenB, B, oddB);
        d4 = Add(evenB, -B, oddB);
    }

    /// <summary>Three taps, to six values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Taps3(TVector g0, TVector g1, TVector g2,
        out TVector u0, out TVector u1, out TVector u2, out TVector u3, out TVector u4, out TVector u5)
    {
        TVector evenA = Add(Times(1 / FA, g0), A2 / FA, g2), evenB = Add(Times(1 / FB, g0), B2 / FB, g2);
        u0 = Times(1 / F0, g0);
        u1 = Add(evenA, A / FA, g1);
        u2 = Add(evenA, -A / FA, g1);
        u3 = Add(evenB, B / FB, g1);
        u4 = Add(evenB, -B / FB, g1);
        u5 = g2;
    }

    /// <summary>Six products, to four outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Outputs4(TVector m0, TVector m1, TVector m2, TVector m3, TVector m4, TVector m5,
        out TVector y0, out TVector y1, out TVector y2, out TVector y3)
    {
        TVector sumA = TSimd.Add(m1, m2), sumB = TSimd.Add(m3, m4), differenceA = Add(m1, -1, m2), differenceB = Add(m3, -1, m4);
        y0 = TSimd.Add(TSimd.Add(m0, sumA), sumB);
        y1 = Add(Times(A, differenceA), B, differenceB);
        y2 = Add(Times(A2, sumA), B2, sumB);
        y3 = Add(Add(m5, A3, differenceA), B3, differenceB);
    }

    /// <summary>Four taps, to six values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Taps4(TVector g0, TVector g1, TVector g2, TVector g3,
        out TVector u0, out TVector u1, out TVector u2, out TVector u3, out TVector u4, out TVector u5)
    {
        TVector evenA = Add(Times(1 / FA, g0), A2 / FA, g2), evenB = Add(Times(1 / FB, g0), B2 / FB, g2);
        TVector oddA = Add(Times(A / FA, g1), A3 / FA, g3), oddB = Add(Times(B / FB, g1), B3 / FB, g3);
        u0 = Times(1 / F0, g0);
        u1 = TSimd.Add(evenA, oddA);
        u2 = Add(evenA, -1, oddA);
        u3 = TSimd.Add(evenB, oddB);
        u4 = Add(evenB, -1, oddB);
        u5 = g3;
    }

    /// <summary>Six products, to three outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Outputs3(TVector m0, TVector m1, TVector m2, TVector m3, TVector m4, TVector m5,
        out TVector y0, out TVector y1, out TVector y2)
    {
        TVector sumA = TSimd.Add(m1, m2), sumB = TSimd.Add(m3, m4);
        y0 = TSimd.Add(TSimd.Add(m0, sumA), sumB);
        y1 = Add(Times(A, Add(m1, -1, m2)), B, Add(m3, -1, m4));
        y2 = Add(Add(m5, A2, sumA), B2, sumB);
    }

    /// <summary>A vector of channels of 6x6 pixels, transformed along both axes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pixels(T** pixels, int channel, T* target, long pointStep)
    {
        T* buffer = stackalloc T[Points * Points * TSimd.Count];
        for (int j = 0; j < Points; j++)
        {
            TVector d0 = TSimd.Load(pixels[j] + channel), d1 = TSimd.Load(pixels[6 + j] + channel);
            TVector d2 = TSimd.Load(pixels[12 + j] + channel), d3 = TSimd.Load(pixels[18 + j] + channel);
            TVector d4 = TSimd.Load(pixels[24 + j] + channel), d5 = TSimd.Load(pixels[30 + j] + channel);
            Input(ref d0, ref d1, ref d2, ref d3, ref d4, ref d5);
            Store(buffer + (j * TSimd.Count), Points * TSimd.Count, d0, d1, d2, d3, d4, d5);
        }
        for (int i = 0; i < Points; i++, buffer += Points * TSimd.Count, target += Points * pointStep)
        {
            TVector d0 = TSimd.Load(buffer), d1 = TSimd.Load(buffer + TSimd.Count), d2 = TSimd.Load(buffer + (2 * TSimd.Count));
            TVector d3 = TSimd.Load(buffer + (3 * TSimd.Count)), d4 = TSimd.Load(buffer + (4 * TSimd.Count));
            TVector d5 = TSimd.Load(buffer + (5 * TSimd.Count));
            Input(ref d0, ref d1, ref d2, ref d3, ref d4, ref d5);
            Store(target, pointStep, d0, d1, d2, d3, d4, d5);
        }
    }

    /// <summary>Stores six vectors a step apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(T* target, long step, TVector v0, TVector v1, TVector v2, TVector v3, TVector v4, TVector v5)
    {
        TSimd.Store(v0, target);
        TSimd.Store(v1, target + step);
        TSimd.Store(v2, target + (2 * step));
        TSimd.Store(v3, target + (3 * step));
        TSimd.Store(v4, target + (4 * step));
        TSimd.Store(v5, target + (5 * step));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TVector Add(TVector sum, double factor, TVector x) =>
        TSimd.MultiplyAdd(TSimd.Broadcast(T.CreateTruncating(factor)), x, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TVector Times(double factor, TVector x) => TSimd.Multiply(TSimd.Broadcast(T.CreateTruncating(factor)), x);
}
