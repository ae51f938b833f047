using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>y = factor·target + (1 - factor)·y; kernels/multi_tensor/lerp.cu.</summary>
sealed class Lerp(KernelLibrary library)
{
    const int TensorThreads = 256;

    readonly CudaKernel kernel = library.Get("lerp"), tensor = library.Get("lerp_tensor"), counter = library.Get("lerp_tensor_int64");

    /// <summary>Flat buffers; frozen parts are not touched.</summary>
    public void Launch(CudaStream stream, TileTable tiles, DevicePointer y, DevicePointer target, DevicePointer factor) =>
        kernel.Launch(stream.Moving(12 * tiles.Elements), tiles.TileCount, TileTable.Threads, 0, y, target, factor, tiles.Tiles);

    /// <summary>One tensor outside the arena, float32.</summary>
    public void LaunchTensor(CudaStream stream, DevicePointer y, DevicePointer target, DevicePointer factor, long count) =>
        tensor.Launch(stream.Moving(12 * count), LaunchGrid.Blocks(count, TensorThreads), TensorThreads, 0, y, target, factor, count);

    /// <summary>The same for int64, mixed in float32 and truncated.</summary>
    public void LaunchInt64(CudaStream stream, DevicePointer y, DevicePointer target, DevicePointer factor, long count) =>
        counter.Launch(stream.Moving(24 * count), LaunchGrid.Blocks(count, TensorThreads), TensorThreads, 0, y, target, factor, count);
}
