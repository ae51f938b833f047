using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>How a packed left panel is laid out: where the next line and the next depth are.</summary>
interface IPanelLayout
{
    static abstract int LineStep { get; }

    static abstract int DepthStep { get; }
}

/// <summary>
/// Lines one after the other, each <see cref="GemmBlocking.Depth"/> long. Packing is a plain copy where the
/// source is contiguous in depth, and the fixed step turns into constant offsets in the kernel.
/// </summary>
readonly struct LineMajor : IPanelLayout
{
    public static int LineStep => GemmBlocking.Depth;

    public static int DepthStep => 1;
}

/// <summary>
/// Windows that slide over pixels of 3 channels: each line begins one pixel after the one before, and they share the
/// rest. Nothing is packed; a run is a row of taps.
/// </summary>
readonly struct Sliding3 : IPanelLayout
{
    public static int LineStep => 3;

    public static int DepthStep => 1;
}

/// <summary>Windows that slide over pixels of 16 channels.</summary>
readonly struct Sliding16 : IPanelLayout
{
    public static int LineStep => 16;

    public static int DepthStep => 1;
}

/// <summary>Windows that slide over pixels of 32 channels.</summary>
readonly struct Sliding32 : IPanelLayout
{
    public static int LineStep => 32;

    public static int DepthStep => 1;
}

/// <summary>Windows that slide over pixels of 64 channels.</summary>
readonly struct Sliding64 : IPanelLayout
{
    public static int LineStep => 64;

    public static int DepthStep => 1;
}

/// <summary>The 12 values of one depth together: a plain copy where the source is contiguous in lines.</summary>
readonly struct DepthMajor12 : IPanelLayout
{
    public static int LineStep => 1;

    public static int DepthStep => 12;
}

/// <summary>The 6 values of one depth together.</summary>
readonly struct DepthMajor6 : IPanelLayout
{
    public static int LineStep => 1;

    public static int DepthStep => 6;
}

/// <summary>Lines one after the other, each of 32 values.</summary>
readonly struct LineMajor32 : IPanelLayout
{
    public const int Width = 32;

    public static int LineStep => Width;

    public static int DepthStep => 1;
}

/// <summary>64 values of one depth together, of which the lines are some.</summary>
readonly struct DepthMajor64 : IPanelLayout
{
    public const int Width = 64;

    public static int LineStep => 1;

    public static int DepthStep => Width;
}

interface ITileWidth
{
    static abstract int Vectors { get; }
}

readonly struct OneVector : ITileWidth
{
    public static int Vectors => 1;
}

readonly struct TwoVectors : ITileWidth
{
    public static int Vectors => 2;
}

/// <summary>
/// The innermost loops: tile[i, j] = sum over d of a[i, d] * b[d, j], accumulators in registers, every element
/// summed in order of depth. So an element's bits do not depend on which tile or kernel computes it.
/// The depth comes as runs of equal length; the left panel's lie <c>runStep</c> apart, the right panel is contiguous. With <c>add</c> the
/// sums are added to what the tile has.
/// </summary>
static unsafe class MicroKernels<TSimd, TVector, T>
    where TSimd : struct, ISimd<TVector, T>
    where TVector : struct
    where T : unmanaged
{
    /// <summary>12 lines: 24 accumulators, for machines with 32 vector registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Lines12<TLayout, TWidth>(int runs, int depth, T* a, long runStep, T* b, T* tile, bool add)
        where TLayout : struct, IPanelLayout
        where TWidth : struct, ITileWidth
    {
        TVector zero = default;
        TVector c00 = zero, c10 = zero, c20 = zero, c30 = zero, c40 = zero, c50 = zero, c60 = zero, c70 = zero, c80 = zero, c90 = zero,
            ca0 = zero, cb0 = zero;
        TVector c01 = zero, c11 = zero, c21 = zero, c31 = zero, c41 = zero, c51 = zero, c61 = zero, c71 = zero, c81 = zero, c91 = zero,
            ca1 = zero, cb1 = zero;
        for (; runs > 0; runs--, a += runStep)
        {
            T* p = a;
            for (int d = depth; d > 0; d--, p += TLayout.DepthStep, b += 2 * TSimd.Count)
            {
                TVector b0 = TSimd.Load(b);
                TVector b1 = TWidth.Vectors == 2 ? TSimd.Load(b + TSimd.Count) : default;
                TVector a0 = TSimd.Broadcast(p[0 * TLayout.LineStep]);
                c00 = TSimd.MultiplyAdd(a0, b0, c00);
                if (TWidth.Vectors == 2) c01 = TSimd.MultiplyAdd(a0, b1, c01);
                TVector a1 = TSimd.Broadcast(p[1 * TLayout.LineStep]);
                c10 = TSimd.MultiplyAdd(a1, b0, c10);
                if (TWidth.Vectors == 2) c11 = TSimd.MultiplyAdd(a1, b1, c11);
                TVector a2 = TSimd.Broadcast(p[2 * TLayout.LineStep]);
                c20 = TSimd.MultiplyAdd(a2, b0, c20);
                if (TWidth.Vectors == 2) c21 = TSimd.MultiplyAdd(a2, b1, c21);
                TVector a3 = TSimd.Broadcast(p[3 * TLayout.LineStep]);
                c30 = TSimd.MultiplyAdd(a3, b0, c30);
                if (TWidth.Vectors == 2) c31 = TSimd.MultiplyAdd(a3, b1, c31);
                TVector a4 = TSimd.Broadcast(p[4 * TLayout.LineStep]);
                c40 = TSimd.MultiplyAdd(a4, b0, c40);
                if (TWidth.Vectors == 2) c41 = TSimd.MultiplyAdd(a4, b1, c41);
                TVector a5 = TSimd.Broadcast(p[5 * TLayout.LineStep]);
                c50 = TSimd.MultiplyAdd(a5, b0, c50);
                if (TWidth.Vectors == 2) c51 = TSimd.MultiplyAdd(a5, b1, c51);
                TVector a6 = TSimd.Broadcast(p[6 * TLayout.LineStep]);
                c60 = TSimd.MultiplyAdd(a6, b0, c60);
                if (TWidth.Vectors == 2) c61 = TSimd.MultiplyAdd(a6, b1, c61);
                TVector a7 = TSimd.Broadcast(p[7 * TLayout.LineStep]);
                c70 = TSimd.MultiplyAdd(a7, b0, c70);
                if (TWidth.Vectors == 2) c71 = TSimd.MultiplyAdd(a7, b1, c71);
                TVector a8 = TSimd.Broadcast(p[8 * TLayout.LineStep]);
                c80 = TSimd.MultiplyAdd(a8, b0, c80);
                if (TWidth.Vectors == 2) c81 = TSimd.MultiplyAdd(a8, b1, c81);
                TVector a9 = TSimd.Broadcast(p[9 * TLayout.LineStep]);
                c90 = TSimd.MultiplyAdd(a9, b0, c90);
                if (TWidth.Vectors == 2) c91 = TSimd.MultiplyAdd(a9, b1, c91);
                TVector aa = TSimd.Broadcast(p[10 * TLayout.LineStep]);
                ca0 = TSimd.MultiplyAdd(aa, b0, ca0);
                if (TWidth.Vectors == 2) ca1 = TSimd.MultiplyAdd(aa, b1, ca1);
                TVector ab = TSimd.Broadcast(p[11 * TLayout.LineStep]);
                cb0 = TSimd.MultiplyAdd(ab, b0, cb0);
                if (TWidth.Vectors == 2) cb1 = TSimd.MultiplyAdd(ab, b1, cb1);
            }
        }

        StoreLine<TWidth>(tile + 0 * 2 * TSimd.Count, c00, c01, add);
        StoreLine<TWidth>(tile + 1 * 2 * TSimd.Count, c10, c11, add);
        StoreLine<TWidth>(tile + 2 * 2 * TSimd.Count, c20, c21, add);
        StoreLine<TWidth>(tile + 3 * 2 * TSimd.Count, c30, c31, add);
        StoreLine<TWidth>(tile + 4 * 2 * TSimd.Count, c40, c41, add);
        StoreLine<TWidth>(tile + 5 * 2 * TSimd.Count, c50, c51, add);
        StoreLine<TWidth>(tile + 6 * 2 * TSimd.Count, c60, c61, add);
        StoreLine<TWidth>(tile + 7 * 2 * TSimd.Count, c70, c71, add);
        StoreLine<TWidth>(tile + 8 * 2 * TSimd.Count, c80, c81, add);
        StoreLine<TWidth>(tile + 9 * 2 * TSimd.Count, c90, c91, add);
        StoreLine<TWidth>(tile + 10 * 2 * TSimd.Count, ca0, ca1, add);
        StoreLine<TWidth>(tile + 11 * 2 * TSimd.Count, cb0, cb1, add);
    }

    /// <summary>6 lines: 12 accumulators, for machines with 16 vector registers and for short edges.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Lines6<TLayout, TWidth>(int runs, int depth, T* a, long runStep, T* b, T* tile, bool add)
        where TLayout : struct, IPanelLayout
        where TWidth : struct, ITileWidth
    {
        TVector zero = default;
        TVector c00 = zero, c10 = zero, c20 = zero, c30 = zero, c40 = zero, c50 = zero;
        TVector c01 = zero, c11 = zero, c21 = zero, c31 = zero, c41 = zero, c51 = zero;
        for (; runs > 0; runs--, a += runStep)
        {
            T* p = a;
            for (int d = depth; d > 0; d--, p += TLayout.DepthStep, b += 2 * TSimd.Count)
            {
                TVector b0 = TSimd.Load(b);
                TVector b1 = TWidth.Vectors == 2 ? TSimd.Load(b + TSimd.Count) : default;
                TVector a0 = TSimd.Broadcast(p[0 * TLayout.LineStep]);
                c00 = TSimd.MultiplyAdd(a0, b0, c00);
                if (TWidth.Vectors == 2) c01 = TSimd.MultiplyAdd(a0, b1, c01);
                TVector a1 = TSimd.Broadcast(p[1 * TLayout.LineStep]);
                c10 = TSimd.MultiplyAdd(a1, b0, c10);
                if (TWidth.Vectors == 2) c11 = TSimd.MultiplyAdd(a1, b1, c11);
                TVector a2 = TSimd.Broadcast(p[2 * TLayout.LineStep]);
                c20 = TSimd.MultiplyAdd(a2, b0, c20);
                if (TWidth.Vectors == 2) c21 = TSimd.MultiplyAdd(a2, b1, c21);
                TVector a3 = TSimd.Broadcast(p[3 * TLayout.LineStep]);
                c30 = TSimd.MultiplyAdd(a3, b0, c30);
                if (TWidth.Vectors == 2) c31 = TSimd.MultiplyAdd(a3, b1, c31);
                TVector a4 = TSimd.Broadcast(p[4 * TLayout.LineStep]);
                c40 = TSimd.MultiplyAdd(a4, b0, c40);
                if (TWidth.Vectors == 2) c41 = TSimd.MultiplyAdd(a4, b1, c41);
                TVector a5 = TSimd.Broadcast(p[5 * TLayout.LineStep]);
                c50 = TSimd.MultiplyAdd(a5, b0, c50);
                if (TWidth.Vectors == 2) c51 = TSimd.MultiplyAdd(a5, b1, c51);
            }
        }

        StoreLine<TWidth>(tile + 0 * 2 * TSimd.Count, c00, c01, add);
        StoreLine<TWidth>(tile + 1 * 2 * TSimd.Count, c10, c11, add);
        StoreLine<TWidth>(tile + 2 * 2 * TSimd.Count, c20, c21, add);
        StoreLine<TWidth>(tile + 3 * 2 * TSimd.Count, c30, c31, add);
        StoreLine<TWidth>(tile + 4 * 2 * TSimd.Count, c40, c41, add);
        StoreLine<TWidth>(tile + 5 * 2 * TSimd.Count, c50, c51, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void StoreLine<TWidth>(T* line, TVector c0, TVector c1, bool add)
        where TWidth : struct, ITileWidth
    {
        if (add)
        {
            c0 = TSimd.Add(TSimd.Load(line), c0);
            if (TWidth.Vectors == 2) c1 = TSimd.Add(TSimd.Load(line + TSimd.Count), c1);
        }
        TSimd.Store(c0, line);
        if (TWidth.Vectors == 2) TSimd.Store(c1, line + TSimd.Count);
    }
}
