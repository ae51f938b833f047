using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Layer normalisation; kernels/nn/layer_norm.cu. All launches of a library belong on one stream.</summary>
sealed class LayerNorm(KernelLibrary library)
{
    const int Threads = 128, MostParts = 512, LeastRows = 8;

    readonly LastDimensionKernel forward = new(library, "layer_norm", Threads), backward = new(library, "layer_norm_backward", Threads);

    /// <summary>Parts of the rows, each of which sums the gradients of weight and bias on its own.</summary>
    public static int Parts(long rows) => (int)((rows + RowsPerPart(rows) - 1) / RowsPerPart(rows));

    static int RowsPerPart(long rows) => checked((int)Math.Max((rows + MostParts - 1) / MostParts, Math.Min(rows, LeastRows)));

    /// <summary>y, and statistics [rows, 3]; of x, or of <paramref name="sum"/> = x + residual, which both may be null.</summary>
    public void Forward(CudaStream stream, DevicePointer y, DevicePointer statistics, DevicePointer sum, DevicePointer x, DevicePointer residual, DevicePointer weight,
        DevicePointer bias, double eps, long rows, int columns) =>
        forward.Launch(stream.Moving((8 + (residual.IsNull ? 0 : 4) + (sum.IsNull ? 0 : 4)) * rows * columns), rows, columns, 4 * columns, y, statistics, sum, x, residual, weight, bias, eps, columns);

    /// <summary>What the backward pass makes, or adds to; what is null is not wanted.</summary>
    public readonly record struct Results(DevicePointer X, bool AccumulateX, DevicePointer Weight, bool AccumulateWeight, DevicePointer Bias, bool AccumulateBias);

    /// <summary>The backward pass. <paramref name="partial"/> has 2 <see cref="Parts"/> columns float32.</summary>
    public void Backward(CudaStream stream, in Results results, DevicePointer partial, DevicePointer dy, DevicePointer x, DevicePointer weight, DevicePointer statistics,
        long rows, int columns)
    {
        bool sums = !results.Weight.IsNull || !results.Bias.IsNull;
        int written = results.X.IsNull ? 0 : results.AccumulateX ? 8 : 4;
        backward.Launch(stream.Moving((8 + written) * rows * columns), Parts(rows), columns, 16 * columns, results.X, results.Weight, results.Bias, sums ? partial : DevicePointer.Null, dy, x, weight, statistics,
            results.AccumulateX ? 1 : 0, results.AccumulateWeight ? 1 : 0, results.AccumulateBias ? 1 : 0, rows, columns, RowsPerPart(rows));
    }
}
