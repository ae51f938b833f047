#include "program.cuh"

__device__ __noinline__ unsigned collatz(unsigned n) {
    unsigned steps = 0;
    for (; n > 1; steps++)
        n = n % 2 == 0 ? n / 2 : 3 * n + 1;
    return steps;
}

/// A structure as argument and result, passed in memory.
struct Pair { unsigned first, second; float third; };
__device__ __noinline__ Pair exchanged(Pair p) { return {p.second, p.first, p.third * 2}; }

/// A jump through a table, as nvcc makes of a switch.
DEVICE unsigned chosen(unsigned which, unsigned x, unsigned y) {
    unsigned result;
    asm volatile("{ table: .branchtargets SUM, PRODUCT, SUM, DIFFERENCE;\n"
        "mov.u32 %0, %2;\n"
        "brx.idx %1, table;\n"
        "SUM: add.u32 %0, %2, %3; bra.uni DONE;\n"
        "PRODUCT: mul.lo.u32 %0, %2, %3;\n"
        "DIFFERENCE: sub.u32 %0, %0, %3;\n"
        "DONE: }" : "=&r"(result) : "r"(which), "r"(x), "r"(y));
    return result;
}

PROGRAM(control) {
    __shared__ unsigned words[256];
    words[thread_x()] = thread_x();
    asm volatile("barrier.sync 0;" ::: "memory");
    unsigned mirrored = words[255 - thread_x()];
    barrier();
    asm volatile("nanosleep.u32 20;");
    BEGIN
    if (n == -7)
        asm volatile("brkpt;");
    if (n < 0)
        __builtin_trap();
    PUT(mirrored);
    PUT(collatz(x & 0xffff));
    PUT(chosen(x & 3, x, y));
    Pair p = exchanged({x, y, 1.5f});
    PUT(p.first - p.second);
    PUT(bits_of(p.third));
    if (x & 4)
        asm volatile("exit;");
    PUT(1);
}
