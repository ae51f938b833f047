// y = x with its dimensions in another order. transpose swaps the last two dimensions through a tile in shared memory, so that both sides
// are read and written in rows; permute takes any order of up to 6 dimensions and is coalesced where the last one stays.
//
// x, y          4-byte elements
// launch        transpose: one block a tile, ceil(columns / 32) ceil(rows / 32) batch of them along x, block (32, 8); permute: grid-stride,
//               256 threads
// bytes         least and actual: reads 4 and writes 4 an element
// equals        CpuBackend.Permute
#include "../include/device.cuh"

constexpr int TILE = 32, ROWS_AT_ONCE = 8;

KERNEL MEMORY_BOUND(TILE * ROWS_AT_ONCE) permute_transpose(unsigned* y, Input<unsigned> x, int rows, int columns)
{
    // One column more than the tile, so that a column lies in 32 banks.
    __shared__ unsigned tile[TILE][TILE + 1];
    unsigned across = (columns + TILE - 1u) / TILE, down = (rows + TILE - 1u) / TILE, rest = block_x() / across;
    int tile_x = block_x() % across, tile_y = rest % down;
    long long matrix = (long long)(rest / down) * rows * columns;
    int column = tile_x * TILE + thread_x(), row = tile_y * TILE + thread_y();
    for (int r = 0; r < TILE; r += ROWS_AT_ONCE)
        if (column < columns && row + r < rows)
            tile[thread_y() + r][thread_x()] = x[matrix + (long long)(row + r) * columns + column];
    barrier();
    column = tile_y * TILE + thread_x();
    row = tile_x * TILE + thread_y();
    for (int r = 0; r < TILE; r += ROWS_AT_ONCE)
        if (column < rows && row + r < columns)
            y[matrix + (long long)(row + r) * rows + column] = tile[thread_x()][thread_y() + r];
}

struct Permutation
{
    int extent[6];
    long long stride[6];
};

// extent: of y, padded in front with ones; stride: of x, in the order of y's dimensions.
KERNEL MEMORY_BOUND(256) permute(unsigned* y, Input<unsigned> x, Permutation p, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
    {
        long long rest = i, at = 0;
        for (int d = 5; d >= 0; d--)
        {
            long long next = rest / p.extent[d];
            at += (rest - next * p.extent[d]) * p.stride[d];
            rest = next;
        }
        y[i] = x[opaque(at)];
    }
}
