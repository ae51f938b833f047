using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// Products whose left lines are dense windows sliding over an image one pixel at a time. With few channels, gathering
/// windows costs as much as multiplying them, so the kernels read a band of the image, padded with zeros, in place.
/// Windows that straddle the side of the band are computed too, and not stored.
/// </summary>
internal static class SlidingWindows
{
    /// <summary>Whether these windows can be taken in place.</summary>
    public static bool Fits<T>(in WindowGrid<T> grid)
        where T : unmanaged =>
        // The windows computed in vain are TapsW - 1 a row: with 64 channels and short rows they outweigh the packing saved.
        (grid.Channels is 3 or 16 or 32 || (grid.Channels == 64 && grid.GridW >= 16)) && grid.PixelStep == grid.Channels && grid.TapsW > 1
        && grid.StepH == 1 && grid.StepW == 1 && grid.TapStepH == 1 && grid.TapStepW == 1;

    /// <summary>C[windows, n] = windows * right^T.</summary>
    public static void Run<T, TRight, TSink>(int images, int n, in WindowGrid<T> grid, TRight right, TSink sink)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TRight : struct, IRightOperand<T>
        where TSink : struct, ITileSink<T>
    {
        switch (SimdLevel.Current)
        {
            case SimdKind.Avx512:
                Run<T, WideTile<Simd512<T>, Vector512<T>, T>, TRight, TSink>(images, n, grid, right, sink);
                break;
            case SimdKind.Avx2:
                Run<T, NarrowTile<Simd256<T>, Vector256<T>, T>, TRight, TSink>(images, n, grid, right, sink);
                break;
            default:
                if (RuntimeInformation.ProcessArchitecture == Architecture.Arm64)
                    Run<T, WideTile<Simd128<T>, Vector128<T>, T>, TRight, TSink>(images, n, grid, right, sink);
                else
                    Run<T, NarrowTile<Simd128<T>, Vector128<T>, T>, TRight, TSink>(images, n, grid, right, sink);
                break;
        }
    }

    private static void Run<T, TKernel, TRight, TSink>(int images, int n, in WindowGrid<T> grid, TRight right, TSink sink)
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
internal unsafe struct SlidingProduct<T, TKernel, TLayout, TRight, TSink> : IParallelBody
    where T : unmanaged, IFloatingPointIeee754<T>
    where TKernel : struct, ITileKernel<T>
    where TLayout : struct, IPanelLayout
    where TRight : struct, IRightOperand<T>
    where TSink : struct, ITileSink<T>
{
    // Window rows of a band: the band of a 32-pixel row of 16 channels fills half a level-1 cache.
    private const int BandElements = 6144;

    private int _n, _bandRows, _bands;
    private WindowGrid<T> _grid;
    private TSink _sink;
    private T* _packedRight;

    public static void Run(int images, int n, in WindowGrid<T> grid, TRight right, TSink sink)
    {
        int width = (grid.GridW + grid.TapsW - 1) * grid.Channels;
        int rows = Math.Clamp((BandElements / width) - grid.TapsH + 1, Math.Min(4, grid.GridH), grid.GridH);
        var product = new SlidingProduct<T, TKernel, TLayout, TRight, TSink>
        {
            _n = n,
            _grid = grid,
            _sink = sink,
            _bandRows = rows,
            _bands = GemmPlan.CeilDiv(grid.GridH, rows),
            _packedRight = Scratch.Get<T>(ScratchUse.SharedRight, (long)GemmPlan.CeilDiv(n, TKernel.Columns) * TKernel.Columns * grid.Depth),
        };
        for (int j = 0; j < n; j += TKernel.Columns)
            right.PackRight(product._packedRight + ((long)j * grid.Depth), j, Math.Min(TKernel.Columns, n - j), 0, grid.Depth, TKernel.Columns);
        WorkerPool.For(images * product._bands, ref product);
    }

    public void Run(int index)
    {
        int image = index / _bands, row0 = index % _bands * _bandRows, rows = Math.Min(_bandRows, _grid.GridH - row0);
        int width = _grid.GridW + _grid.TapsW - 1, runDepth = _grid.TapsW * _grid.Channels;
        long rowStep = (long)width * _grid.Channels;
        // Kernels may read lines beyond the last window: room for a whole tile of them.
        long size = ((rows + _grid.TapsH - 1) * rowStep) + (TKernel.Lines * _grid.Channels);
        T* band = Scratch.Get<T>(ScratchUse.Band, size), tile = Scratch.Get<T>(ScratchUse.Tile, TKernel.Lines * TKernel.Columns);
        PackBand(band, image, row0, rows + _grid.TapsH - 1, width);
        int positions = ((rows - 1) * width) + _grid.GridW, runsAtOnce = Math.Max(1, (3 * GemmBlocking.Depth / 2) / runDepth);
        int line0 = ((image * _grid.GridH) + row0) * _grid.GridW;
        for (int j = 0; j < _n; j += TKernel.Columns)
        {
            int columns = Math.Min(TKernel.Columns, _n - j);
            for (int tap = 0; tap < _grid.TapsH; tap += runsAtOnce)
            {
                int runs = Math.Min(runsAtOnce, _grid.TapsH - tap);
                T* left = band + (tap * rowStep), right = _packedRight + ((long)j * _grid.Depth) + (tap * runDepth * TKernel.Columns);
                for (int position = 0; position < positions; position += TKernel.Lines)
                {
                    int lines = Math.Min(TKernel.Lines, positions - position);
                    TKernel.RunRuns<TLayout>(lines, columns, runs, runDepth, left + ((long)position * _grid.Channels), rowStep, right, tile);
                    Store(tile, position, lines, width, line0, j, columns, tap == 0, tap + runs == _grid.TapsH);
                }
            }
        }
    }

    private void Store(T* tile, int position, int lines, int width, int line0, int column, int columns, bool first, bool last)
    {
        int row = position / width, across = position - (row * width);
        while (lines > 0)
        {
            int count = Math.Min(lines, _grid.GridW - across), skip = Math.Min(lines, width - across);
            if (count > 0)
                _sink.Store(tile, TKernel.Columns, line0 + (row * _grid.GridW) + across, count, column, columns, first, last);
            tile += skip * TKernel.Columns;
            lines -= skip;
            across = 0;
            row++;
        }
    }

    private void PackBand(T* band, int image, int row0, int rows, int width)
    {
        int left = Math.Clamp(-_grid.OriginW, 0, width), right = Math.Clamp(_grid.W - _grid.OriginW, left, width);
        int channels = _grid.Channels;
        for (int i = 0; i < rows; i++, band += width * channels)
        {
            int h = _grid.OriginH + row0 + i;
            if ((uint)h >= (uint)_grid.H)
            {
                Lanes.Clear(band, width * channels);
                continue;
            }
            T* source = _grid.Image + ((((long)((image * _grid.H) + h) * _grid.W) + _grid.OriginW) * channels);
            Lanes.Clear(band, left * channels);
            Lanes.Copy(source + (left * channels), band + (left * channels), (right - left) * channels);
            Lanes.Clear(band + (right * channels), (width - right) * channels);
        }
    }
}
