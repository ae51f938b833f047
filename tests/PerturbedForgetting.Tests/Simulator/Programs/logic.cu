#include "program.cuh"

ONE(ones, "popc.b32")
ONE(leading_zeros, "clz.b32")
ONE(reversed, "brev.b32")
ONE(highest, "bfind.u32")
THREE(funnel_left, "shf.l.wrap.b32")
THREE(permuted, "prmt.b32")
THREE(extracted, "bfe.u32")
DEVICE unsigned lookup(unsigned a, unsigned b, unsigned c)
{
    unsigned d;
    asm("lop3.b32 %0, %1, %2, %3, 0xCA;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
    return d;
}
DEVICE unsigned inserted(unsigned a, unsigned b) { unsigned d; asm("bfi.b32 %0, %1, %2, 8, 12;" : "=r"(d) : "r"(a), "r"(b)); return d; }

PROGRAM(logic) {
    BEGIN
    PUT(x & y);
    PUT(x | y);
    PUT(x ^ y);
    PUT(~x);
    PUT(ones(x));
    PUT(leading_zeros(x >> (y & 31)));
    PUT(reversed(x));
    PUT(highest(x >> (y & 31)));
    PUT(x << (y & 31));
    PUT(x >> (y & 31));
    PUT((unsigned)((int)x >> (y & 31)));
    PUT(funnel_left(x, y, 11));
    PUT(lookup(x, y, 0x0f0f3355u));
    PUT(permuted(x, y, 0x1357));
    PUT(extracted(x, 5, 9));
    PUT(inserted(x, y));
}
