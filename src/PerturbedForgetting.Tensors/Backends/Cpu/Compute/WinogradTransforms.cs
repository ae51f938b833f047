using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>The transforms of tiles of an image: those of a <typeparamref name="TFilter"/> along both axes.</summary>
static unsafe class WinogradTransforms<TFilter, TSimd, TVector, T>
    where TFilter : struct, IWinogradFilter<TVector>
    where TSimd : struct, ISimd<TVector, T>
    where TVector : struct
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Pixels of a tile's input along one axis: outputs and taps less one.</summary>
    public static int Points => TFilter.Side + 2;

    /// <summary>Products of a tile and a pair of channels.</summary>
    public static int Products => Points * Points;

    /// <summary>A vector of channels of a tile's pixels, transformed along both axes. Memory is told of the pixels of the tile to the
    /// right.</summary>
    /// <param name="pixels">The pixels, row by row.</param>
    /// <param name="channel">First of the vector's channels.</param>
    /// <param name="next">Elements from a pixel to the same of the tile to the right.</param>
    /// <param name="buffer">Room for as many vectors.</param>
    /// <param name="target">The first value.</param>
    /// <param name="pointStep">Elements from one of the values to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pixels(T** pixels, int channel, long next, T* buffer, T* target, long pointStep)
    {
        for (int j = 0; j < Points; j++)
        {
            T* p0 = pixels[j] + channel, p1 = pixels[Points + j] + channel, p2 = pixels[(2 * Points) + j] + channel;
            T* p3 = pixels[(3 * Points) + j] + channel, p4 = p3, p5 = p3;
            TVector d0 = TSimd.Load(p0), d1 = TSimd.Load(p1), d2 = TSimd.Load(p2), d3 = TSimd.Load(p3), d4 = default, d5 = default;
            if (Points > 4)
            {
                p4 = pixels[(4 * Points) + j] + channel;
                p5 = pixels[(5 * Points) + j] + channel;
                (d4, d5) = (TSimd.Load(p4), TSimd.Load(p5));
            }
            if (j >= 2)
            {
                Lanes.Prefetch(p0 + next);
                Lanes.Prefetch(p1 + next);
                Lanes.Prefetch(p2 + next);
                Lanes.Prefetch(p3 + next);
                if (Points > 4)
                {
                    Lanes.Prefetch(p4 + next);
                    Lanes.Prefetch(p5 + next);
                }
            }
            TFilter.Input(ref d0, ref d1, ref d2, ref d3, ref d4, ref d5);
            Store(buffer + (j * TSimd.Count), Points * TSimd.Count, d0, d1, d2, d3, d4, d5);
        }
        for (int i = 0; i < Points; i++, buffer += Points * TSimd.Count, target += Points * pointStep)
        {
            Load(buffer, TSimd.Count, out var d0, out var d1, out var d2, out var d3, out var d4, out var d5);
            TFilter.Input(ref d0, ref d1, ref d2, ref d3, ref d4, ref d5);
            Store(target, pointStep, d0, d1, d2, d3, d4, d5);
        }
    }

    /// <summary>3x3 vectors of taps.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Taps(T* taps, long tapStep, T* buffer, T* target, long pointStep)
    {
        for (int j = 0; j < 3; j++)
        {
            T* column = taps + (j * tapStep);
            TFilter.Taps(TSimd.Load(column), TSimd.Load(column + (3 * tapStep)), TSimd.Load(column + (6 * tapStep)),
                out var u0, out var u1, out var u2, out var u3, out var u4, out var u5);
            Store(buffer + (j * TSimd.Count), 3 * TSimd.Count, u0, u1, u2, u3, u4, u5);
        }
        for (int i = 0; i < Points; i++, buffer += 3 * TSimd.Count, target += Points * pointStep)
        {
            TFilter.Taps(TSimd.Load(buffer), TSimd.Load(buffer + TSimd.Count), TSimd.Load(buffer + (2 * TSimd.Count)),
                out var u0, out var u1, out var u2, out var u3, out var u4, out var u5);
            Store(target, pointStep, u0, u1, u2, u3, u4, u5);
        }
    }

    /// <summary>Vectors of sums to pixels, those of them that the image has.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Outputs(
        T* sums, long pointStep, T* buffer, T* bias, T* target, long rowStep, long pixelStep, int rows, int pixels, bool accumulate)
    {
        for (int j = 0; j < Points; j++, sums += pointStep)
        {
            Load(sums, Points * pointStep, out var m0, out var m1, out var m2, out var m3, out var m4, out var m5);
            TFilter.Outputs(m0, m1, m2, m3, m4, m5, out var y0, out var y1, out var y2, out var y3);
            T* place = buffer + (j * TSimd.Count);
            TSimd.Store(y0, place);
            TSimd.Store(y1, place + (Points * TSimd.Count));
            if (TFilter.Side > 2)
            {
                TSimd.Store(y2, place + (2 * Points * TSimd.Count));
                TSimd.Store(y3, place + (3 * Points * TSimd.Count));
            }
        }
        TVector offset = TSimd.Load(bias);
        for (int i = 0; i < rows; i++, buffer += Points * TSimd.Count, target += rowStep)
        {
            Load(buffer, TSimd.Count, out var m0, out var m1, out var m2, out var m3, out var m4, out var m5);
            TFilter.Outputs(m0, m1, m2, m3, m4, m5, out var y0, out var y1, out var y2, out var y3);
            StorePixel(y0, offset, target, accumulate);
            if (pixels > 1)
                StorePixel(y1, offset, target + pixelStep, accumulate);
            if (TFilter.Side > 2 && pixels > 2)
                StorePixel(y2, offset, target + (2 * pixelStep), accumulate);
            if (TFilter.Side > 2 && pixels > 3)
                StorePixel(y3, offset, target + (3 * pixelStep), accumulate);
        }
    }

    /// <summary>A vector of channels of the pixels of a tile of the output's gradient, as many along each axis as the tile has outputs.
    /// Memory is told of those of the tile to the right.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gradients(T** pixels, int channel, long next, T* buffer, T* target, long pointStep)
    {
        int side = TFilter.Side;
        for (int j = 0; j < side; j++)
        {
            T* p0 = pixels[j] + channel, p1 = pixels[side + j] + channel;
            TVector g0 = TSimd.Load(p0), g1 = TSimd.Load(p1), g2 = default, g3 = default;
            Lanes.Prefetch(p0 + next);
            Lanes.Prefetch(p1 + next);
            if (TFilter.Side > 2)
            {
                T* p2 = pixels[(2 * side) + j] + channel, p3 = pixels[(3 * side) + j] + channel;
                (g2, g3) = (TSimd.Load(p2), TSimd.Load(p3));
                Lanes.Prefetch(p2 + next);
                Lanes.Prefetch(p3 + next);
            }
            TFilter.ManyTaps(g0, g1, g2, g3, out var u0, out var u1, out var u2, out var u3, out var u4, out var u5);
            Store(buffer + (j * TSimd.Count), side * TSimd.Count, u0, u1, u2, u3, u4, u5);
        }
        for (int i = 0; i < Points; i++, buffer += side * TSimd.Count, target += Points * pointStep)
        {
            TVector g2 = default, g3 = default;
            if (TFilter.Side > 2)
                (g2, g3) = (TSimd.Load(buffer + (2 * TSimd.Count)), TSimd.Load(buffer + (3 * TSimd.Count)));
            TFilter.ManyTaps(TSimd.Load(buffer), TSimd.Load(buffer + TSimd.Count), g2, g3,
                out var u0, out var u1, out var u2, out var u3, out var u4, out var u5);
            Store(target, pointStep, u0, u1, u2, u3, u4, u5);
        }
    }

    /// <summary>Vectors of sums to 3x3 taps.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void WeightGradients(T* sums, long pointStep, T* buffer, T* taps, long tapStep, bool accumulate)
    {
        for (int j = 0; j < Points; j++, sums += pointStep)
        {
            Load(sums, Points * pointStep, out var m0, out var m1, out var m2, out var m3, out var m4, out var m5);
            TFilter.ThreeOutputs(m0, m1, m2, m3, m4, m5, out var y0, out var y1, out var y2);
            T* place = buffer + (j * TSimd.Count);
            TSimd.Store(y0, place);
            TSimd.Store(y1, place + (Points * TSimd.Count));
            TSimd.Store(y2, place + (2 * Points * TSimd.Count));
        }
        for (int i = 0; i < 3; i++, buffer += Points * TSimd.Count, taps += 3 * tapStep)
        {
            Load(buffer, TSimd.Count, out var m0, out var m1, out var m2, out var m3, out var m4, out var m5);
            TFilter.ThreeOutputs(m0, m1, m2, m3, m4, m5, out var y0, out var y1, out var y2);
            Store(y0, taps, accumulate);
            Store(y1, taps + tapStep, accumulate);
            Store(y2, taps + (2 * tapStep), accumulate);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void StorePixel(TVector value, TVector bias, T* target, bool accumulate) =>
        Store(TSimd.Add(value, bias), target, accumulate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store(TVector value, T* target, bool accumulate) =>
        TSimd.Store(accumulate ? TSimd.Add(value, TSimd.Load(target)) : value, target);

    /// <summary>Loads vectors a step apart, one a point.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Load(T* source, long step,
        out TVector v0, out TVector v1, out TVector v2, out TVector v3, out TVector v4, out TVector v5)
    {
        v0 = TSimd.Load(source);
        v1 = TSimd.Load(source + step);
        v2 = TSimd.Load(source + (2 * step));
        v3 = TSimd.Load(source + (3 * step));
        (v4, v5) = Points > 4 ? (TSimd.Load(source + (4 * step)), TSimd.Load(source + (5 * step))) : default;
    }

    /// <summary>Stores vectors a step apart, one a point.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store(T* target, long step, TVector v0, TVector v1, TVector v2, TVector v3, TVector v4, TVector v5)
    {
        TSimd.Store(v0, target);
        TSimd.Store(v1, target + step);
        TSimd.Store(v2, target + (2 * step));
        TSimd.Store(v3, target + (3 * step));
        if (Points > 4)
        {
            TSimd.Store(v4, target + (4 * step));
            TSimd.Store(v5, target + (5 * step));
        }
    }
}
