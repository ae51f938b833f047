using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    BatchNorm BatchNormalization => field ??= new(library);

    public override void BatchNormStatistics(Tensor x, Tensor weight, Tensor bias, double eps, Tensor saved, Tensor? runningMean, Tensor? runningVar, double momentum,
        Tensor? counter)
    {
        var (rows, channels) = RowsOf(x);
        using Scratch scratch = Floats(BatchNorm.Scratch(rows, channels));
        BatchNormalization.Statistics(stream, Dense(saved), DenseOrNull(runningMean), DenseOrNull(runningVar), PointerOrNull(counter), scratch.Pointer, Dense(x), Dense(weight), Dense(bias),
            eps, momentum, rows, channels);
    }

    public override void BatchNormFrozen(Tensor weight, Tensor bias, Tensor mean, Tensor variance, double eps, Tensor saved) =>
        BatchNormalization.Frozen(stream, Dense(saved), Dense(mean), Dense(variance), Dense(weight), Dense(bias), eps, checked((int)mean.Count));

    public override void BatchNormApply(Tensor x, Tensor saved, Tensor? residual, bool relu, Tensor y)
    {
        var (rows, channels) = RowsOf(x);
        BatchNormalization.Apply(stream, Dense(y), Dense(x), Dense(saved), DenseOrNull(residual), relu, rows, channels);
    }

    public override void BatchNormBackward(Tensor dy, Tensor x, bool relu, Tensor? y, Tensor saved, bool batch, in BatchNormGradients gradients)
    {
        var (rows, channels) = RowsOf(x);
        using Scratch scratch = Floats(BatchNorm.Scratch(rows, channels));
        var results = new BatchNorm.Results(DenseOrNull(gradients.X), DenseOrNull(gradients.Residual), DenseOrNull(gradients.Weight), gradients.AccumulateWeight,
            DenseOrNull(gradients.Bias), gradients.AccumulateBias);
        BatchNormalization.Backward(stream, results, scratch.Pointer, Dense(dy), Dense(x), DenseOrNull(y), Dense(saved), relu, batch, rows, channels);
    }

    /// <summary>Rows and columns of a tensor seen as a matrix of its last dimension.</summary>
    static (long Rows, int Columns) RowsOf(Tensor x)
    {
        int columns = x.Shape[-1];
        return (x.Count / Math.Max(1, columns), columns);
    }
}
