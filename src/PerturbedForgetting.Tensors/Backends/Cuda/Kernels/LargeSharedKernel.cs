using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>
/// A kernel whose shared memory is known at the launch only: it may have all that a block of the device may have, where 48 KiB is the rule.
/// </summary>
sealed class LargeSharedKernel
{
    public LargeSharedKernel(KernelLibrary library, string name)
    {
        Kernel = library.Get(name);
        MostShared = library.Context.Device.Attribute(CudaDeviceAttribute.MaxSharedMemoryPerBlockOptIn) - Kernel.SharedBytes;
        Kernel.AllowDynamicShared(MostShared);
    }

    public CudaKernel Kernel { get; }

    /// <summary>Bytes beside the kernel's static shared memory.</summary>
    public int MostShared { get; }
}
