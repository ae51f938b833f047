// Output-bias forgetting, the perturbation loss of the paper ("Forget Sharpness", ICML 2024, section 5), loss and gradient in one pass:
//   loss of a sample = sum_j x_j (1/C - (a p_j + (1 - a)[j = y])),   p = sigmoid(x) or softmax(x)
//   a = gamma (c - 1 / max(p_y, 1/c)) / (c - 1), or gamma when c is negative; the gradient takes p and a as constants
//
// logits, gradient  float32[samples, C]; gradient may be null
// labels            int32[samples], inside [0, C)
// values            float64[samples]: scratch for the samples' losses; loss: float32[1], factor times their sum
// launch            one block of 256 threads a sample, 4 C bytes of dynamic shared memory; output_bias_forget_few, up to 256 classes: 128
//                   threads for four samples, none
// bytes             least and actual: reads 4 and writes 4 a logit
// equals            CpuBackend.OutputBiasForget
#include "row.cuh"

template <typename Row>
DEVICE void sample_loss(double* values, float* gradient, const float* logits, const int* labels, double c, double gamma, int sigmoid,
    double factor, int classes, long long sample)
{
    __shared__ float shared[4][Row::Threads / WARP], label_logits[Row::Rows];
    __shared__ double numbers[Row::Rows][2];
    const float* x = logits + sample * classes;
    Row row(kept);
    int label = labels[sample];
    float most = float_of(0xff800000u), sum = 0, weighted = 0, weights = 0;
    Row::walk(classes, [&](Turn i)
    {
        float v = x[i.j];
        row.put(i, v);
        if (i.j == label)
            label_logits[Row::row()] = v;
        most = largest_or_nan(most, v);
        sum += v;
    });
    most = sigmoid ? 0.0f : block_max<Row::Threads>(most, shared[0]);
    Row::walk(classes, [&](Turn i)
    {
        float v = row.get(i), w = sigmoid ? sigmoid_of(v) : exp_of(v - most);
        row.put(i, w);
        weighted = fused(w, v, weighted);
        weights += w;
    });
    sum = block_sum<Row::Threads>(sum, shared[1]);
    weighted = block_sum<Row::Threads>(weighted, shared[2]);
    weights = block_sum<Row::Threads>(weights, shared[3]);
    warp_barrier();
    if (Row::thread() == 0)
    {
        float own = label_logits[Row::row()];
        double p = sigmoid ? (double)sigmoid_of(own) : (double)exp_of(own - most) / weights;
        double alpha = c < 0 ? gamma : gamma * (c - 1.0 / (p > 1.0 / c ? p : p != p ? p : 1.0 / c)) / (c - 1.0);
        double scale = sigmoid ? alpha : alpha / weights;
        values[sample] = sum / (double)classes - scale * weighted - (1.0 - alpha) * own;
        numbers[Row::row()][0] = alpha;
        numbers[Row::row()][1] = scale;
    }
    Row::meet();
    if (!gradient)
        return;
    double alpha = numbers[Row::row()][0], scale = numbers[Row::row()][1];
    float slope = (float)(-scale * factor), level = (float)(factor / classes), at_label = (float)((1.0 - alpha) * factor);
    float* to = gradient + sample * classes;
    Row::walk(classes, [&](Turn i) { to[i.j] = fused(row.get(i), slope, level) - (i.j == label ? at_label : 0.0f); });
}

#define SIZE(row, suffix) \
    KERNEL MEMORY_BOUND(row::BlockThreads) output_bias_forget##suffix(float* loss, double* values, float* gradient, \
        Input<float> logits, Input<int> labels, double c, double gamma, int sigmoid, double factor, \
        int samples, int classes) \
    { \
        long long sample = sample_of_thread<row>(); \
        if (sample < samples) \
            sample_loss<row>(values, gradient, logits, labels, c, gamma, sigmoid, factor, classes, sample); \
        finish_loss<row>(loss, values, factor, samples); \
    }

SIZE(Many, )
SIZE(Few, _few)
