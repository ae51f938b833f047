// A class token before the patch tokens, and the position embedding added to all: y[n, 0] = class + position[0],
// y[n, 1 + t] = x[n, t] + position[1 + t]. Without a class token (null) y[n, t] = x[n, t] + position[t]. The gradient of x is the slice
// behind the class token (memory.cu); that of the positions a sum over images (sum_leading.cu), whose first row is the class token's.
//
// x             float32[N, T, C]; y: float32[N, P + T, C], P = 1 with a class token, else 0
// launch        grid-stride, 256 threads, 4 channels a thread (1 in *_odd, for C not divisible by 4)
// bytes         least and actual: reads 4 and writes 4 an element; class token and positions come from cache
// equals        CpuBackend.EmbedTokens
#include "../include/vector.cuh"

template <typename V>
DEVICE void forward(V* y, const V* x, const V* class_token, const V* position, long long per_image, int channels, long long count)
{
    per_image /= NUMBERS<V>;
    int before = class_token ? channels / NUMBERS<V> : 0;
    for (long long i = global_index(); i < count / NUMBERS<V>; i += global_threads())
    {
        long long image = i / per_image, at = i - image * per_image;
        V v = load(at < before ? class_token + at : x + image * (per_image - before) + at - before);
        store(y + i, v + load(position + at));
    }
}

#define BOTH(suffix, v) \
    KERNEL MEMORY_BOUND(256) tokens##suffix(float* y, Input<float> x, Input<float> class_token, Input<float> position, \
        long long per_image, int channels, long long count) \
    { \
        forward((v*)y, (const v*)x, (const v*)class_token, (const v*)position, per_image, channels, count); \
    }

BOTH(, float4)
BOTH(_odd, float)
