// The last block to arrive does what the others' results are needed for, so that the second stage of a reduction needs no launch of its
// own (as in the threadFenceReduction sample of the CUDA toolkit). Which block that is changes from run to run; what it does must not.
#pragma once
#include "device.cuh"

constexpr int MOST_COUNTERS = 4096;

/// Blocks of a group that have arrived. Zero when the module is loaded and again when a group is complete, so that a graph may repeat a
/// launch. Launches of one module that use them must not overlap: they belong on one stream.
static __device__ unsigned arrived[MOST_COUNTERS];

/// Orders what this thread, and those of its block that it met at a barrier, wrote and read before against what comes behind, for all
/// blocks.
DEVICE void fence() { asm volatile("fence.acq_rel.gpu;" ::: "memory"); }

/// Whether this is the last of `blocks` blocks at a counter; what all threads of the others wrote before is visible to it then. Every
/// thread of the block calls it, a barrier is in it. A single block needs no counter.
DEVICE bool arrives_last(int counter, unsigned blocks)
{
    __shared__ unsigned before;
    barrier();
    if (blocks == 1)
        return true;
    if (thread_x() == 0 && thread_y() == 0)
    {
        fence();
        unsigned old;
        // One more, or zero behind the last.
        asm volatile("atom.inc.u32 %0, [%1], %2;" : "=r"(old) : "l"(arrived + counter), "r"(blocks - 1) : "memory");
        before = old;
        fence();
    }
    barrier();
    return before == blocks - 1;
}
