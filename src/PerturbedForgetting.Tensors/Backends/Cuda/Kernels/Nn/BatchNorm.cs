using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Batch normalisation of channels-last activations; kernels/nn/batch_norm.cu. saved is [5, C] as <see cref="BatchNormRow"/> says.</summary>
sealed class BatchNorm(KernelLibrary library)
{
    const int Threads = 256;

    readonly ColumnKernel statistics = new(library, "batch_norm_statistics"), gradients = new(library, "batch_norm_gradients");
    readonly CudaKernel frozen = library.Get("batch_norm_frozen");
    readonly WideKernel apply = new(library, "batch_norm_apply"), input = new(library, "batch_norm_input");

    /// <summary>float32 numbers of work space: for the moments, or for the sums and coefficients of the backward pass.</summary>
    public static long Scratch(long rows, int channels) => 3L * (new ColumnParts(rows, channels).Count + 1) * channels;

    /// <summary>Statistics of the batch; running statistics, and a counter of batches, int64[1], may be null.</summary>
    public void Statistics(CudaStream stream, DevicePointer saved, DevicePointer runningMean, DevicePointer runningVariance, DevicePointer counter, DevicePointer scratch,
        DevicePointer x, DevicePointer weight, DevicePointer bias, double eps, double momentum, long rows, int channels)
    {
        var cut = new ColumnParts(rows, channels);
        statistics.Launch(stream.Moving(4 * rows * channels), cut, saved, runningMean, runningVariance, counter, scratch, x, weight, bias, eps, momentum, rows, channels, cut.RowsPerPart);
    }

    /// <summary>saved from given statistics.</summary>
    public void Frozen(CudaStream stream, DevicePointer saved, DevicePointer mean, DevicePointer variance, DevicePointer weight, DevicePointer bias, double eps, int channels) =>
        frozen.Launch(stream, LaunchGrid.Blocks(channels, Threads), Threads, 0, saved, mean, variance, weight, bias, eps, channels);

    /// <summary>y = (x - center) scale + shift + residual, then relu; the residual may be null.</summary>
    public void Apply(CudaStream stream, DevicePointer y, DevicePointer x, DevicePointer saved, DevicePointer residual, bool relu, long rows, int channels) =>
        apply.Launch(stream.Moving((residual.IsNull ? 8 : 12) * rows * channels), rows * channels, channels, y, x, saved, residual, relu ? 1 : 0, channels, rows * channels);

    /// <summary>What the backward pass makes; what is null is not wanted.</summary>
    public readonly record struct Results(DevicePointer X, DevicePointer Residual, DevicePointer Weight, bool AccumulateWeight, DevicePointer Bias, bool AccumulateBias);

    /// <summary>The backward pass of <see cref="Apply"/>; y is null where the relu's sign is computed again from x.</summary>
    public void Backward(CudaStream stream, in Results results, DevicePointer scratch, DevicePointer dy, DevicePointer x, DevicePointer y, DevicePointer saved,
        bool relu, bool batch, long rows, int channels)
    {
        var cut = new ColumnParts(rows, channels);
        DevicePointer coefficients = scratch + (8L * cut.Count * channels), residual = results.Residual, g = dy;
        bool needsSums = !results.Weight.IsNull || !results.Bias.IsNull || (batch && !results.X.IsNull), isMasked = relu;
        if (needsSums)
        {
            gradients.Launch(stream.Moving((8 + (relu && !y.IsNull ? 4 : 0) + (residual.IsNull ? 0 : 4)) * rows * channels), cut, coefficients, results.Weight, results.Bias, scratch, residual, dy, x, y, saved, relu ? 1 : 0, batch ? 1 : 0,
                results.AccumulateWeight ? 1 : 0, results.AccumulateBias ? 1 : 0, rows, channels, cut.RowsPerPart);
            // The residual's gradient is the masked one already.
            if (!residual.IsNull)
                (g, isMasked, residual) = (residual, false, DevicePointer.Null);
        }
        else
            stream.FillBytes(coefficients, 0, 8L * channels);
        if (results.X.IsNull && residual.IsNull)
            return;
        int moved = 4 + (results.X.IsNull ? 0 : 8) + (isMasked && !y.IsNull ? 4 : 0) + (residual.IsNull ? 0 : 4);
        input.Launch(stream.Moving(moved * rows * channels), rows * channels, channels, results.X, residual, g, x, y, saved, coefficients, isMasked ? 1 : 0, channels, rows * channels);
    }
}
