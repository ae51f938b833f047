using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Relu, sigmoid and gelu, forward and backward; kernels/nn/relu.cu, sigmoid.cu, gelu.cu.</summary>
sealed class Activations(KernelLibrary library)
{
    const int Threads = 256, PerBlock = 4 * Threads;

    readonly CudaKernel relu = library.Get("relu"), reluBackward = library.Get("relu_backward"), sigmoid = library.Get("sigmoid"),
        sigmoidBackward = library.Get("sigmoid_backward"), gelu = library.Get("gelu"), geluBackward = library.Get("gelu_backward");

    /// <summary>y = max(x, 0).</summary>
    public void Relu(CudaStream stream, DevicePointer y, DevicePointer x, long count) => One(relu, stream, y, x, count);

    /// <summary>dx = dy where y is positive.</summary>
    public void ReluBackward(CudaStream stream, DevicePointer dx, DevicePointer dy, DevicePointer y, long count) => Two(reluBackward, stream, dx, dy, y, count);

    /// <summary>y = 1 / (1 + exp(-x)).</summary>
    public void Sigmoid(CudaStream stream, DevicePointer y, DevicePointer x, long count) => One(sigmoid, stream, y, x, count);

    /// <summary>dx = dy y (1 - y).</summary>
    public void SigmoidBackward(CudaStream stream, DevicePointer dx, DevicePointer dy, DevicePointer y, long count) => Two(sigmoidBackward, stream, dx, dy, y, count);

    /// <summary>y = x cdf(x).</summary>
    public void Gelu(CudaStream stream, DevicePointer y, DevicePointer x, long count) => One(gelu, stream, y, x, count);

    /// <summary>dx = dy (cdf(x) + x pdf(x)).</summary>
    public void GeluBackward(CudaStream stream, DevicePointer dx, DevicePointer dy, DevicePointer x, long count) => Two(geluBackward, stream, dx, dy, x, count);

    static void One(CudaKernel kernel, CudaStream stream, DevicePointer y, DevicePointer x, long count) =>
        kernel.Launch(stream.Moving(8 * count), LaunchGrid.Blocks(count, PerBlock), Threads, 0, y, x, count);

    static void Two(CudaKernel kernel, CudaStream stream, DevicePointer y, DevicePointer a, DevicePointer b, long count) =>
        kernel.Launch(stream.Moving(12 * count), LaunchGrid.Blocks(count, PerBlock), Threads, 0, y, a, b, count);
}
