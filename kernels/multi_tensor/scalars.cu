// The numbers that steer a step, computed on the device, so that a step neither waits for the host nor changes its launch arguments:
// GSAM's coefficients, clipping, step counts, losses. One thread each; float64.
//
// launch        one block of one thread; scalars_require_finite: one block of 256
// bytes         a few numbers; scalars_require_finite reads 4 an element
// equals        CpuBackend.OrthogonalCoefficients, BeginUpdate, Record, AddLosses, CopyIfZero, RequireFinite
#include "../include/reduce.cuh"

// coefficients = (a, b) of a x + b |w|^k z, the combination of GSAM, and its squared norm without another pass.
KERNEL scalars_orthogonal_coefficients(double* coefficients, double* combined_squared_norm, Input<double> products,
    Input<double> direction_squared_norm, double sign, double alpha, int normalized)
{
    double norm = square_root(products[0]) + 1e-12;
    double factor = normalized ? sign / (square_root(*direction_squared_norm) + 1e-12) : sign;
    double along = factor * products[1] / norm;
    double a = 1.0 - alpha * along / norm, b = alpha * factor;
    coefficients[0] = a;
    coefficients[1] = b;
    double squared = a * a * products[0] + 2.0 * a * b * products[1] + b * b * products[2];
    // Rounding must not make it negative; NaN passes on.
    *combined_squared_norm = squared < 0.0 ? 0.0 : squared;
}

// control: learning rate, proceed, scale, steps, skipped, norm (MultiTensor/UpdateControl.cs).
KERNEL scalars_begin_update(double* control, Input<double> squared_norm, Input<double> flag, double max_norm)
{
    double norm = square_root(*squared_norm), limit = max_norm / (norm + 1e-6);
    bool proceed = is_finite(norm) && *flag != 0.0;
    control[1] = proceed ? 1.0 : 0.0;
    // As Math.Min: NaN when the norm is.
    control[2] = max_norm > 0.0 ? (limit >= 1.0 ? 1.0 : limit) : 1.0;
    control[proceed ? 3 : 4] += 1.0;
    control[5] = norm;
}

// last = factor value; sum += last.
KERNEL scalars_record(double* last, double* sum, Input<float> value, double factor)
{
    double v = factor * (double)*value;
    *last = v;
    *sum += v;
}

// The losses of a mini-batch, weighted by its samples, into an epoch's sums (MultiTensorOps.AddLosses).
KERNEL scalars_add_losses(double* sums, Input<double> losses, Input<double> keep, double chunks, double samples)
{
    double mean = losses[1] / chunks, perturb_mean = losses[3] / chunks;
    bool counts = is_finite(mean) && is_finite(perturb_mean), keeps = *keep != 0.0;
    double weight = counts ? samples : 0.0;
    double terms[6] = {losses[0], losses[2], 1.0, mean, perturb_mean, 1.0};
    for (int i = 0; i < 6; i++)
    {
        double sum = keeps || i >= 3 ? sums[i] : 0.0;
        sums[i] = counts ? fused(terms[i], weight, sum) : sum;
    }
    if (!is_finite(mean))
        sums[6] += 1.0;
}

// flag = 0 where an element of x is infinite or not a number: some thousand running statistics, which one block looks through.
KERNEL MEMORY_BOUND(256) scalars_require_finite(double* flag, Input<float> x, long long count)
{
    __shared__ int shared[256 / WARP];
    int bad = 0;
    for (long long i = thread_x(); i < count; i += 256)
        bad += (bits_of(x[i]) >> 23 & 0xff) == 0xff;
    bad = block_sum<256>(bad, shared);
    if (thread_x() == 0 && bad)
        *flag = 0.0;
}

// y = x where the flag is 0: what a skipped step must not have changed. Words of 4 bytes; a grid-stride loop of any launch.
KERNEL scalars_copy_if_zero(unsigned* y, Input<unsigned> x, Input<double> flag, long long words)
{
    if (*flag != 0.0)
        return;
    for (long long i = global_index(); i < words; i += global_threads())
        y[i] = x[i];
}
