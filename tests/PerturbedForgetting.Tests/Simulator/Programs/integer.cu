#include "program.cuh"

THREE(sum_of_differences, "sad.u32")
TWO(product24, "mul24.lo.u32")
THREE(dot4, "dp4a.u32.u32")
THREE(dot2, "dp2a.lo.u32.u32")
TWO(remainder, "rem.s32")
TWO(least, "min.u32")
TWO(most, "max.s32")
ONE(negative, "neg.s32")
ONE(absolute, "abs.s32")

DEVICE unsigned long long add_with_carry(unsigned a, unsigned b) {
    unsigned low, high;
    asm("add.cc.u32 %0, %2, %3; addc.u32 %1, %2, %3;" : "=r"(low), "=r"(high) : "r"(a), "r"(b));
    return (unsigned long long)high << 32 | low;
}

DEVICE unsigned long long subtract_with_borrow(unsigned a, unsigned b) {
    unsigned low, high;
    asm("sub.cc.u32 %0, %2, %3; subc.u32 %1, %2, %3;" : "=r"(low), "=r"(high) : "r"(a), "r"(b));
    return (unsigned long long)high << 32 | low;
}

DEVICE unsigned long long multiply_add_with_carry(unsigned a, unsigned b) {
    unsigned low, high;
    asm("mad.lo.cc.u32 %0, %2, %3, %2; madc.hi.u32 %1, %2, %3, %3;" : "=r"(low), "=r"(high) : "r"(a), "r"(b));
    return (unsigned long long)high << 32 | low;
}

PROGRAM(integer) {
    BEGIN
    PUT(x + y);
    PUT(x - y);
    PUT(x * y);
    PUT((unsigned)((unsigned long long)x * y >> 32));
    PUT(x * y + 7u * x);
    PUT(x / (y | 1));
    PUT((unsigned)((long long)(int)x / (long long)((int)y | 1)));
    PUT(remainder(x, y | 1));
    PUT(least(x, y));
    PUT(most(x, y));
    PUT(negative(x));
    PUT(absolute(x));
    PUT(sum_of_differences(x, y, 5));
    PUT(product24(x, y));
    PUT(dot4(x, y, 9));
    PUT(dot2(x, y, 9));
    unsigned long long sum = add_with_carry(x, y), difference = subtract_with_borrow(x, y), product = multiply_add_with_carry(x, y);
    PUT((unsigned)sum);
    PUT((unsigned)(sum >> 32));
    PUT((unsigned)difference);
    PUT((unsigned)(difference >> 32));
    PUT((unsigned)product);
    PUT((unsigned)(product >> 32));
}
