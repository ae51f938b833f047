using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Softmax and log-softmax over rows; kernels/nn/softmax.cu.</summary>
sealed class Softmax(KernelLibrary library)
{
    readonly RowKernel forward = new(library, "softmax"), log = new(library, "softmax_log"), backward = new(library, "softmax_backward"),
        logBackward = new(library, "softmax_log_backward");

    /// <summary>y = softmax(x), or its logarithm.</summary>
    public void Forward(CudaStream stream, DevicePointer y, DevicePointer x, long rows, int columns, bool isLog) =>
        (isLog ? log : forward).Launch(stream, rows, columns, 4 * columns, y, x, columns);

    /// <summary>dx from dy and y.</summary>
    public void Backward(CudaStream stream, DevicePointer dx, DevicePointer dy, DevicePointer y, long rows, int columns, bool isLog)
    {
        // Both rows are kept where two of them fit the shared memory that every device has.
        bool keeps = 8 * columns <= RowKernel.SharedOfEveryDevice;
        (isLog ? logBackward : backward).Launch(stream, rows, columns, keeps ? 8 * columns : 0, dx, dy, y, columns, keeps ? 1 : 0);
    }
}

/// <summary>A kernel that works on one row a block, in two sizes: 32 threads for few columns, 256 for many.</summary>
sealed class RowKernel(KernelLibrary library, string name, string? few = null)
{
    /// <summary>Shared memory of a block that needs no permission.</summary>
    public const int SharedOfEveryDevice = 48 * 1024;

    const int FewColumns = 256;

    readonly CudaKernel many = library.Get(name), small = library.Get(few ?? name + "_few");
    int allowed = SharedOfEveryDevice;

    /// <summary>Puts a row a block on the stream.</summary>
    public void Launch(CudaStream stream, long rows, int columns, int sharedBytes, params ReadOnlySpan<KernelArgument> arguments)
    {
        if (sharedBytes > allowed)
        {
            many.AllowDynamicShared(sharedBytes);
            allowed = sharedBytes;
        }
        bool isSmall = columns <= FewColumns;
        (isSmall ? small : many).Launch(stream, checked((int)rows), isSmall ? 32 : 256, sharedBytes, arguments);
    }
}
