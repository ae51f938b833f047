// y = x + b, b repeated over the leading dimensions of x: a bias, a position embedding.
//
// x, y          float32[rows, columns]; y may be x
// b             float32[columns]
// launch        grid-stride, 256 threads, 4 elements a thread (1 in add_broadcast_odd, for columns not divisible by 4)
// bytes         least and actual: reads 4 and writes 4 an element; b comes from cache
// equals        CpuBackend.AddBroadcast
#include "../include/map.cuh"

KERNEL MEMORY_BOUND(MAP_THREADS) add_broadcast(float* y, const float* x, Input<float> b, int columns, long long count)
{
    for (RowWalk walk = row_walk(columns, 4); walk.i < count; advance(walk))
    {
        float4 v = load4(x + walk.i), add = load4(b + walk.column);
        v.x += add.x, v.y += add.y, v.z += add.z, v.w += add.w;
        store4(y + walk.i, v);
    }
}

KERNEL MEMORY_BOUND(MAP_THREADS) add_broadcast_odd(float* y, const float* x, Input<float> b, int columns, long long count)
{
    for (RowWalk walk = row_walk(columns, 1); walk.i < count; advance(walk))
        y[walk.i] = x[walk.i] + b[walk.column];
}
