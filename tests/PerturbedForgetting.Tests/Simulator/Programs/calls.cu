#include "program.cuh"

/// What the driver provides to device code. clang makes vprintf of printf.
extern "C" __device__ int printf(const char* format, ...);
extern "C" __device__ __attribute__((noreturn)) void __assertfail(const char* message, const char* file, unsigned line,
    const char* function, unsigned long long charSize);

PROGRAM(prints) {
    BEGIN
    if (i % 64 == 5) {
        int count = printf("%d: %5u|%-6x|%#o %c%s %lld %.3f %e %g %08.2f %+d%%\n", i, x, y, x & 255, 'a' + i % 26, "bc",
            -(long long)x * 3, (double)(float)x / 8, (double)y, 0.1 * i, -1.5 * i, i);
        printf("end\n");
        PUT((unsigned)count);
    } else
        PUT(7);
}

PROGRAM(asserts) {
    BEGIN
    if (x > 1000000u + y)
        __assertfail("x is small", "calls.cu", 42, "asserts", 1);
    PUT(x);
}
