using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>Block sizes shared by packing and kernels.</summary>
static class GemmBlocking
{
    /// <summary>
    /// Greatest depth of a packed block: a right panel of 32 columns and a left panel of 12 lines together fit a 48 KiB level-1 cache, so
    /// the right panel mostly stays while left panels stream by. Less of it reads and writes C more often.
    /// </summary>
    public const int Depth = 192;

    /// <summary>
    /// Blocks of depth that add to a panel of C in turn, so that all but the first find it in the level-2 cache: half as much of C
    /// comes from what threads share.
    /// </summary>
    public const int BlocksTogether = 2;

    /// <summary>Lines of the left matrix packed at once: with <see cref="Depth"/> a quarter of a 1 MiB level-2 cache, for
    /// <see cref="BlocksTogether"/> of them.</summary>
    public const int Lines = 240;
}

/// <summary>A register tile of one instruction set: its size, and the kernel that fills it.</summary>
unsafe interface ITileKernel<T>
    where T : unmanaged
{
    static abstract int Lines { get; }

    /// <summary>Columns, also the tile's and the right panel's row stride.</summary>
    static abstract int Columns { get; }

    /// <summary>Computes the first <paramref name="lines"/> x <paramref name="columns"/> of a tile (and possibly more of it).</summary>
    static abstract void Run(bool lineMajor, int lines, int columns, int depth, T* a, T* b, T* tile);

    /// <summary>Computes a whole tile into a matrix whose lines begin <paramref name="step"/> apart; with <paramref name="add"/> it is
    /// added to what is there.</summary>
    static abstract void RunWhole(bool lineMajor, int depth, T* a, T* b, T* target, long step, bool add);

    /// <summary>As <see cref="Run"/> with a left panel of another layout, its depth in runs <paramref name="runStep"/> apart;
    /// with <paramref name="add"/> the tile is added to.</summary>
    static abstract void RunRuns<TLayout>(int lines, int columns, int runs, int depth, T* a, long runStep, T* b, T* tile, bool add)
        where TLayout : struct, IPanelLayout;
}

/// <summary>12 lines by two vectors.</summary>
readonly unsafe struct WideTile<TSimd, TVector, T> : ITileKernel<T>
    where TSimd : struct, ISimd<TVector, T>
    where TVector : struct
    where T : unmanaged
{
    public static int Lines => 12;

    public static int Columns => 2 * TSimd.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(bool lineMajor, int lines, int columns, int depth, T* a, T* b, T* tile)
    {
        if (lineMajor)
            RunRuns<LineMajor>(lines, columns, 1, depth, a, 0, b, tile, false);
        else
            RunRuns<DepthMajor12>(lines, columns, 1, depth, a, 0, b, tile, false);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void RunWhole(bool lineMajor, int depth, T* a, T* b, T* target, long step, bool add)
    {
        if (lineMajor)
            MicroKernels<TSimd, TVector, T>.Tile<LineMajor, TwoVectors, TwelveLines>(1, depth, a, 0, b, target, step, add);
        else
            MicroKernels<TSimd, TVector, T>.Tile<DepthMajor12, TwoVectors, TwelveLines>(1, depth, a, 0, b, target, step, add);
    }

    public static void RunRuns<TLayout>(int lines, int columns, int runs, int depth, T* a, long runStep, T* b, T* tile, bool add)
        where TLayout : struct, IPanelLayout
    {
        if (columns > TSimd.Count)
            RunRuns<TLayout, TwoVectors>(lines, runs, depth, a, runStep, b, tile, add);
        else
            RunRuns<TLayout, OneVector>(lines, runs, depth, a, runStep, b, tile, add);
    }

    static void RunRuns<TLayout, TWidth>(int lines, int runs, int depth, T* a, long runStep, T* b, T* tile, bool add)
        where TLayout : struct, IPanelLayout
        where TWidth : struct, ITileWidth
    {
        if (lines > 8)
            MicroKernels<TSimd, TVector, T>.Tile<TLayout, TWidth, TwelveLines>(runs, depth, a, runStep, b, tile, 2 * TSimd.Count, add);
        else if (lines > 6)
            MicroKernels<TSimd, TVector, T>.Tile<TLayout, TWidth, EightLines>(runs, depth, a, runStep, b, tile, 2 * TSimd.Count, add);
        else
            MicroKernels<TSimd, TVector, T>.Tile<TLayout, TWidth, SixLines>(runs, depth, a, runStep, b, tile, 2 * TSimd.Count, add);
    }
}

/// <summary>6 lines by two vectors.</summary>
readonly unsafe struct NarrowTile<TSimd, TVector, T> : ITileKernel<T>
    where TSimd : struct, ISimd<TVector, T>
    where TVector : struct
    where T : unmanaged
{
    public static int Lines => 6;

    public static int Columns => 2 * TSimd.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(bool lineMajor, int lines, int columns, int depth, T* a, T* b, T* tile)
    {
        if (lineMajor)
            RunRuns<LineMajor>(lines, columns, 1, depth, a, 0, b, tile, false);
        else
            RunRuns<DepthMajor6>(lines, columns, 1, depth, a, 0, b, tile, false);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void RunWhole(bool lineMajor, int depth, T* a, T* b, T* target, long step, bool add)
    {
        if (lineMajor)
            MicroKernels<TSimd, TVector, T>.Tile<LineMajor, TwoVectors, SixLines>(1, depth, a, 0, b, target, step, add);
        else
            MicroKernels<TSimd, TVector, T>.Tile<DepthMajor6, TwoVectors, SixLines>(1, depth, a, 0, b, target, step, add);
    }

    public static void RunRuns<TLayout>(int lines, int columns, int runs, int depth, T* a, long runStep, T* b, T* tile, bool add)
        where TLayout : struct, IPanelLayout
    {
        if (columns > TSimd.Count)
            MicroKernels<TSimd, TVector, T>.Tile<TLayout, TwoVectors, SixLines>(runs, depth, a, runStep, b, tile, 2 * TSimd.Count, add);
        else
            MicroKernels<TSimd, TVector, T>.Tile<TLayout, OneVector, SixLines>(runs, depth, a, runStep, b, tile, 2 * TSimd.Count, add);
    }
}
