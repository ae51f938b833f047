namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>Sizes of grids. They depend on the shape alone, never on the device, so that a reduction has one order everywhere.</summary>
static class LaunchGrid
{
    /// <summary>The most blocks of a kernel with a grid-stride loop: enough to fill the largest GPUs several times over.</summary>
    public const int MostBlocks = 2048;

    /// <summary>Blocks of a kernel with a grid-stride loop, at least one.</summary>
    /// <param name="count">Number of elements.</param>
    /// <param name="perBlock">Elements that a block does in one turn of its loop.</param>
    /// <param name="most">No more blocks than this.</param>
    public static int Blocks(long count, int perBlock, int most = MostBlocks) =>
        (int)Math.Clamp((count + perBlock - 1) / perBlock, 1, most);
}
