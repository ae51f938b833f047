using PerturbedForgetting.Cuda.Cards;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>Sizes of grids. They depend on the shape alone, never on the device, so that a reduction has one order everywhere.</summary>
static class LaunchGrid
{
    /// <summary>The most blocks of a kernel with a grid-stride loop: enough to fill the largest GPUs several times over.</summary>
    public const int MostBlocks = 2048;

    /// <summary>The most blocks along y and z. What may be more goes along x, or is launched in pieces.</summary>
    public const int MostAlongY = CapabilityLimits.GridY, MostAlongZ = CapabilityLimits.GridZ;

    /// <summary>The longest row that the threads of a block walk along with an <c>int</c>: a step behind its end is one still.</summary>
    public const int LongestRow = int.MaxValue - CapabilityLimits.ThreadsPerBlock;

    /// <summary>Blocks of a kernel with a grid-stride loop, at least one.</summary>
    /// <param name="count">Number of elements.</param>
    /// <param name="perBlock">Elements that a block does in one turn of its loop.</param>
    /// <param name="most">No more blocks than this.</param>
    public static int Blocks(long count, int perBlock, int most = MostBlocks) => (int)Math.Clamp(Tiles(count, perBlock), 1, most);

    /// <summary>Tiles of so many elements that hold all.</summary>
    public static long Tiles(long count, int tile) => (count + tile - 1) / tile;

    /// <summary>Blocks along x, of a kernel that does one row a block.</summary>
    /// <param name="kernel">For the message.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <exception cref="DeviceLimitException">There are more rows than a grid has blocks, or they are too long.</exception>
    public static int Rows(string kernel, long rows, int columns) =>
        rows > CapabilityLimits.GridX ? throw new DeviceLimitException(
            $"{kernel} takes at most {CapabilityLimits.GridX} rows, one a block, not {rows}. Compute it in parts.")
        : columns > LongestRow ? throw new DeviceLimitException(
            $"{kernel} takes rows of at most {LongestRow} elements, not of {columns}.")
        : (int)rows;
}
