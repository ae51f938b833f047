// Softmax cross entropy with label smoothing (Szegedy et al., CVPR 2016), loss and gradient in one pass over the logits:
//   loss of a sample  = log sum_j exp(x_j - m) - (1 - s)(x_y - m) - s/C sum_j (x_j - m),   m = max x
//   gradient          = factor (softmax(x)_j - s/C - (1 - s)[j = y])
//
// logits, gradient  float32[samples, C]; gradient may be null (evaluation)
// labels            int32[samples], inside [0, C)
// values            float64[samples]: scratch for the samples' losses; loss: float32[1], factor times their sum
// launch            one block of 256 threads a sample, 4 C bytes of dynamic shared memory; cross_entropy_few, up to 256 classes: 128
//                   threads for four samples, none
// bytes             least and actual: reads 4 and writes 4 a logit
// equals            CpuBackend.CrossEntropy
#include "row.cuh"

template <typename Row>
DEVICE void sample_loss(double* values, float* gradient, const float* logits, const int* labels, double smoothing, double factor,
    int classes, long long sample)
{
    __shared__ float shared[4][Row::Threads / WARP], label_logits[Row::Rows];
    const float* x = logits + sample * classes;
    Row row(kept);
    int label = labels[sample];
    float most = float_of(0xff800000u), sum = 0, above = 0;
    Row::walk(classes, [&](Turn i)
    {
        float v = x[i.j];
        row.put(i, v);
        if (i.j == label)
            label_logits[Row::row()] = v;
        most = largest_or_nan(most, v);
    });
    most = block_max<Row::Threads>(most, shared[0]);
    Row::walk(classes, [&](Turn i)
    {
        float v = row.get(i) - most, e = exp_of(v);
        row.put(i, e);
        sum += e;
        above += v;
    });
    sum = block_sum<Row::Threads>(sum, shared[1]);
    above = block_sum<Row::Threads>(above, shared[2]);
    warp_barrier();
    if (Row::thread() == 0)
    {
        double value = log_of(sum) - (1.0 - smoothing) * (label_logits[Row::row()] - most);
        values[sample] = smoothing > 0 ? value - smoothing / classes * above : value;
    }
    if (!gradient)
        return;
    float scale = (float)(factor / sum), others = (float)(-smoothing / classes * factor), at_label = (float)((1.0 - smoothing) * factor);
    float* to = gradient + sample * classes;
    Row::walk(classes, [&](Turn i) { to[i.j] = fused(row.get(i), scale, others) - (i.j == label ? at_label : 0.0f); });
}

#define SIZE(row, suffix) \
    KERNEL MEMORY_BOUND(row::BlockThreads) cross_entropy##suffix(float* loss, double* values, float* gradient, \
        Input<float> logits, Input<int> labels, double smoothing, double factor, int samples, int classes) \
    { \
        long long sample = sample_of_thread<row>(); \
        if (sample < samples) \
            sample_loss<row>(values, gradient, logits, labels, smoothing, factor, classes, sample); \
        finish_loss<row>(loss, values, factor, samples); \
    }

SIZE(Many, )
SIZE(Few, _few)
