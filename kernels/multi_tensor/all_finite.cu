// flag = 0 when an element of the trained parameters is infinite or NaN; otherwise it stays.
//
// x             float32, flat buffer of an arena
// flag          float64[1]; every thread that stores stores the same value
// launch        one block of 256 threads a tile
// bytes         least and actual: reads 4 a parameter
// equals        TrackFinite of SquaredNorm, except that a finite x may have an infinite norm
#include "tile.cuh"

KERNEL __launch_bounds__(TILE_THREADS) all_finite(double* flag, const float* x, const Tile* tiles)
{
    Tile tile = tiles[block_x()];
    int bad = 0;
    if (tile.trainable)
    {
        for (long long i = tile.offset + 4 * thread_x(); i < tile.offset + tile.length; i += 4 * TILE_THREADS)
        {
            float4 v = load4(x + i);
            // Counted, because a condition with short cuts would take the load apart.
            bad += !is_finite(v.x) + !is_finite(v.y) + !is_finite(v.z) + !is_finite(v.w);
        }
    }
    if (bad)
        *flag = 0.0;
}
