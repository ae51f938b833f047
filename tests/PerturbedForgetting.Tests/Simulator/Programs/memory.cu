#include "program.cuh"

__constant__ unsigned table[8] = {2, 3, 5, 7, 11, 13, 17, 19};
__device__ unsigned total;

DEVICE unsigned shared_address(const void* p) {
    unsigned v;
    asm("{ .reg .u64 t; cvta.to.shared.u64 t, %1; cvt.u32.u64 %0, t; }" : "=r"(v) : "l"(p));
    return v;
}

DEVICE unsigned is_shared(const void* p) {
    unsigned v;
    asm("{ .reg .pred q; isspacep.shared q, %1; selp.u32 %0, 1, 0, q; }" : "=r"(v) : "l"(p));
    return v;
}

/// A pointer whose space the compiler does not see.
__device__ __noinline__ unsigned read(const unsigned* p, int at) { return p[at]; }

/// One block of 128 threads, n = 128.
PROGRAM(memory) {
    __shared__ __attribute__((aligned(16))) unsigned copied[128], kept[128];
    __shared__ unsigned count;
    BEGIN
    unsigned local[16];
    for (int k = 0; k < 16; k++)
        local[k ^ (x & 15)] = k * y;
    PUT(local[y & 15]);
    PUT(table[x & 7]);
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" :: "r"(shared_address(copied + i)), "l"(b + i));
    asm volatile("cp.async.commit_group; cp.async.wait_group 0;" ::: "memory");
    kept[i] = x;
    if (i == 0)
        count = 0;
    asm volatile("prefetch.global.L2 [%0];" :: "l"(a + i));
    asm volatile("membar.cta; fence.acq_rel.gpu;" ::: "memory");
    barrier();
    PUT(copied[127 - i]);
    PUT(read(x & 1 ? kept : b, 127 - i));
    PUT(is_shared(kept) * 2 + is_shared(b));
    unsigned before, loaded;
    asm volatile("atom.shared.add.u32 %0, [%1], %2;" : "=r"(before) : "r"(shared_address(&count)), "r"(x & 15) : "memory");
    asm volatile("red.global.add.u32 [%0], %1;" :: "l"(&total), "r"(x & 15) : "memory");
    barrier();
    PUT(count);
    PUT(before <= count);
    asm volatile("ldu.global.u32 %0, [%1];" : "=r"(loaded) : "l"(a + (i ^ 1)));
    PUT(loaded);
    // Lanes 0 to 7 give the rows of an 8 x 8 matrix of 16 bits; each lane receives two neighbours of row lane / 4.
    unsigned part, row = shared_address(copied + (i & ~31) + (i & 7) * 4);
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(part) : "r"(row) : "memory");
    PUT(part);
}
