// Tiles of an arena (MultiTensor/MultiTensorLayout.cs): one block works on one tile. Offsets and lengths are multiples of 16 elements,
// so that the loops need no remainder; a tile is either trained or frozen and has one weight decay.
#pragma once
#include "../include/reduce.cuh"

constexpr int TILE_THREADS = 256;

struct Tile
{
    long long offset;
    int length;
    int trainable;
    double decay;
};

/// x |w|^k, k the weighting: 0, 1 or 2; rounded as on the CPU.
DEVICE float weighted(float x, float w, int weighting)
{
    float m = magnitude(w), once = x * m;
    return weighting == 0 ? x : weighting == 1 ? once : once * m;
}

DEVICE float4 weighted(float4 x, const float* weights, int weighting)
{
    if (weighting == 0)
        return x;
    float4 w = load4(weights);
    float4 y = {weighted(x.x, w.x, weighting), weighted(x.y, w.y, weighting), weighted(x.z, w.z, weighting), weighted(x.w, w.w, weighting)};
    return y;
}

/// The gradient of an update, formed while it is used: a·x + b·|w|^k·z, or a·x when there is no second buffer.
struct GradientSource
{
    const float* x;
    const float* z;
    int weighting;
    float a, b;
};

/// scale goes into a and b; coefficients is null when z is.
DEVICE GradientSource gradient_source(const float* x, const float* z, int weighting, const double* coefficients, double scale)
{
    GradientSource source = {x, z, weighting, (float)scale, 0.0f};
    if (z)
    {
        source.a = (float)(scale * coefficients[0]);
        source.b = (float)(scale * coefficients[1]);
    }
    return source;
}

DEVICE float4 load(const GradientSource& source, long long i, const float* weights)
{
    float4 g = load4(source.x + i);
    g.x *= source.a, g.y *= source.a, g.z *= source.a, g.w *= source.a;
    if (source.z)
    {
        float4 d = weighted(load4(source.z + i), weights + i, source.weighting);
        g.x += d.x * source.b, g.y += d.y * source.b, g.z += d.z * source.b, g.w += d.w * source.b;
    }
    return g;
}
