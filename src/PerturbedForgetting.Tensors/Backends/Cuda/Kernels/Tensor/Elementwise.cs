using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Sums, differences, products and multiples; kernels/tensor/elementwise.cu.</summary>
sealed class Elementwise(KernelLibrary library)
{
    const int Threads = 256, PerBlock = 4 * Threads;

    readonly CudaKernel add = library.Get("elementwise_add"), sub = library.Get("elementwise_sub"), mul = library.Get("elementwise_mul"),
        scale = library.Get("elementwise_scale"), scaleBy = library.Get("elementwise_scale_by");

    /// <summary>y = a + b.</summary>
    public void Add(CudaStream stream, DevicePointer y, DevicePointer a, DevicePointer b, long count) => Two(add, stream, y, a, b, count);

    /// <summary>y = a - b.</summary>
    public void Sub(CudaStream stream, DevicePointer y, DevicePointer a, DevicePointer b, long count) => Two(sub, stream, y, a, b, count);

    /// <summary>y = a b.</summary>
    public void Mul(CudaStream stream, DevicePointer y, DevicePointer a, DevicePointer b, long count) => Two(mul, stream, y, a, b, count);

    /// <summary>y = factor x.</summary>
    public void Scale(CudaStream stream, DevicePointer y, DevicePointer x, float factor, long count) =>
        scale.Launch(stream.Moving(8 * count), LaunchGrid.Blocks(count, PerBlock), Threads, 0, y, x, factor, count);

    /// <summary>y = factor x with a float32 factor on the device.</summary>
    public void ScaleBy(CudaStream stream, DevicePointer y, DevicePointer x, DevicePointer factor, long count) =>
        scaleBy.Launch(stream.Moving(8 * count), LaunchGrid.Blocks(count, PerBlock), Threads, 0, y, x, factor, count);

    static void Two(CudaKernel kernel, CudaStream stream, DevicePointer y, DevicePointer a, DevicePointer b, long count) =>
        kernel.Launch(stream.Moving(12 * count), LaunchGrid.Blocks(count, PerBlock), Threads, 0, y, a, b, count);
}
