using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>kernels/nn/softmax.cu, softmax_tangent.cu.</remarks>
sealed partial class CudaBackend
{
    LastDimensionKernel SoftmaxKernel => field ??= new(library, "softmax", Threads);

    LastDimensionKernel SoftmaxBackwardKernel => field ??= new(library, "softmax_backward", Threads);

    LastDimensionKernel LogSoftmaxKernel => field ??= new(library, "softmax_log", Threads);

    LastDimensionKernel LogSoftmaxBackwardKernel => field ??= new(library, "softmax_log_backward", Threads);

    public override void Softmax(Tensor x, Tensor y) => Softmax(SoftmaxKernel, x, y);

    public override void LogSoftmax(Tensor x, Tensor y) => Softmax(LogSoftmaxKernel, x, y);

    public override void SoftmaxBackward(Tensor dy, Tensor y, Tensor dx) => SoftmaxBackward(SoftmaxBackwardKernel, dy, y, dx);

    public override void LogSoftmaxBackward(Tensor dy, Tensor y, Tensor dx) => SoftmaxBackward(LogSoftmaxBackwardKernel, dy, y, dx);

    public override void SoftmaxBackwardTangent(Tensor dy, Tensor dyTangent, Tensor y, Tensor xtangent, Tensor dx)
    {
        var (rows, columns) = RowsOf(y);
        if (rows > 0)
            LaunchRows("softmax_tangent_backward", Moving([dy, dyTangent, y, xtangent], [dx]), rows, columns,
                Dense(dx), Dense(dy), Dense(dyTangent), Dense(y), Dense(xtangent), rows, columns);
    }

    /// <summary>Puts a kernel with a warp a row on the stream.</summary>
    void LaunchRows(string kernel, CudaStream stream, long rows, int columns, params ReadOnlySpan<KernelArgument> arguments) =>
        library.Get(kernel).Launch(stream, LaunchGrid.Rows(kernel, LaunchGrid.Tiles(rows, LastDimensionKernel.FewRows), columns),
            LastDimensionKernel.FewThreads, 0, arguments);

    void Softmax(LastDimensionKernel kernel, Tensor x, Tensor y)
    {
        var (rows, columns) = RowsOf(x);
        if (rows > 0)
            kernel.Launch(Moving([x], [y]), rows, columns, sizeof(float), Dense(y), Dense(x), rows, columns);
    }

    void SoftmaxBackward(LastDimensionKernel kernel, Tensor dy, Tensor y, Tensor dx)
    {
        var (rows, columns) = RowsOf(y);
        if (rows > 0)
            kernel.LaunchKeepingIfUsual(Moving([dy, y], [dx]), rows, columns, 2 * sizeof(float),
                Dense(dx), Dense(dy), Dense(y), rows, columns);
    }
}
