using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Tiles and runs of a layout in device memory, as kernels/multi_tensor/tile.cuh declares them: one block of 256 threads works
/// on one entry.</summary>
sealed class TileTable : IDisposable
{
    /// <summary>Threads of a block.</summary>
    public const int Threads = 256;

    readonly DeviceBuffer<Tile> tiles;
    readonly DeviceBuffer<Run>? runs;

    /// <param name="context">Where the kernels run.</param>
    /// <param name="layout">The cut of the flat buffers.</param>
    public TileTable(CudaContext context, MultiTensorLayout layout)
    {
        tiles = context.Allocate<Tile>(Array.ConvertAll(layout.Tiles, static t =>
            new Tile(t.Offset, t.Length, t.IsTrainable ? 1 : 0, t.Decay)));
        Run[] trained = Array.ConvertAll(layout.Runs, static r => new Run(r.Offset, r.Length, r.Index));
        runs = trained.Length > 0 ? context.Allocate<Run>(trained) : null;
        (TileCount, RunCount, Elements) =
            (layout.Tiles.Length, trained.Length, layout.Tiles.Sum(static t => t.IsTrainable ? (long)t.Length : 0));
    }

    /// <summary>Number of tiles: blocks of a pass over whole buffers.</summary>
    public int TileCount { get; }

    /// <summary>Number of runs: blocks of a pass over the trained parameters without padding.</summary>
    public int RunCount { get; }

    /// <summary>Elements of the trained parameters.</summary>
    public long Elements { get; }

    /// <summary>The tiles.</summary>
    public DevicePointer Tiles => tiles.Pointer;

    /// <summary>The runs; null when everything is frozen.</summary>
    public DevicePointer Runs => runs?.Pointer ?? DevicePointer.Null;

    /// <summary>Frees both.</summary>
    public void Dispose()
    {
        tiles.Dispose();
        runs?.Dispose();
    }

    [StructLayout(LayoutKind.Sequential)]
    readonly record struct Tile(long Offset, int Length, int Trainable, double Decay);

    [StructLayout(LayoutKind.Sequential)]
    readonly record struct Run(long Offset, long Length, ulong Index);
}
