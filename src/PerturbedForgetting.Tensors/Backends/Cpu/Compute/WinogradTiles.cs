namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>The tiles of side x side pixels that outputs are cut into, image by image, row by row.</summary>
readonly unsafe struct WinogradTiles(int side, int images, int height, int width)
{
    readonly int rows = GemmPlan.CeilDiv(height, side), columns = GemmPlan.CeilDiv(width, side);

    public int Count => images * rows * columns;

    /// <summary>The image of a tile, and its first row and column there.</summary>
    public (int Image, int Row, int Column) Place(int tile) =>
        (tile / (rows * columns), tile / columns % rows * side, tile % columns * side);

    /// <summary>Where pixels lie, row by row; beside the image it is <paramref name="zeros"/>.</summary>
    /// <param name="image">Height x width x channels.</param>
    /// <param name="h">Its height.</param>
    /// <param name="w">Its width.</param>
    /// <param name="channels">Its channels.</param>
    /// <param name="top">Row of the first pixel.</param>
    /// <param name="left">Its column.</param>
    /// <param name="side">Pixels along each axis.</param>
    /// <param name="zeros">A pixel of zeros.</param>
    /// <param name="pixels">The side² pointers.</param>
    public static void Pixels<T>(T* image, int h, int w, int channels, int top, int left, int side, T* zeros, T** pixels)
        where T : unmanaged
    {
        int begin = Math.Clamp(-left, 0, side), end = Math.Clamp(w - left, begin, side);
        for (int i = 0; i < side; i++, pixels += side)
        {
            int j = 0;
            if ((uint)(top + i) < (uint)h)
            {
                for (; j < begin; j++)
                    pixels[j] = zeros;
                T* pixel = image + ((((long)(top + i) * w) + left + begin) * channels);
                for (; j < end; j++, pixel += channels)
                    pixels[j] = pixel;
            }
            for (; j < side; j++)
                pixels[j] = zeros;
        }
    }
}
