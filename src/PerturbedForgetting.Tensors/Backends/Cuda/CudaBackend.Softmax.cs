namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    Kernels.Softmax SoftmaxKernels => field ??= new(library);

    public override void Softmax(Tensor x, Tensor y) => Forward(x, y, isLog: false);

    public override void SoftmaxBackward(Tensor dy, Tensor y, Tensor dx) => Backward(dy, y, dx, isLog: false);

    public override void LogSoftmax(Tensor x, Tensor y) => Forward(x, y, isLog: true);

    public override void LogSoftmaxBackward(Tensor dy, Tensor y, Tensor dx) => Backward(dy, y, dx, isLog: true);

    void Forward(Tensor x, Tensor y, bool isLog)
    {
        var (rows, columns) = RowsOf(x);
        if (rows > 0)
            SoftmaxKernels.Forward(stream, Dense(y), Dense(x), rows, columns, isLog);
    }

    void Backward(Tensor dy, Tensor y, Tensor dx, bool isLog)
    {
        var (rows, columns) = RowsOf(y);
        if (rows > 0)
            SoftmaxKernels.Backward(stream, Dense(dx), Dense(dy), Dense(y), rows, columns, isLog);
    }
}
