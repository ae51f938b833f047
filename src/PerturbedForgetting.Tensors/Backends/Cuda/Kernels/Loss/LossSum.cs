using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>loss = factor·Σ values, in a fixed order; kernels/loss/loss_sum.cu.</summary>
sealed class LossSum(KernelLibrary library)
{
    readonly CudaKernel kernel = library.Get("loss_sum");

    public void Launch(CudaStream stream, DevicePointer loss, DevicePointer values, double factor, long samples) =>
        kernel.Launch(stream, 1, 256, 0, loss, values, factor, samples);
}
