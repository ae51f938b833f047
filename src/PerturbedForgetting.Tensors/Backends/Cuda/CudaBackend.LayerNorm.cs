using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    Kernels.LayerNorm LayerNormalization => field ??= new(library);

    public override void LayerNorm(Tensor x, Tensor weight, Tensor bias, double eps, Tensor y, Tensor statistics)
    {
        var (rows, columns) = RowsOf(x);
        if (rows > 0)
            LayerNormalization.Forward(stream, Dense(y), Dense(statistics), Dense(x), Dense(weight), Dense(bias), eps, rows, columns);
    }

    public override void LayerNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor statistics, Tensor? dx,
        Tensor? dweight, bool accumulateWeight, Tensor? dbias, bool accumulateBias)
    {
        var (rows, columns) = RowsOf(x);
        if (rows == 0)
            return;
        using Scratch partial = Floats(2L * Kernels.LayerNorm.Parts(rows) * columns);
        LayerNormalization.Backward(stream, DenseOrNull(dx), DenseOrNull(dweight), accumulateWeight, DenseOrNull(dbias), accumulateBias, partial.Pointer,
            Dense(dy), Dense(x), Dense(weight), Dense(statistics), rows, columns);
    }
}
