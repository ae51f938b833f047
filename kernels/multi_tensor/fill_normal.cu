// y = independent standard normal numbers of one Philox stream: the direction of random SAM.
//
// y             float32, flat buffer of an arena; padding and frozen parameters are not touched
// call          uint64[1] on the device, added to the stream's number, so that a captured graph draws anew at each step; null for 0
// runs          parts of the trained parameters without padding
// launch        one block of 256 threads a run
// bytes         least and actual: writes 4 a parameter
// equals        CpuBackend.FillNormal
#include "normal.cuh"

KERNEL __launch_bounds__(TILE_THREADS) fill_normal(float* y, unsigned long long seed, unsigned long long stream, const unsigned long long* call, const Run* runs)
{
    Run run = runs[block_x()];
    stream += call ? *call : 0;
    for (long long i = 4 * thread_x(); i < run.length; i += 4 * TILE_THREADS)
        store_run(y, run, i, normals(run, i, seed, stream));
}
