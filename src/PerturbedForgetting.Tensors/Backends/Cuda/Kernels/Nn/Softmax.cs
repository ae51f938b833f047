using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Softmax and log-softmax over rows; kernels/nn/softmax.cu.</summary>
sealed class Softmax(KernelLibrary library)
{
    const int Threads = 256;

    readonly LastDimensionKernel forward = new(library, "softmax", Threads), log = new(library, "softmax_log", Threads), backward = new(library, "softmax_backward", Threads),
        logBackward = new(library, "softmax_log_backward", Threads);

    /// <summary>y = softmax(x), or its logarithm.</summary>
    public void Forward(CudaStream stream, DevicePointer y, DevicePointer x, long rows, int columns, bool isLog) =>
        (isLog ? log : forward).Launch(stream.Moving(8 * rows * columns), rows, columns, 4 * columns, y, x, columns);

    /// <summary>dx from dy and y.</summary>
    public void Backward(CudaStream stream, DevicePointer dx, DevicePointer dy, DevicePointer y, long rows, int columns, bool isLog)
    {
        // Both rows are kept where two of them fit the shared memory that every device has.
        bool keeps = 8 * columns <= LastDimensionKernel.SharedOfEveryDevice;
        (isLog ? logBackward : backward).Launch(stream.Moving(12 * rows * columns), rows, columns, keeps ? 8 * columns : 0, dx, dy, y, columns, keeps ? 1 : 0);
    }
}
