// Images to rows of patches and back: what makes a patch embedding a matrix product (Dosovitskiy et al., ICLR 2021). Row (n, ph, pw) holds
// the P x P pixels of a patch in the order h, w, c, that of the weight.
//
// image         float32[N, H, W, C]; rows: float32[N H/P W/P, P P C]
// launch        grid-stride, 256 threads, one element a thread; runs of P C elements are contiguous in both
// bytes         least and actual: reads 4 and writes 4 an element
// equals        a permutation of [N, H/P, P, W/P, P, C] to [N, H/P, W/P, P, P, C] (Ops.Permute)
#include "../include/device.cuh"

// Element of the image that stands at element i of the rows. run = P C, across = W / P.
DEVICE long long image_index(long long i, int run, int patch, int across)
{
    long long rest = i / run, in_run = i - rest * run;
    int h = (int)(rest % patch);
    rest /= patch;
    long long band = rest / across;
    int pw = (int)(rest - band * across);
    return ((band * patch + h) * across + pw) * run + in_run;
}

KERNEL __launch_bounds__(256) patches(float* rows, const float* image, int run, int patch, int across, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
        rows[i] = image[image_index(i, run, patch, across)];
}

KERNEL __launch_bounds__(256) patches_backward(float* image, const float* rows, int run, int patch, int across, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
        image[image_index(i, run, patch, across)] = rows[i];
}
