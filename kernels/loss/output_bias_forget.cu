// Output-bias forgetting, the perturbation loss of the paper ("Forget Sharpness", ICML 2024, section 5), loss and gradient in one pass:
//   loss of a sample = sum_j x_j (1/C - (a p_j + (1 - a)[j = y])),   p = sigmoid(x) or softmax(x)
//   a = gamma (c - 1 / max(p_y, 1/c)) / (c - 1), or gamma when c is negative; the gradient takes p and a as constants
//
// logits, gradient  float32[samples, C]; gradient may be null
// labels            int32[samples], inside [0, C)
// values            float64[samples]: scratch for the samples' losses; loss: float32[1], factor times their sum
// launch            one block a sample, 4 C bytes of dynamic shared memory; output_bias_forget_few: 32 threads, output_bias_forget: 256
// bytes             least and actual: reads 4 and writes 4 a logit
// equals            CpuBackend.OutputBiasForget
#include "row.cuh"

template <int Threads>
DEVICE void sample_loss(float* loss, double* values, float* gradient, const float* logits, const int* labels, double c, double gamma,
    int sigmoid, double factor, int classes)
{
    __shared__ float shared[4][Threads / WARP], own;
    __shared__ double numbers[2];
    long long sample = block_x();
    const float* x = logits + sample * classes;
    int label = labels[sample];
    float most = float_of(0xff800000u), sum = 0, weighted = 0, weights = 0;
    for (int j = thread_x(); j < classes; j += Threads)
    {
        float v = x[j];
        row[j] = v;
        if (j == label)
            own = v;
        most = largest_or_nan(most, v);
        sum += v;
    }
    most = sigmoid ? 0.0f : block_max<Threads>(most, shared[0]);
    for (int j = thread_x(); j < classes; j += Threads)
    {
        float v = row[j], w = sigmoid ? sigmoid_of(v) : exp_of(v - most);
        row[j] = w;
        weighted = fused(w, v, weighted);
        weights += w;
    }
    sum = block_sum<Threads>(sum, shared[1]);
    weighted = block_sum<Threads>(weighted, shared[2]);
    weights = block_sum<Threads>(weights, shared[3]);
    warp_barrier();
    if (thread_x() == 0)
    {
        double p = sigmoid ? (double)sigmoid_of(own) : (double)exp_of(own - most) / weights;
        double alpha = c < 0 ? gamma : gamma * (c - 1.0 / (p > 1.0 / c ? p : p != p ? p : 1.0 / c)) / (c - 1.0);
        double scale = sigmoid ? alpha : alpha / weights;
        values[sample] = sum / (double)classes - scale * weighted - (1.0 - alpha) * own;
        numbers[0] = alpha;
        numbers[1] = scale;
    }
    barrier();
    float slope = (float)(-numbers[1] * factor), level = (float)(factor / classes), at_label = (float)((1.0 - numbers[0]) * factor);
    if (gradient)
        for (int j = thread_x(); j < classes; j += Threads)
            gradient[sample * classes + j] = fused(row[j], slope, level) - (j == label ? at_label : 0.0f);
    finish_loss<Threads>(loss, values, factor);
}

KERNEL __launch_bounds__(MANY_THREADS) output_bias_forget(float* loss, double* values, float* gradient, const float* logits,
    const int* labels, double c, double gamma, int sigmoid, double factor, int classes)
{
    sample_loss<MANY_THREADS>(loss, values, gradient, logits, labels, c, gamma, sigmoid, factor, classes);
}

KERNEL __launch_bounds__(FEW_THREADS) output_bias_forget_few(float* loss, double* values, float* gradient, const float* logits,
    const int* labels, double c, double gamma, int sigmoid, double factor, int classes)
{
    sample_loss<FEW_THREADS>(loss, values, gradient, logits, labels, c, gamma, sigmoid, factor, classes);
}
