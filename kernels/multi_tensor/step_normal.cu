// y = w + sign rho |w|^k n / (||n||w|^j|| + 1e-12) with n standard normal numbers of one Philox stream: the perturbation of random SAM
// without a buffer for its direction, which is made anew in each of the two passes. It equals fill_normal, squared_norm and
// step_along in a row, bit for bit.
//
// w, y          float32, flat buffers of an arena; what the runs do not cover (frozen parameters, padding) is not touched
// call          uint64[1] on the device, added to the stream's number, so that a captured graph draws anew at each step; null for 0
// runs          as in fill_normal.cu
// partials      float64[runs]
// squared_norm, radius   float64[1] on the device
// launch        step_normal_squared_norm: one block of 256 threads a run, the last of which adds up the runs; step_normal: the same
// bytes         least and actual: the norm reads nothing (4 a parameter with a weighting) and writes and reads 8 a run; the step reads 4 and
//               writes 4 a parameter
// equals        CpuBackend.FillNormal, SquaredNorm and StepAlong
#include "normal.cuh"
#include "sums.cuh"

KERNEL __launch_bounds__(TILE_THREADS) step_normal_squared_norm(double* result, double* partials, const float* w, int weighting, unsigned long long seed, unsigned long long stream,
    const unsigned long long* call, const Run* runs)
{
    __shared__ double shared[TILE_THREADS / WARP];
    Run run = runs[block_x()];
    stream += call ? *call : 0;
    double sum = 0;
    for (long long i = 4 * thread_x(); i < run.length; i += 4 * TILE_THREADS)
    {
        // Buffers are padded to a multiple of 64 bytes, so that four weights can be read at the end too.
        float4 v = weighted(normals(run, i, seed, stream), w + run.offset + i, weighting);
        sum = fused((double)v.x, (double)v.x, sum);
        sum = i + 1 < run.length ? fused((double)v.y, (double)v.y, sum) : sum;
        sum = i + 2 < run.length ? fused((double)v.z, (double)v.z, sum) : sum;
        sum = i + 3 < run.length ? fused((double)v.w, (double)v.w, sum) : sum;
    }
    sum = block_sum<TILE_THREADS>(sum, shared);
    if (thread_x() == 0)
        partials[block_x()] = sum;
    finish_sums<1>(result, partials);
}

KERNEL __launch_bounds__(TILE_THREADS) step_normal(float* y, const float* w, int weighting, const double* squared_norm, const double* radius, double sign,
    unsigned long long seed, unsigned long long stream, const unsigned long long* call, const Run* runs)
{
    Run run = runs[block_x()];
    stream += call ? *call : 0;
    float step = (float)(sign * *radius / (square_root(*squared_norm) + 1e-12));
    for (long long i = 4 * thread_x(); i < run.length; i += 4 * TILE_THREADS)
    {
        float4 n = normals(run, i, seed, stream), v = load4(w + run.offset + i);
        v.x = fused(weighted(n.x, v.x, weighting), step, v.x);
        v.y = fused(weighted(n.y, v.y, weighting), step, v.y);
        v.z = fused(weighted(n.z, v.z, weighting), step, v.z);
        v.w = fused(weighted(n.w, v.w, weighting), step, v.w);
        store_run(y, run, i, v);
    }
}
