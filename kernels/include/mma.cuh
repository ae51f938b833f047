// Matrix products of a warp on tensor cores, D = A B + D with float32 sums (PTX ISA, mma.sync). With group = lane / 4, member = lane % 4:
//   accumulator [16, 8]   d0, d1: row group, columns 2 member, 2 member + 1;   d2, d3: row group + 8
//   tf32, k = 8           a0: (group, member), a1: (group + 8, member), a2: (group, member + 4), a3: (group + 8, member + 4);
//                         b0: (member, group), b1: (member + 4, group)
//   bf16, k = 16          a register holds two neighbours of k: a0: (group, 2 member), a1: (group + 8, 2 member),
//                         a2: (group, 2 member + 8), a3: (group + 8, 2 member + 8);   b0: (2 member, group), b1: (2 member + 8, group)
#pragma once
#include "device.cuh"

/// float32 to tf32: 10 bits of mantissa, ties away from zero.
DEVICE unsigned to_tf32(float x)
{
    unsigned v;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(v) : "f"(x));
    return v;
}

DEVICE void multiply_tf32(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

DEVICE void multiply_bf16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
