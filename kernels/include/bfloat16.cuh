// bfloat16: the upper half of a float32, rounded to nearest even by the device's own conversion; NaN becomes 0x7fff.
#pragma once
#include "device.cuh"

typedef unsigned short bfloat16;

DEVICE bfloat16 to_bfloat16(float x)
{
    bfloat16 v;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(v) : "f"(x));
    return v;
}

/// Two at once, low in the lower half.
DEVICE unsigned to_bfloat16x2(float low, float high)
{
    unsigned v;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(v) : "f"(high), "f"(low));
    return v;
}

DEVICE float from_bfloat16(bfloat16 x) { return float_of((unsigned)x << 16); }
DEVICE float low_of(unsigned pair) { return float_of(pair << 16); }
DEVICE float high_of(unsigned pair) { return float_of(pair & 0xffff0000u); }
