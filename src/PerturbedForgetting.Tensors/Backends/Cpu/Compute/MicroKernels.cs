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

interface ITileHeight
{
    static abstract int Lines { get; }
}

readonly struct SixLines : ITileHeight
{
    public static int Lines => 6;
}

readonly struct EightLines : ITileHeight
{
    public static int Lines => 8;
}

readonly struct TwelveLines : ITileHeight
{
    public static int Lines => 12;
}

/// <summary>
/// The innermost loops: tile[i, j] = sum over d of a[i, d] * b[d, j], accumulators in registers, every element
/// summed in order of depth. So an element's bits do not depend on which tile or kernel computes it.
/// The depth comes as runs of equal length; the left panel's lie <c>runStep</c> apart, the right panel is contiguous. The tile's lines
/// begin <c>step</c> apart; with <c>add</c> the sums are added to what it has.
/// </summary>
static unsafe class MicroKernels<TSimd, TVector, T>
    where TSimd : struct, ISimd<TVector, T>
    where TVector : struct
    where T : unmanaged
{
    /// <summary>Depth before the end at which the tile is asked for: its lines often lie a power of two apart, and would push the panels'
    /// from the sets of the level-1 cache that they share if they came earlier.</summary>
    const int Late = 64;

    /// <summary>Up to 12 lines by two vectors: 24 accumulators, for machines with 32 vector registers. 6 lines take half as many, for
    /// machines with 16. Of powers of two 12 lines leave 4 or 8.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tile<TLayout, TWidth, THeight>(int runs, int depth, T* a, long runStep, T* b, T* tile, long step, bool add)
        where TLayout : struct, IPanelLayout
        where TWidth : struct, ITileWidth
        where THeight : struct, ITileHeight
    {
        TVector zero = default;
        TVector c00 = zero, c10 = zero, c20 = zero, c30 = zero, c40 = zero, c50 = zero, c60 = zero, c70 = zero, c80 = zero, c90 = zero,
            ca0 = zero, cb0 = zero;
        TVector c01 = zero, c11 = zero, c21 = zero, c31 = zero, c41 = zero, c51 = zero, c61 = zero, c71 = zero, c81 = zero, c91 = zero,
            ca1 = zero, cb1 = zero;
        for (; runs > 0; runs--, a += runStep)
        {
            T* p = a;
            int part = runs == 1 && depth > Late ? depth - Late : depth;
            for (int rest = depth; rest > 0; rest -= part, part = rest)
            {
                if (rest == Late)
                    Lanes.PrefetchRows(tile, step, TWidth.Vectors * TSimd.Count, THeight.Lines);
                for (int d = part; d > 0; d--, p += TLayout.DepthStep, b += 2 * TSimd.Count)
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
                    if (THeight.Lines > 6)
                    {
                        TVector a6 = TSimd.Broadcast(p[6 * TLayout.LineStep]);
                        c60 = TSimd.MultiplyAdd(a6, b0, c60);
                        if (TWidth.Vectors == 2) c61 = TSimd.MultiplyAdd(a6, b1, c61);
                        TVector a7 = TSimd.Broadcast(p[7 * TLayout.LineStep]);
                        c70 = TSimd.MultiplyAdd(a7, b0, c70);
                        if (TWidth.Vectors == 2) c71 = TSimd.MultiplyAdd(a7, b1, c71);
                    }
                    if (THeight.Lines > 8)
                    {
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
            }
        }

        if (add)
        {
            AddLine<TWidth>(tile + (0 * step), ref c00, ref c01);
            AddLine<TWidth>(tile + (1 * step), ref c10, ref c11);
            AddLine<TWidth>(tile + (2 * step), ref c20, ref c21);
            AddLine<TWidth>(tile + (3 * step), ref c30, ref c31);
            AddLine<TWidth>(tile + (4 * step), ref c40, ref c41);
            AddLine<TWidth>(tile + (5 * step), ref c50, ref c51);
            if (THeight.Lines > 6)
            {
                AddLine<TWidth>(tile + (6 * step), ref c60, ref c61);
                AddLine<TWidth>(tile + (7 * step), ref c70, ref c71);
            }
            if (THeight.Lines > 8)
            {
                AddLine<TWidth>(tile + (8 * step), ref c80, ref c81);
                AddLine<TWidth>(tile + (9 * step), ref c90, ref c91);
                AddLine<TWidth>(tile + (10 * step), ref ca0, ref ca1);
                AddLine<TWidth>(tile + (11 * step), ref cb0, ref cb1);
            }
        }
        StoreLine<TWidth>(tile + (0 * step), c00, c01);
        StoreLine<TWidth>(tile + (1 * step), c10, c11);
        StoreLine<TWidth>(tile + (2 * step), c20, c21);
        StoreLine<TWidth>(tile + (3 * step), c30, c31);
        StoreLine<TWidth>(tile + (4 * step), c40, c41);
        StoreLine<TWidth>(tile + (5 * step), c50, c51);
        if (THeight.Lines > 6)
        {
            StoreLine<TWidth>(tile + (6 * step), c60, c61);
            StoreLine<TWidth>(tile + (7 * step), c70, c71);
        }
        if (THeight.Lines > 8)
        {
            StoreLine<TWidth>(tile + (8 * step), c80, c81);
            StoreLine<TWidth>(tile + (9 * step), c90, c91);
            StoreLine<TWidth>(tile + (10 * step), ca0, ca1);
            StoreLine<TWidth>(tile + (11 * step), cb0, cb1);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void AddLine<TWidth>(T* line, ref TVector c0, ref TVector c1)
        where TWidth : struct, ITileWidth
    {
        c0 = TSimd.Add(TSimd.Load(line), c0);
        if (TWidth.Vectors == 2) c1 = TSimd.Add(TSimd.Load(line + TSimd.Count), c1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void StoreLine<TWidth>(T* line, TVector c0, TVector c1)
        where TWidth : struct, ITileWidth
    {
        TSimd.Store(c0, line);
        if (TWidth.Vectors == 2) TSimd.Store(c1, line + TSimd.Count);
    }
}
