// y = x, rounded to float32: the gradient of an update, of the sum that accumulate.cu has made.
//
// x             float64, of the arena's count
// y             float32, flat buffer of an arena; frozen tiles are not touched
// launch        one block of 256 threads a tile
// bytes         least and actual: reads 8 and writes 4 a parameter
// equals        CpuBackend.Narrow
#include "tile.cuh"

KERNEL MEMORY_BOUND(TILE_THREADS) narrow(float* y, Input<double> x, Input<Tile> tiles)
{
    Tile tile = tiles[block_x()];
    if (!tile.trainable)
        return;
    for (long long i = tile.offset + 2 * thread_x(); i < tile.offset + tile.length; i += 2 * TILE_THREADS)
    {
        double2 sum = *(const double2*)(x + i);
        float2 v = {(float)sum.x, (float)sum.y};
        *(float2*)(y + i) = v;
    }
}
