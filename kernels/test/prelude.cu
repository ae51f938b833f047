// The device prelude, function by function, for its tests alone; not shipped. Elementwise kernels: grid-stride, 256 threads.
#include "../include/philox.cuh"
#include "../include/bfloat16.cuh"
#include "../include/reduce.cuh"

#define FUNCTION(name, expression) \
    KERNEL prelude_##name(float* y, const float* source, long long count) \
    { \
        for (long long i = global_index(); i < count; i += global_threads()) \
        { \
            float x = source[i], density; \
            (void)density; \
            y[i] = expression; \
        } \
    }

FUNCTION(exp, exp_of(x))
FUNCTION(log, log_of(x))
FUNCTION(log1p, log1p_of(x))
FUNCTION(sigmoid, sigmoid_of(x))
FUNCTION(tanh, tanh_of(x))
FUNCTION(erf, erf_of(x))
FUNCTION(reciprocal_root, reciprocal_root(x))
FUNCTION(normal_cdf, normal_cdf(x, density))
FUNCTION(bfloat16, from_bfloat16(to_bfloat16(x)))
FUNCTION(bfloat16x2, low_of(to_bfloat16x2(x, -x)) == -high_of(to_bfloat16x2(x, -x)) ? low_of(to_bfloat16x2(x, -x)) : x - x)

KERNEL prelude_density(float* y, const float* source, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
        normal_cdf(source[i], y[i]);
}

KERNEL prelude_log_double(double* y, const double* x, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
        y[i] = log_of(x[i]);
}

KERNEL prelude_sin_cos_of_turn(double* sine, double* cosine, const double* turn, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
        sin_cos_of_turn(turn[i], sine[i], cosine[i]);
}

// words[4 i .. 4 i + 3] of block first + i; uniforms and normals of the same words.
KERNEL prelude_philox(unsigned* words, float* uniforms, float* normals, unsigned long long seed, unsigned long long stream,
    unsigned long long first, long long blocks)
{
    for (long long i = global_index(); i < blocks; i += global_threads())
    {
        uint4 w = philox(seed, stream, first + i);
        float2 low = normals_of(w.x, w.y), high = normals_of(w.z, w.w);
        *(uint4*)(words + 4 * i) = w;
        float4 u = {uniform_of(w.x), uniform_of(w.y), uniform_of(w.z), uniform_of(w.w)}, n = {low.x, low.y, high.x, high.y};
        store4(uniforms + 4 * i, u);
        store4(normals + 4 * i, n);
    }
}

// Every thread's result of sums and maxima over its block: threads floats each; block_sum of float64 as well. One block.
template <int Threads>
DEVICE void reduce(float* sum, double* sum_double, float* most, const float* x)
{
    __shared__ float sums[Threads / WARP], maxima[Threads / WARP];
    __shared__ double doubles[Threads / WARP];
    float v = x[thread_x()];
    sum[thread_x()] = block_sum<Threads>(v, sums);
    sum_double[thread_x()] = block_sum<Threads>((double)v, doubles);
    most[thread_x()] = block_max<Threads>(v, maxima);
}

KERNEL __launch_bounds__(32) prelude_reduce_32(float* sum, double* sum_double, float* most, const float* x)
{
    reduce<32>(sum, sum_double, most, x);
}
KERNEL __launch_bounds__(256) prelude_reduce_256(float* sum, double* sum_double, float* most, const float* x)
{
    reduce<256>(sum, sum_double, most, x);
}
KERNEL __launch_bounds__(1024) prelude_reduce_1024(float* sum, double* sum_double, float* most, const float* x)
{
    reduce<1024>(sum, sum_double, most, x);
}
