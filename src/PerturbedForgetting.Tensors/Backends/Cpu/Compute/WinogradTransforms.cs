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

    /// <summary>A vector of channels of 6x6 pixels, transformed along both axes. Memory is told of the pixels of the tile to the
    /// right.</summary>
    /// <param name="pixels">The 36 pixels.</param>
    /// <param name="channel">First of the vector's channels.</param>
    /// <param name="next">Elements from a pixel to the same of the tile to the right.</param>
    /// <param name="buffer">Room for 36 vectors.</param>
    /// <param name="target">The first value.</param>
    /// <param name="pointStep">Elements from one of the 36 values to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pixels(T** pixels, int channel, long next, T* buffer, T* target, long pointStep)
    {
        for (int j = 0; j < Points; j++)
        {
            T* p0 = pixels[j] + channel, p1 = pixels[6 + j] + channel, p2 = pixels[12 + j] + channel;
            T* p3 = pixels[18 + j] + channel, p4 = pixels[24 + j] + channel, p5 = pixels[30 + j] + channel;
            TVector d0 = TSimd.Load(p0), d1 = TSimd.Load(p1), d2 = TSimd.Load(p2), d3 = TSimd.Load(p3), d4 = TSimd.Load(p4),
                d5 = TSimd.Load(p5);
            if (j >= 2)
            {
                Lanes.Prefetch(p0 + next);
                Lanes.Prefetch(p1 + next);
                Lanes.Prefetch(p2 + next);
                Lanes.Prefetch(p3 + next);
                Lanes.Prefetch(p4 + next);
                Lanes.Prefetch(p5 + next);
            }
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

    /// <summary>3x3 vectors of taps to 36.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Taps(T* taps, long tapStep, T* buffer, T* target, long pointStep)
    {
        for (int j = 0; j < 3; j++)
        {
            T* column = taps + (j * tapStep);
            Taps3(
                TSimd.Load(column), TSimd.Load(column + (3 * tapStep)), TSimd.Load(column + (6 * tapStep)),
                out var u0, out var u1, out var u2, out var u3, out var u4, out var u5);
            Store(buffer + (j * TSimd.Count), 3 * TSimd.Count, u0, u1, u2, u3, u4, u5);
        }
        for (int i = 0; i < Points; i++, buffer += 3 * TSimd.Count, target += Points * pointStep)
        {
            Taps3(
                TSimd.Load(buffer), TSimd.Load(buffer + TSimd.Count), TSimd.Load(buffer + (2 * TSimd.Count)),
                out var u0, out var u1, out var u2, out var u3, out var u4, out var u5);
            Store(target, pointStep, u0, u1, u2, u3, u4, u5);
        }
    }

    /// <summary>36 vectors of sums to 4x4 pixels, those of them that the image has.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Outputs(
        T* sums, long pointStep, T* buffer, T* bias, T* target, long rowStep, long pixelStep, int rows, int pixels, bool accumulate)
    {
        for (int j = 0; j < Points; j++, sums += pointStep)
        {
            Outputs4(
                TSimd.Load(sums), TSimd.Load(sums + (6 * pointStep)), TSimd.Load(sums + (12 * pointStep)),
                TSimd.Load(sums + (18 * pointStep)),
                TSimd.Load(sums + (24 * pointStep)), TSimd.Load(sums + (30 * pointStep)), out var y0, out var y1, out var y2, out var y3);
            T* place = buffer + (j * TSimd.Count);
            TSimd.Store(y0, place);
            TSimd.Store(y1, place + (Points * TSimd.Count));
            TSimd.Store(y2, place + (2 * Points * TSimd.Count));
            TSimd.Store(y3, place + (3 * Points * TSimd.Count));
        }
        TVector offset = TSimd.Load(bias);
        for (int i = 0; i < rows; i++, buffer += Points * TSimd.Count, target += rowStep)
        {
            Outputs4(
                TSimd.Load(buffer), TSimd.Load(buffer + TSimd.Count), TSimd.Load(buffer + (2 * TSimd.Count)),
                TSimd.Load(buffer + (3 * TSimd.Count)), TSimd.Load(buffer + (4 * TSimd.Count)), TSimd.Load(buffer + (5 * TSimd.Count)),
                out var y0, out var y1, out var y2, out var y3);
            StorePixel(y0, offset, target, accumulate);
            if (pixels > 1)
                StorePixel(y1, offset, target + pixelStep, accumulate);
            if (pixels > 2)
                StorePixel(y2, offset, target + (2 * pixelStep), accumulate);
            if (pixels > 3)
                StorePixel(y3, offset, target + (3 * pixelStep), accumulate);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void StorePixel(TVector value, TVector bias, T* target, bool accumulate)
    {
        value = TSimd.Add(value, bias);
        TSimd.Store(accumulate ? TSimd.Add(value, TSimd.Load(target)) : value, target);
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
