// Rows by index, and labels as rows with a one.
//
// x             float32[*, columns]; index, labels: int32[rows], inside the range
// y             float32[rows, columns]
// launch        grid-stride, 256 threads
// bytes         least and actual: gather reads 4 and writes 4 an element, gather_one_hot writes 4; indices come from cache
// equals        a copy of rows; the target of CrossEntropy without smoothing
#include "../include/device.cuh"

KERNEL __launch_bounds__(256) gather(float* y, const float* x, const int* index, int columns, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
    {
        long long row = i / columns;
        y[i] = x[(long long)index[row] * columns + (i - row * columns)];
    }
}

KERNEL __launch_bounds__(256) gather_one_hot(float* y, const int* labels, int classes, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
    {
        long long row = i / classes;
        y[i] = labels[row] == i - row * classes ? 1.0f : 0.0f;
    }
}
