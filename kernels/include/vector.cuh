// Arithmetic on four numbers at once, so that one source serves elements of 4 bytes and, where the innermost extent is divisible by 4,
// of 16: V is float or float4, I the int or int4 beside it.
#pragma once
#include "math.cuh"

#if defined(__clang__)
struct __attribute__((aligned(16))) int4 { int x, y, z, w; };
#endif

/// Numbers in one V.
template <typename V>
constexpr int NUMBERS = sizeof(V) / sizeof(float);

DEVICE float4 operator+(float4 a, float4 b) { return {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w}; }
DEVICE float4 operator-(float4 a, float4 b) { return {a.x - b.x, a.y - b.y, a.z - b.z, a.w - b.w}; }
DEVICE float4 operator*(float4 a, float4 b) { return {a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w}; }
DEVICE float4 operator-(float4 a, float b) { return {a.x - b, a.y - b, a.z - b, a.w - b}; }
DEVICE float4 operator*(float4 a, float b) { return {a.x * b, a.y * b, a.z * b, a.w * b}; }

DEVICE float4 fused(float4 a, float4 b, float4 c)
{
    return {fused(a.x, b.x, c.x), fused(a.y, b.y, c.y), fused(a.z, b.z, c.z), fused(a.w, b.w, c.w)};
}
DEVICE float4 fused(float4 a, float b, float4 c)
{
    return {fused(a.x, b, c.x), fused(a.y, b, c.y), fused(a.z, b, c.z), fused(a.w, b, c.w)};
}

DEVICE float4 exp_of(float4 x) { return {exp_of(x.x), exp_of(x.y), exp_of(x.z), exp_of(x.w)}; }

// clang copies the structure float4, where it is only copied, in two halves; through these functions it moves as a whole.
DEVICE float load(const float* p) { return *p; }
DEVICE float4 load(const float4* p) { return load4((const float*)p); }
DEVICE void store(float* p, float v) { *p = v; }
DEVICE void store(float* p, float4 v) { store4(p, v); }
DEVICE void store(float4* p, float4 v) { store4((float*)p, v); }

/// A V at a place that is a multiple of its size.
template <typename V>
DEVICE V load(const float* p) { return load((const V*)p); }

/// The same number in all places.
template <typename V>
DEVICE V all_of(float v)
{
    if constexpr (NUMBERS<V> == 1)
        return v;
    else
        return {v, v, v, v};
}

/// Sum of the numbers.
DEVICE float total(float v) { return v; }
DEVICE float total(float4 v) { return (v.x + v.y) + (v.z + v.w); }

/// v where the number beside it is positive, else 0.
DEVICE float where_positive(float x, float v) { return x > 0.0f ? v : 0.0f; }
DEVICE float4 where_positive(float4 x, float4 v)
{
    return {where_positive(x.x, v.x), where_positive(x.y, v.y), where_positive(x.z, v.z), where_positive(x.w, v.w)};
}

/// 0 where negative; NaN stays NaN.
DEVICE float at_least_zero(float v) { return v < 0.0f ? 0.0f : v; }
DEVICE float4 at_least_zero(float4 v) { return {at_least_zero(v.x), at_least_zero(v.y), at_least_zero(v.z), at_least_zero(v.w)}; }

/// Largest of the numbers, NaN when one of them is.
DEVICE float most_of(float v) { return v; }
DEVICE float most_of(float4 v) { return largest_or_nan(largest_or_nan(v.x, v.y), largest_or_nan(v.z, v.w)); }

/// The numbers of a V one by one.
template <typename V>
struct Each
{
    float of[NUMBERS<V>];
};

DEVICE Each<float> each(float v) { return {{v}}; }
DEVICE Each<float4> each(float4 v) { return {{v.x, v.y, v.z, v.w}}; }
DEVICE void store(float* p, const Each<float>& v) { *p = v.of[0]; }
DEVICE void store(float* p, const Each<float4>& v) { store_global(p, v.of); }
