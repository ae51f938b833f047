// Place of the label among the logits, 0 for the largest: top-k accuracy counts ranks below k. Equal logits rank by their class
// number, NaN before all. With several applying classes the best of them counts; -1 when none applies.
//
// logits        float32[samples, C]
// labels        int32[samples], inside [0, C); applies: uint8[samples, C], not zero where a class applies
// rank          int32[samples]
// launch        label_rank, label_rank_applying: blocks of 128 threads, a warp a sample; others: one block of 256 threads
// bytes         least and actual: reads 4 a logit (8 with applying classes), writes 4 a sample
// equals        CpuBackend.LabelRank
#include "../include/reduce.cuh"

constexpr int RANK_THREADS = 128, THREADS = 256;

DEVICE long long sample_of_warp() { return (long long)block_x() * (RANK_THREADS / WARP) + thread_x() / WARP; }

DEVICE int rank_of(const float* x, int label, int classes)
{
    float own = x[label];
    int rank = own != own && lane_index() == 0 ? classes : 0;
    for (int j = lane_index(); j < classes; j += WARP)
    {
        float v = x[j];
        bool below = j < label ? v < own : v <= own;
        rank += j == label || below ? 0 : 1;
    }
    rank = warp_sum(rank);
    return rank < classes ? rank : classes;
}

KERNEL MEMORY_BOUND(RANK_THREADS) label_rank(int* rank, Input<float> logits, Input<int> labels, int samples,
    int classes)
{
    long long sample = sample_of_warp();
    if (sample >= samples)
        return;
    int r = rank_of(logits + sample * classes, labels[sample], classes);
    if (lane_index() == 0)
        rank[sample] = r;
}

// The first applying class wins when it is NaN, else the largest, the first of equals.
KERNEL MEMORY_BOUND(RANK_THREADS) label_rank_applying(int* rank, Input<float> logits,
    Input<unsigned char> applies, int samples, int classes)
{
    long long sample = sample_of_warp();
    if (sample >= samples)
        return;
    const float* x = logits + sample * classes;
    int first = classes, best = classes;
    float most = float_of(0xff800000u);
    for (int j = lane_index(); j < classes; j += WARP)
    {
        if (!applies[sample * classes + j])
            continue;
        float v = x[j];
        first = first < classes ? first : j;
        if (v == v && (best == classes || v > most))
            most = v, best = j;
    }
    for (int lanes = WARP / 2; lanes > 0; lanes /= 2)
    {
        int other_first = shuffle_xor(first, lanes), other_best = shuffle_xor(best, lanes);
        float other_most = shuffle_xor(most, lanes);
        first = other_first < first ? other_first : first;
        bool better = other_best < classes && (best == classes || other_most > most || (other_most == most && other_best < best));
        most = better ? other_most : most;
        best = better ? other_best : best;
    }
    if (first < classes && x[first] != x[first])
        best = first;
    int r = best < classes ? rank_of(x, best, classes) : -1;
    if (lane_index() == 0)
        rank[sample] = r;
}

// counts[0] += samples with 0 <= rank < 1, counts[1] += samples with 0 <= rank < k, counts[2] += samples with a rank.
KERNEL MEMORY_BOUND(THREADS) label_rank_count(int* counts, Input<int> rank, int k, long long samples)
{
    __shared__ int shared[3][THREADS / WARP];
    int first = 0, among = 0, all = 0;
    for (long long i = thread_x(); i < samples; i += THREADS)
    {
        int r = rank[i];
        first += r == 0;
        among += r >= 0 && r < k;
        all += r >= 0;
    }
    first = block_sum<THREADS>(first, shared[0]);
    among = block_sum<THREADS>(among, shared[1]);
    all = block_sum<THREADS>(all, shared[2]);
    if (thread_x() == 0)
    {
        counts[0] += first;
        counts[1] += among;
        counts[2] += all;
    }
}

// index = the first label outside [0, classes), or -1.
KERNEL MEMORY_BOUND(THREADS) label_rank_first_out_of_range(long long* index, Input<int> labels, int classes, long long samples)
{
    constexpr int none = 0x7fffffff;
    __shared__ int shared[THREADS / WARP];
    int found = none;
    for (long long i = thread_x(); i < samples && found == none; i += THREADS)
        found = (unsigned)labels[i] >= (unsigned)classes ? (int)i : none;
    for (int lanes = WARP / 2; lanes > 0; lanes /= 2)
    {
        int other = shuffle_xor(found, lanes);
        found = other < found ? other : found;
    }
    if (lane_index() == 0)
        shared[thread_x() / WARP] = found;
    barrier();
    if (thread_x() != 0)
        return;
    for (int warp = 1; warp < THREADS / WARP; warp++)
        found = shared[warp] < found ? shared[warp] : found;
    *index = found == none ? -1 : found;
}
