using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>kernels/nn/layer_norm.cu, layer_norm_tangent.cu.</remarks>
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

    public override void LayerNormTangent(Tensor x, Tensor tangent, Tensor weight, Tensor weightTangent, Tensor biasTangent,
        Tensor statistics, Tensor ytangent)
    {
        var (rows, columns) = RowsOf(x);
        if (rows > 0)
            LaunchRows("layer_norm_tangent", Moving([x, tangent, weight, weightTangent, biasTangent, statistics], [ytangent]), rows,
                columns, Dense(ytangent), Dense(x), Dense(tangent), Dense(weight), Dense(weightTangent), Dense(biasTangent),
                Dense(statistics), rows, columns);
    }

    public override void LayerNormBackwardTangent(Tensor dy, Tensor dyTangent, Tensor x, Tensor tangent, Tensor weight,
        Tensor weightTangent, Tensor statistics, in LayerNormGradients gradients)
    {
        var (rows, columns) = RowsOf(x);
        if (rows == 0)
            return;
        var (dx, dweight) = (gradients.X, gradients.Weight);
        using Tensor? change = dweight is null ? null : Tensor.Hidden(x.Shape, x.DType, x.Device);
        LaunchRows("layer_norm_tangent_backward",
            Moving([dy, dyTangent, x, tangent, weight, weightTangent, statistics, gradients.AccumulateX ? dx : null], [dx, change]), rows,
            columns, DenseOrNull(dx), DenseOrNull(change), Dense(dy), Dense(dyTangent), Dense(x), Dense(tangent), Dense(weight),
            Dense(weightTangent), Dense(statistics), gradients.AccumulateX ? 1 : 0, rows, columns);
        // The sums over rows: of dyTangent n and of dyTangent, and then of dy n', which is what batch norm's backward pass sums.
        if (dweight is not null || gradients.Bias is not null)
            LayerNormBackward(dyTangent, x, weight, statistics, gradients with { X = null });
        if (change is null)
            return;
        using Tensor plain = Tensor.Hidden([BatchNormRow.Count, columns], x.DType, x.Device);
        Fill(plain, 0);
        Fill(plain.View([columns], (long)BatchNormRow.InverseDeviation * columns), 1);
        BatchNormBackward(dy, change, false, null, plain, false, new(null, null, dweight, true, null, false));
    }
}
