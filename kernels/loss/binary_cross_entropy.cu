// Binary cross entropy with logits, loss and gradient in one pass: for an element x with target t
//   loss = max(x, 0) - x t + log(1 + exp(-|x|)),   gradient = factor (sigmoid(x) - t)
// The target is dense, or made of labels: (1 - s)[j = y] + s/C.
//
// logits, dense, gradient  float32[samples, C]; gradient may be null; one of dense and labels is null
// labels                   int32[samples], inside [0, C)
// values                   float64[samples], scratch for sums over the classes; loss: float32[1], factor times their sum
// launch                   one block a sample; binary_cross_entropy_few: 32 threads, binary_cross_entropy: 256
// bytes                    least and actual: reads 4 a logit (8 with a dense target), writes 4
// equals                   CpuBackend.BinaryCrossEntropy
#include "row.cuh"

template <int Threads>
DEVICE void sample_loss(float* loss, double* values, float* gradient, const float* logits, const float* dense, const int* labels,
    double smoothing, double factor, int classes)
{
    __shared__ float shared[Threads / WARP];
    long long sample = block_x();
    const float* x = logits + sample * classes;
    float others = (float)(smoothing / classes), at_label = (float)(1.0 - smoothing), scale = (float)factor, sum = 0;
    int label = labels ? labels[sample] : -1;
    for (int j = thread_x(); j < classes; j += Threads)
    {
        float v = x[j], t = dense ? dense[sample * classes + j] : j == label ? others + at_label : others;
        float e = exp_of(-magnitude(v)), s = 1.0f / (1.0f + e);
        sum += (v < 0.0f ? 0.0f : v) - v * t + log1p_of(e);
        if (gradient)
            gradient[sample * classes + j] = ((v < 0.0f ? e * s : s) - t) * scale;
    }
    sum = block_sum<Threads>(sum, shared);
    if (thread_x() == 0)
        values[sample] = sum;
    finish_loss<Threads>(loss, values, factor);
}

KERNEL __launch_bounds__(MANY_THREADS) binary_cross_entropy(float* loss, double* values, float* gradient, const float* logits,
    const float* dense, const int* labels, double smoothing, double factor, int classes)
{
    sample_loss<MANY_THREADS>(loss, values, gradient, logits, dense, labels, smoothing, factor, classes);
}

KERNEL __launch_bounds__(FEW_THREADS) binary_cross_entropy_few(float* loss, double* values, float* gradient, const float* logits,
    const float* dense, const int* labels, double smoothing, double factor, int classes)
{
    sample_loss<FEW_THREADS>(loss, values, gradient, logits, dense, labels, smoothing, factor, classes);
}
