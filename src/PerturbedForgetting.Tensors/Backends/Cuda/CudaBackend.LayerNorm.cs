namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    Kernels.LayerNorm LayerNormalization => field ??= new(library);

    public override void LayerNorm(Tensor x, Tensor weight, Tensor bias, double eps, Tensor y, Tensor statistics) =>
        LayerNorm(x, null, weight, bias, eps, null, y, statistics);

    public override void AddLayerNorm(Tensor x, Tensor residual, Tensor weight, Tensor bias, double eps, Tensor sum, Tensor y, Tensor statistics) =>
        LayerNorm(x, residual, weight, bias, eps, sum, y, statistics);

    void LayerNorm(Tensor x, Tensor? residual, Tensor weight, Tensor bias, double eps, Tensor? sum, Tensor y, Tensor statistics)
    {
        var (rows, columns) = RowsOf(x);
        if (rows > 0)
            LayerNormalization.Forward(stream, Dense(y), Dense(statistics), DenseOrNull(sum), Dense(x), DenseOrNull(residual), Dense(weight), Dense(bias), eps, rows, columns);
    }

    public override void LayerNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor statistics, in LayerNormGradients gradients)
    {
        var (rows, columns) = RowsOf(x);
        if (rows == 0)
            return;
        using Scratch partial = Floats(2L * Kernels.LayerNorm.Parts(rows) * columns);
        var results = new Kernels.LayerNorm.Results(DenseOrNull(gradients.X), gradients.AccumulateX, DenseOrNull(gradients.Weight), gradients.AccumulateWeight,
            DenseOrNull(gradients.Bias), gradients.AccumulateBias);
        LayerNormalization.Backward(stream, results, partial.Pointer, Dense(dy), Dense(x), Dense(weight), Dense(statistics), rows, columns);
    }
}
