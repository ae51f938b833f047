using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>kernels/nn/layer_norm.cu.</remarks>
sealed partial class CudaBackend
{
    const int LayerNormThreads = 128;

    LastDimensionKernel LayerNormKernel => field ??= new(library, "layer_norm", LayerNormThreads);

    LastDimensionKernel LayerNormBackwardKernel => field ??= new(library, "layer_norm_backward", LayerNormThreads, rowsOfFew: 1);

    public override void LayerNorm(Tensor x, Tensor weight, Tensor bias, double eps, Tensor y, Tensor statistics) =>
        LayerNorm(x, null, weight, bias, eps, null, y, statistics);

    public override void AddLayerNorm(Tensor x, Tensor residual, Tensor weight, Tensor bias, double eps, Tensor sum, Tensor y,
        Tensor statistics) =>
        LayerNorm(x, residual, weight, bias, eps, sum, y, statistics);

    void LayerNorm(Tensor x, Tensor? residual, Tensor weight, Tensor bias, double eps, Tensor? sum, Tensor y, Tensor statistics)
    {
        var (rows, columns) = RowsOf(x);
        if (rows > 0)
            LayerNormKernel.Launch(Moving([x, residual, weight, bias], [y, sum, statistics]), rows, columns, sizeof(float),
                Dense(y), Dense(statistics), DenseOrNull(sum), Dense(x), DenseOrNull(residual), Dense(weight), Dense(bias),
                eps, rows, columns);
    }

    public override void LayerNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor statistics, in LayerNormGradients gradients)
    {
        // Eight blocks of four warps on each of the 132 multiprocessors of an H100: as many as it holds.
        const int mostParts = 1024, leastRows = 8;
        var (rows, columns) = RowsOf(x);
        if (rows == 0)
            return;
        // Each part of the rows sums the gradients of weight and bias on its own.
        int rowsPerPart = checked((int)Math.Max((rows + mostParts - 1) / mostParts, Math.Min(rows, leastRows)));
        int parts = (int)((rows + rowsPerPart - 1) / rowsPerPart);
        var (dx, dweight, dbias) = (gradients.X, gradients.Weight, gradients.Bias);
        using Scratch partial = Floats(2L * parts * columns);
        var (oldX, oldWeight, oldBias) =
            (gradients.AccumulateX ? dx : null, gradients.AccumulateWeight ? dweight : null, gradients.AccumulateBias ? dbias : null);
        LayerNormBackwardKernel.Launch(Moving([dy, x, weight, statistics, oldX, oldWeight, oldBias], [dx, dweight, dbias]), parts, columns,
            4 * sizeof(float), DenseOrNull(dx), DenseOrNull(dweight), DenseOrNull(dbias),
            dweight is null && dbias is null ? DevicePointer.Null : partial.Pointer, Dense(dy), Dense(x), Dense(weight), Dense(statistics),
            oldX is null ? 0 : 1, oldWeight is null ? 0 : 1, oldBias is null ? 0 : 1, rows, columns, rowsPerPart);
    }
}
