// A loss of one sample a block: the row of logits is read once from global memory and kept in dynamic shared memory, C floats, until
// its gradient is written. Blocks of 32 threads serve few classes, of 256 many; each kernel exists in both sizes.
#pragma once
#include "../include/math.cuh"
#include "../include/reduce.cuh"

constexpr int FEW_THREADS = 32, MANY_THREADS = 256;

extern __shared__ float row[];
