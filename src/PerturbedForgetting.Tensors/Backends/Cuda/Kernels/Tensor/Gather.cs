using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Rows by index, labels as rows with a one; kernels/tensor/gather.cu.</summary>
sealed class Gather(KernelLibrary library)
{
    readonly CudaKernel gather = library.Get("gather"), oneHot = library.Get("gather_one_hot");

    /// <summary>y[i] = x[index[i]], rows of columns.</summary>
    public void Launch(CudaStream stream, DevicePointer y, DevicePointer x, DevicePointer index, long rows, int columns) =>
        gather.Launch(stream.Moving(8 * rows * columns), LaunchGrid.Blocks(rows * columns, 256), 256, 0, y, x, index, columns, rows * columns);

    /// <summary>y [rows, classes] = 1 at the label, else 0.</summary>
    public void OneHot(CudaStream stream, DevicePointer y, DevicePointer labels, long rows, int classes) =>
        oneHot.Launch(stream.Moving(4 * rows * classes), LaunchGrid.Blocks(rows * classes, 256), 256, 0, y, labels, classes, rows * classes);
}
