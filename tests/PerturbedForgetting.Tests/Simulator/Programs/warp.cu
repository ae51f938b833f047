#include "program.cuh"

/// Whole warps: n is a multiple of 32.
PROGRAM(warp) {
    BEGIN
    unsigned v, mask = ALL_LANES;
    asm volatile("shfl.sync.bfly.b32 %0, %1, 5, 31, %2;" : "=r"(v) : "r"(x), "r"(mask));
    PUT(v);
    asm volatile("{ .reg .pred p; setp.lt.u32 p, %1, %2; vote.sync.ballot.b32 %0, p, %3; }" : "=r"(v) : "r"(x), "r"(y), "r"(mask));
    PUT(v);
    asm volatile("match.any.sync.b32 %0, %1, %2;" : "=r"(v) : "r"(x & 3), "r"(mask));
    PUT(v);
    asm volatile("redux.sync.add.u32 %0, %1, %2;" : "=r"(v) : "r"(x), "r"(mask));
    PUT(v);
    v = 0;
    if (x & 1)
        asm volatile("activemask.b32 %0;" : "=r"(v));
    PUT(v);
    // Ones in bfloat16 times ones, sixteen of them, added to the lane's own number.
    float d0, d1, d2, d3, c = (float)(x & 255);
    unsigned ones = 0x3f803f80u;
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %4, %4, %4}, {%4, %4}, {%5, %5, %5, %5};"
        : "=f"(d0), "=f"(d1), "=f"(d2), "=f"(d3) : "r"(ones), "f"(c));
    PUT(bits_of(d0));
    PUT(bits_of(d3));
}
