using System.Numerics;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// Products whose left lines are dense windows sliding over an image one pixel at a time. With few channels, gathering
/// windows costs as much as multiplying them, so the kernels read a band of the image, padded with zeros, in place.
/// Windows that straddle the side of the band are computed too, and not stored.
/// </summary>
static class SlidingWindows
{
    // The band of a 32-pixel row of 16 channels fills half a level-1 cache.
    const int BandElements = 6144;

    /// <summary>Whether these windows can be taken in place.</summary>
    public static bool Fits<T>(in WindowGrid<T> grid)
        where T : unmanaged =>
        // The windows computed in vain are TapsW - 1 a row: with 64 channels and short rows they outweigh the packing saved.
        (grid.Channels is 3 or 16 or 32 || (grid.Channels == 64 && grid.GridW >= 16)) && grid.PixelStep == grid.Channels && grid.TapsW > 1
        && grid.StepH == 1 && grid.StepW == 1 && grid.TapStepH == 1 && grid.TapStepW == 1;

    /// <summary>Window rows of a band, what a thread takes at once: fewer where there would not be two bands a thread.</summary>
    public static int BandRows<T>(int images, in WindowGrid<T> grid, int threads)
        where T : unmanaged
    {
        int width = (grid.GridW + grid.TapsW - 1) * grid.Channels;
        int rows = Math.Clamp((BandElements / width) - grid.TapsH + 1, Math.Min(4, grid.GridH), grid.GridH);
        while (rows > 2 && (long)images * GemmPlan.CeilDiv(grid.GridH, rows) < 2L * threads)
            rows = GemmPlan.CeilDiv(rows, 2);
        return rows;
    }

    /// <summary>C[windows, n] = windows * right^T.</summary>
    public static void Run<T, TRight, TSink>(int images, int n, in WindowGrid<T> grid, TRight right, TSink sink)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TRight : struct, IRightOperand<T>
        where TSink : struct, ITileSink<T> =>
        SimdDispatch.Run<T, Work<T, TRight, TSink>>(new(images, n, grid, right, sink));

    readonly struct Work<T, TRight, TSink>(int images, int n, WindowGrid<T> grid, TRight right, TSink sink) : ISimdWork<T>
        where T : unmanaged, IFloatingPointIeee754<T>
        where TRight : struct, IRightOperand<T>
        where TSink : struct, ITileSink<T>
    {
        public void Run<TKernel, TSimd, TVector>()
            where TKernel : struct, ITileKernel<T>
            where TSimd : struct, ISimd<TVector, T>
            where TVector : struct => SlidingWindows.Run<T, TKernel, TRight, TSink>(images, n, grid, right, sink);
    }

    static void Run<T, TKernel, TRight, TSink>(int images, int n, in WindowGrid<T> grid, TRight right, TSink sink)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TKernel : struct, ITileKernel<T>
        where TRight : struct, IRightOperand<T>
        where TSink : struct, ITileSink<T>
    {
        switch (grid.Channels)
        {
            case 3:
                SlidingProduct<T, TKernel, Sliding3, TRight, TSink>.Run(images, n, grid, right, sink);
                break;
            case 16:
                SlidingProduct<T, TKernel, Sliding16, TRight, TSink>.Run(images, n, grid, right, sink);
                break;
            case 32:
                SlidingProduct<T, TKernel, Sliding32, TRight, TSink>.Run(images, n, grid, right, sink);
                break;
            default:
                SlidingProduct<T, TKernel, Sliding64, TRight, TSink>.Run(images, n, grid, right, sink);
                break;
        }
    }
}

/// <summary>One product of sliding windows; a task is a band of window rows of an image.</summary>
unsafe struct SlidingProduct<T, TKernel, TLayout, TRight, TSink> : IParallelBody
    where T : unmanaged, IFloatingPointIeee754<T>
    where TKernel : struct, ITileKernel<T>
    where TLayout : struct, IPanelLayout
    where TRight : struct, IRightOperand<T>
    where TSink : struct, ITileSink<T>
{
    // A right panel of this depth leaves a quarter of a 48 KiB level-1 cache to the band.
    const int DepthAtOnce = 288;

    int n, bandRows, bands;
    WindowGrid<T> grid;
    TSink sink;
    T* packedRight;

    public static void Run(int images, int n, in WindowGrid<T> grid, TRight right, TSink sink)
    {
        int rows = SlidingWindows.BandRows(images, grid, WorkerPool.Threads);
        var product = new SlidingProduct<T, TKernel, TLayout, TRight, TSink>
        {
            n = n,
            grid = grid,
            sink = sink,
            bandRows = rows,
            bands = GemmPlan.CeilDiv(grid.GridH, rows),
            packedRight = Scratch.Get<T>(ScratchUse.SharedRight, (long)GemmPlan.CeilDiv(n, TKernel.Columns) * TKernel.Columns * grid.Depth),
        };
        for (int j = 0; j < n; j += TKernel.Columns)
            right.PackRight(product.packedRight + ((long)j * grid.Depth), j, Math.Min(TKernel.Columns, n - j), 0, grid.Depth,
                TKernel.Columns);
        WorkerPool.For(images * product.bands, ref product);
    }

    public void Run(int index)
    {
        int image = index / bands, row0 = index % bands * bandRows, rows = Math.Min(bandRows, grid.GridH - row0);
        int width = grid.GridW + grid.TapsW - 1, runDepth = grid.TapsW * grid.Channels;
        long rowStep = (long)width * grid.Channels;
        // Kernels may read lines beyond the last window: room for a whole tile of them.
        long size = ((rows + grid.TapsH - 1) * rowStep) + (TKernel.Lines * grid.Channels);
        T* band = Scratch.Get<T>(ScratchUse.Band, size), tile = Scratch.Get<T>(ScratchUse.Tile, TKernel.Lines * TKernel.Columns);
        PackBand(band, image, row0, rows + grid.TapsH - 1, width);
        int positions = ((rows - 1) * width) + grid.GridW, runsAtOnce = Math.Max(1, DepthAtOnce / runDepth);
        int line0 = ((image * grid.GridH) + row0) * grid.GridW;
        for (int j = 0; j < n; j += TKernel.Columns)
        {
            int columns = Math.Min(TKernel.Columns, n - j);
            for (int tap = 0; tap < grid.TapsH; tap += runsAtOnce)
            {
                int runs = Math.Min(runsAtOnce, grid.TapsH - tap);
                T* left = band + (tap * rowStep), right = packedRight + ((long)j * grid.Depth) + (tap * runDepth * TKernel.Columns);
                for (int position = 0; position < positions; position += TKernel.Lines)
                {
                    int lines = Math.Min(TKernel.Lines, positions - position);
                    TKernel.RunRuns<TLayout>(lines, columns, runs, runDepth, left + ((long)position * grid.Channels), rowStep, right, tile,
                        add: false);
                    Store(tile, position, lines, width, line0, j, columns, tap == 0, tap + runs == grid.TapsH);
                }
            }
        }
    }

    void Store(T* tile, int position, int lines, int width, int line0, int column, int columns, bool first, bool last)
    {
        int row = position / width, across = position - (row * width);
        while (lines > 0)
        {
            int count = Math.Min(lines, grid.GridW - across), skip = Math.Min(lines, width - across);
            if (count > 0)
                sink.Store(tile, TKernel.Columns, line0 + (row * grid.GridW) + across, count, column, columns, first, last);
            tile += skip * TKernel.Columns;
            lines -= skip;
            across = 0;
            row++;
        }
    }

    void PackBand(T* band, int image, int row0, int rows, int width)
    {
        int left = Math.Clamp(-grid.OriginW, 0, width), right = Math.Clamp(grid.W - grid.OriginW, left, width);
        int channels = grid.Channels;
        for (int i = 0; i < rows; i++, band += width * channels)
        {
            int h = grid.OriginH + row0 + i;
            if ((uint)h >= (uint)grid.H)
            {
                Lanes.Clear(band, width * channels);
                continue;
            }
            T* source = grid.Image + ((((long)((image * grid.H) + h) * grid.W) + grid.OriginW) * channels);
            Lanes.Clear(band, left * channels);
            Lanes.Copy(source + (left * channels), band + (left * channels), (right - left) * channels);
            Lanes.Clear(band + (right * channels), (width - right) * channels);
        }
    }
}
