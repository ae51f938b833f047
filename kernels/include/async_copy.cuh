// Copies from global to shared memory that do not pass through registers (cp.async, sm_80). What they bring is visible to the thread
// behind wait, and to the block behind a barrier after that.
#pragma once
#include "device.cuh"

/// The address of a pointer into shared memory within shared memory.
DEVICE unsigned shared_address(const void* p)
{
    unsigned long long address;
    asm("cvta.to.shared.u64 %0, %1;" : "=l"(address) : "l"(p));
    return (unsigned)address;
}

/// 16 bytes, of which the first `bytes` are copied and the rest become zero; both addresses are multiples of 16.
DEVICE void copy_async_16(void* to, const void* from, int bytes)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes) : "memory");
}

/// 4 bytes, or zero where `bytes` is 0.
DEVICE void copy_async_4(void* to, const void* from, int bytes)
{
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes) : "memory");
}

/// Closes the group of the copies begun since the last call.
DEVICE void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/// Waits until at most `Groups` groups are under way.
template <int Groups>
DEVICE void wait_copies() { asm volatile("cp.async.wait_group %0;" ::"n"(Groups) : "memory"); }
