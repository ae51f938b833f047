#include "program.cuh"

FLOAT_ONE(exp2_approximate, "ex2.approx.f32")
FLOAT_ONE(log2_approximate, "lg2.approx.f32")
FLOAT_ONE(sine, "sin.approx.f32")
FLOAT_ONE(cosine, "cos.approx.f32")
FLOAT_ONE(tangent, "tanh.approx.f32")
FLOAT_ONE(reciprocal, "rcp.rn.f32")
FLOAT_ONE(inverse_root, "rsqrt.approx.f32")
FLOAT_TWO(with_sign, "copysign.f32")
FLOAT_TWO(smaller, "min.f32")
DEVICE bool is_infinite(float x) {
    int v;
    asm("{ .reg .pred p; testp.infinite.f32 p, %1; selp.s32 %0, 1, 0, p; }" : "=r"(v) : "f"(x));
    return v;
}
DEVICE float less_as_number(float a, float b) { float d; asm("set.lt.f32.f32 %0, %1, %2;" : "=f"(d) : "f"(a), "f"(b)); return d; }

/// The bits of a and b are finite numbers.
PROGRAM(floating) {
    BEGIN
    float f = float_of(x), g = float_of(y);
    PUT(bits_of(f + g));
    PUT(bits_of(f - g));
    PUT(bits_of(f * g));
    PUT(bits_of(f / g));
    PUT(bits_of(fused(f, g, 1.5f)));
    PUT(bits_of(square_root(magnitude(f))));
    PUT(bits_of(reciprocal(f)));
    PUT(bits_of(-f));
    PUT(bits_of(smaller(f, g)));
    PUT(bits_of(largest(f, g)));
    PUT(bits_of(with_sign(f, g)));
    PUT(is_infinite(f * 3e38f) ? 1u : 0u);
    PUT(bits_of(less_as_number(f, g)));
    PUT(f < g ? x : y);
    PUT((unsigned)(int)f);
    PUT(bits_of((float)(int)x));
    PUT(bits_of((float)((double)f * (double)g)));
}

/// Functions that devices approximate.
PROGRAM(approximate) {
    BEGIN
    float f = float_of(x), g = magnitude(float_of(y));
    PUT(bits_of(exp2_approximate(f)));
    PUT(bits_of(log2_approximate(g)));
    PUT(bits_of(sine(f)));
    PUT(bits_of(cosine(f)));
    PUT(bits_of(tangent(f)));
    PUT(bits_of(inverse_root(g)));
}
