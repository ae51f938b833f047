// Images to rows of patches and back: what makes a patch embedding a matrix product (Dosovitskiy et al., ICLR 2021). Row (n, ph, pw) holds
// the P x P pixels of a patch in the order h, w, c, that of the weight.
//
// image         float32[N, H, W, C]; rows: float32[N H/P W/P, P P C]
// launch        grid-stride, 256 threads, 4 elements of a run of P C, contiguous in both, a thread (1 in *_odd, for P C not divisible
//               by 4)
// bytes         least and actual: reads 4 and writes 4 an element
// equals        a permutation of [N, H/P, P, W/P, P, C] to [N, H/P, W/P, P, P, C] (CpuBackend.Patches)
#include "../include/vector.cuh"

// Element of the image that stands at element i of the rows. run = P C, across = W / P.
DEVICE long long image_index(long long i, int run, int patch, int across)
{
    long long rest = i / run, in_run = i - rest * run;
    int h = (int)(rest % patch);
    rest /= patch;
    long long band = rest / across;
    int pw = (int)(rest - band * across);
    return ((band * patch + h) * across + pw) * run + in_run;
}

template <typename V>
DEVICE void forward(V* rows, const V* image, int run, int patch, int across, long long count)
{
    for (long long i = global_index(); i < count / NUMBERS<V>; i += global_threads())
        store(rows + i, load(image + image_index(i, run / NUMBERS<V>, patch, across)));
}

template <typename V>
DEVICE void backward(V* image, const V* rows, int run, int patch, int across, long long count)
{
    for (long long i = global_index(); i < count / NUMBERS<V>; i += global_threads())
        store(image + image_index(i, run / NUMBERS<V>, patch, across), load(rows + i));
}

#define BOTH(suffix, v) \
    KERNEL MEMORY_BOUND(256) patches##suffix(float* rows, Input<float> image, int run, int patch, int across, long long count) \
    { \
        forward((v*)rows, (const v*)image, run, patch, across, count); \
    } \
    KERNEL MEMORY_BOUND(256) patches_backward##suffix(float* image, Input<float> rows, int run, int patch, int across, \
        long long count) \
    { \
        backward((v*)image, (const v*)rows, run, patch, across, count); \
    }

BOTH(, float4)
BOTH(_odd, float)
