using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>Shared memory whose size is known at the launch only.</summary>
static class DynamicShared
{
    /// <summary>Lets a kernel have all that a block of the device may have, where 48 KiB is the rule.</summary>
    /// <returns>Bytes beside the kernel's static shared memory.</returns>
    public static int AllowMost(CudaKernel kernel)
    {
        int most = kernel.Module.Context.Device.Attribute(CudaDeviceAttribute.MaxSharedMemoryPerBlockOptIn) - kernel.SharedBytes;
        kernel.AllowDynamicShared(most);
        return most;
    }
}
