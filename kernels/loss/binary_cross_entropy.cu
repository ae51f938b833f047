// Binary cross entropy with logits, loss and gradient in one pass: for an element x with target t
//   loss = max(x, 0) - x t + log(1 + exp(-|x|)),   gradient = factor (sigmoid(x) - t)
// The target is dense, or made of labels: (1 - s)[j = y] + s/C.
//
// logits, dense, gradient  float32[samples, C]; gradient may be null; one of dense and labels is null
// labels                   int32[samples], inside [0, C)
// values                   float64[samples], scratch for sums over the classes; loss: float32[1], factor times their sum
// launch                   one block of 256 threads a sample; binary_cross_entropy_few, up to 256 classes: 128 threads for four samples
// bytes                    least and actual: reads 4 a logit (8 with a dense target), writes 4
// equals                   CpuBackend.BinaryCrossEntropy
#include "row.cuh"

template <typename Row>
DEVICE void sample_loss(double* values, float* gradient, const float* logits, const float* dense, const int* labels, double smoothing,
    double factor, int classes, long long sample)
{
    __shared__ float shared[Row::Threads / WARP];
    const float *x = logits + sample * classes, *targets = dense + sample * classes;
    float* to = gradient + sample * classes;
    float others = (float)(smoothing / classes), at_label = (float)(1.0 - smoothing), scale = (float)factor, sum = 0;
    int label = labels ? labels[sample] : -1;
    Row::walk(classes, [&](Turn i)
    {
        float v = x[i.j], t = dense ? targets[i.j] : i.j == label ? others + at_label : others;
        float e = exp_of(-magnitude(v)), s = 1.0f / (1.0f + e);
        sum += (v < 0.0f ? 0.0f : v) - v * t + log1p_of(e);
        if (gradient)
            to[i.j] = ((v < 0.0f ? e * s : s) - t) * scale;
    });
    sum = block_sum<Row::Threads>(sum, shared);
    if (Row::thread() == 0)
        values[sample] = sum;
}

#define SIZE(row, suffix) \
    KERNEL MEMORY_BOUND(row::BlockThreads) binary_cross_entropy##suffix(float* loss, double* values, float* gradient, \
        Input<float> logits, Input<float> dense, Input<int> labels, double smoothing, \
        double factor, int samples, int classes) \
    { \
        long long sample = sample_of_thread<row>(); \
        if (sample < samples) \
            sample_loss<row>(values, gradient, logits, dense, labels, smoothing, factor, classes, sample); \
        finish_loss<row>(loss, values, factor, samples); \
    }

SIZE(Many, )
SIZE(Few, _few)
