// Small programs that use every instruction the software GPU knows (docs/ptx-instructions.md); ProgramTests.cs runs them against C#.
// PTX: cmake --build build --target programs. Thread i reads a[i] and b[i] and writes one value to each column: out[column * n + i].
#pragma once
#include "../../../../kernels/include/device.cuh"

#if defined(__clang__)
#define __constant__ __attribute__((constant))
#define __noinline__ __attribute__((noinline))
#endif

#define PROGRAM(name) KERNEL name(const unsigned* a, const unsigned* b, unsigned* out, int n)

#define BEGIN \
    int i = (int)global_index(); \
    if (i >= n) \
        return; \
    unsigned x = a[i], y = b[i]; \
    int column = 0;

#define PUT(value) out[column++ * n + i] = (value)

#define ONE(name, ptx) \
    DEVICE unsigned name(unsigned a) { unsigned d; asm(ptx " %0, %1;" : "=r"(d) : "r"(a)); return d; }
#define TWO(name, ptx) \
    DEVICE unsigned name(unsigned a, unsigned b) { unsigned d; asm(ptx " %0, %1, %2;" : "=r"(d) : "r"(a), "r"(b)); return d; }
#define THREE(name, ptx) \
    DEVICE unsigned name(unsigned a, unsigned b, unsigned c) \
    { \
        unsigned d; \
        asm(ptx " %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c)); \
        return d; \
    }
#define FLOAT_ONE(name, ptx) \
    DEVICE float name(float a) { float d; asm(ptx " %0, %1;" : "=f"(d) : "f"(a)); return d; }
#define FLOAT_TWO(name, ptx) \
    DEVICE float name(float a, float b) { float d; asm(ptx " %0, %1, %2;" : "=f"(d) : "f"(a), "f"(b)); return d; }
