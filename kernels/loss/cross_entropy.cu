// Softmax cross entropy with label smoothing (Szegedy et al., CVPR 2016), loss and gradient in one pass over the logits:
//   loss of a sample  = log sum_j exp(x_j - m) - (1 - s)(x_y - m) - s/C sum_j (x_j - m),   m = max x
//   gradient          = factor (softmax(x)_j - s/C - (1 - s)[j = y])
//
// logits, gradient  float32[samples, C]; gradient may be null (evaluation)
// labels            int32[samples], inside [0, C)
// values            float64[samples]: scratch for the samples' losses; loss: float32[1], factor times their sum
// launch            one block a sample, 4 C bytes of dynamic shared memory; cross_entropy_few: 32 threads, cross_entropy: 256
// bytes             least and actual: reads 4 and writes 4 a logit
// equals            CpuBackend.CrossEntropy
#include "row.cuh"

template <int Threads>
DEVICE void sample_loss(float* loss, double* values, float* gradient, const float* logits, const int* labels, double smoothing,
    double factor, int classes)
{
    __shared__ float shared[4][Threads / WARP], own;
    long long sample = block_x();
    const float* x = logits + sample * classes;
    int label = labels[sample];
    float most = float_of(0xff800000u);
    for (int j = thread_x(); j < classes; j += Threads)
    {
        float v = x[j];
        row[j] = v;
        if (j == label)
            own = v;
        most = largest_or_nan(most, v);
    }
    most = block_max<Threads>(most, shared[0]);
    float sum = 0, above = 0;
    for (int j = thread_x(); j < classes; j += Threads)
    {
        float v = row[j] - most, e = exp_of(v);
        row[j] = e;
        sum += e;
        above += v;
    }
    sum = block_sum<Threads>(sum, shared[1]);
    above = block_sum<Threads>(above, shared[2]);
    warp_barrier();
    if (thread_x() == 0)
    {
        double value = log_of(sum) - (1.0 - smoothing) * (own - most);
        values[sample] = smoothing > 0 ? value - smoothing / classes * above : value;
    }
    float scale = (float)(factor / sum), others = (float)(-smoothing / classes * factor), at_label = (float)((1.0 - smoothing) * factor);
    if (gradient)
        for (int j = thread_x(); j < classes; j += Threads)
            gradient[sample * classes + j] = fused(row[j], scale, others) - (j == label ? at_label : 0.0f);
    finish_loss<Threads>(loss, values, factor);
}

KERNEL __launch_bounds__(MANY_THREADS) cross_entropy(float* loss, double* values, float* gradient, const float* logits, const int* labels,
    double smoothing, double factor, int classes)
{
    sample_loss<MANY_THREADS>(loss, values, gradient, logits, labels, smoothing, factor, classes);
}

KERNEL __launch_bounds__(FEW_THREADS) cross_entropy_few(float* loss, double* values, float* gradient, const float* logits,
    const int* labels, double smoothing, double factor, int classes)
{
    sample_loss<FEW_THREADS>(loss, values, gradient, logits, labels, smoothing, factor, classes);
}
