// Transcendental functions in float32, from fused multiply-adds alone: no special-function unit, no library, the same bits on every
// device. Polynomials are those of Backends/Cpu/VectorMath.cs (minimax, Remez exchange in 40 digits) or fitted likewise. Errors are
// the largest found over the stated range; tests/.../Cuda/Kernels/Prelude measures them.
#pragma once
#include "device.cuh"

/// exp(x). Relative error below 1.5e-7 (1.3 units in the last place); 0 below -103.98, infinite above 88.72; NaN stays NaN.
DEVICE float exp_of(float x)
{
    // x = n ln 2 + r, |r| <= ln(2)/2; adding and taking away 1.5 * 2^23 rounds to an integer.
    float n = fused(x, 1.44269504f, 12582912.0f) - 12582912.0f;
    float r = fused(n, -0.693359375f, x);
    r = fused(n, 2.12194440e-4f, r);
    float p = fused(0.00139411632f, r, 0.00836320796f);
    p = fused(p, r, 0.0416663747f);
    p = fused(p, r, 0.166665768f);
    p = fused(p, r, 0.500000003f);
    p = fused(p, r * r, r) + 1.0f;
    // 2^n in two factors, because n may lie outside the exponents of float32.
    int whole = (int)n, half = whole >> 1;
    float result = p * float_of((unsigned)(half + 127) << 23) * float_of((unsigned)(whole - half + 127) << 23);
    result = x > 88.7228394f ? float_of(0x7f800000u) : result;
    result = x < -103.972084f ? 0.0f : result;
    return x != x ? x : result;
}


/// log(x) for x >= 0. Absolute error below 1e-7 + 1e-7·|log x|; -infinity at 0, NaN below it.
DEVICE float log_of(float x)
{
    // Denormal numbers are scaled up first. m in [sqrt(1/2), sqrt(2)), x = m 2^n.
    bool small = x < 1.17549435e-38f;
    unsigned bits = bits_of(small ? x * 8388608.0f : x);
    int n = (int)((bits - 0x3f3504f3u) & 0xff800000u) >> 23;
    float m = float_of(bits - ((unsigned)n << 23));
    n -= small ? 23 : 0;
    // log m = 2 artanh(s), s = (m - 1) / (m + 1), an odd series with |s| <= 0.1716.
    float s = (m - 1.0f) / (m + 1.0f), z = s * s;
    float p = fused(0.281783326f, z, 0.279606076f);
    p = fused(p, z, 0.400249095f);
    p = fused(p, z, 0.666663147f);
    float log_m = fused(p, z, 2.0f) * s;
    float result = fused((float)n, 0.693147182f, log_m);
    result = x == float_of(0x7f800000u) ? x : result;
    result = x == 0.0f ? float_of(0xff800000u) : result;
    return x < 0.0f || x != x ? float_of(0x7fffffffu) : result;
}

/// log(1 + u) for u >= 0. Relative error below 3e-7 up to 1, 4e-7 beyond; NaN stays NaN.
DEVICE float log1p_of(float u)
{
    if (!(u <= 1.0f))
        return log_of(1.0f + u);
    float s = u / (u + 2.0f), z = s * s;
    float p = fused(0.281783326f, z, 0.279606076f);
    p = fused(p, z, 0.400249095f);
    p = fused(p, z, 0.666663147f);
    return fused(p, z, 2.0f) * s;
}

/// 1 / (1 + exp(-x)). Relative error below 3e-7.
DEVICE float sigmoid_of(float x)
{
    float e = exp_of(-magnitude(x)), s = 1.0f / (1.0f + e);
    return x < 0.0f ? e * s : s;
}

/// tanh(x). Absolute error below 2e-7.
DEVICE float tanh_of(float x)
{
    float e = exp_of(-2.0f * magnitude(x)), t = (1.0f - e) / (1.0f + e);
    return x < 0.0f ? -t : x != x ? x : t;
}

/// 1 / sqrt(x), both steps rounded correctly: error below 1.5 units in the last place.
DEVICE float reciprocal_root(float x) { return 1.0f / square_root(x); }

/// Cumulative normal distribution, absolute error below 2e-7, and exp(-x^2/2), the density without its factor 1/sqrt(2 pi).
DEVICE float normal_cdf(float x, float& density)
{
    density = exp_of(-0.5f * x * x);
    float t = 1.0f / fused(magnitude(x), 0.35f, 1.0f);
    float p = fused(-0.029158184032f, t, 0.14403230298f);
    p = fused(p, t, -0.25584170322f);
    p = fused(p, t, 0.15932257713f);
    p = fused(p, t, -0.023214186074f);
    p = fused(p, t, 0.10555320960f);
    p = fused(p, t, 0.11982112664f);
    p = fused(p, t, 0.13986353514f);
    p = fused(p, t, 0.13962130585f);
    float tail = p * t * density;
    return x < 0.0f ? tail : 1.0f - tail;
}

/// erf(x) = 2 cdf(x sqrt 2) - 1. Absolute error below 4e-7.
DEVICE float erf_of(float x)
{
    float density, cdf = normal_cdf(-magnitude(x) * 1.41421354f, density), y = fused(-2.0f, cdf, 1.0f);
    return x < 0.0f ? -y : x != x ? x : y;
}

/// log(x) of a float64 in (0, 1], relative error below 1e-15: the radius of Box and Muller.
DEVICE double log_of(double x)
{
    unsigned long long bits = bits_of(x);
    long long n = (long long)(bits - 0x3fe6a09e667f3bcdull) >> 52;
    double m = double_of(bits - ((unsigned long long)n << 52)), s = (m - 1.0) / (m + 1.0), z = s * s;
    // 2 artanh(s) = 2 s (1 + z/3 + z^2/5 + ...); |s| <= 0.1716, so that eleven terms reach float64.
    double p = 1.0 / 23;
    for (int k = 21; k >= 1; k -= 2)
        p = fused(p, z, 1.0 / k);
    return fused((double)n, 0.69314718055994530942, 2.0 * s * p);
}

/// sin and cos of 2 pi t for t in [0, 1), absolute error below 1e-15.
DEVICE void sin_cos_of_turn(double t, double& sine, double& cosine)
{
    // The nearest quarter turn is taken away; the rest is at most an eighth, pi/4 in radians.
    double quarter = (double)(int)(t * 4.0 + 0.5), r = fused(quarter, -0.25, t) * 6.28318530717958647693, z = r * r;
    double s = -1.0 / 1307674368000.0, c = 1.0 / 20922789888000.0;
    s = fused(s, z, 1.0 / 6227020800.0);
    s = fused(s, z, -1.0 / 39916800.0);
    s = fused(s, z, 1.0 / 362880.0);
    s = fused(s, z, -1.0 / 5040.0);
    s = fused(s, z, 1.0 / 120.0);
    s = fused(s, z, -1.0 / 6.0);
    s = fused(s * z, r, r);
    c = fused(c, z, -1.0 / 87178291200.0);
    c = fused(c, z, 1.0 / 479001600.0);
    c = fused(c, z, -1.0 / 3628800.0);
    c = fused(c, z, 1.0 / 40320.0);
    c = fused(c, z, -1.0 / 720.0);
    c = fused(c, z, 1.0 / 24.0);
    c = fused(c, z, -0.5);
    c = fused(c, z, 1.0);
    int q = (int)quarter & 3;
    sine = q == 0 ? s : q == 1 ? c : q == 2 ? -s : -c;
    cosine = q == 0 ? c : q == 1 ? -s : q == 2 ? -c : s;
}
