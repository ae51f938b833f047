using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>
/// A kernel whose shared memory is known at the launch only: it may have all that a block of the device may have, where 48 KiB, static
/// shared memory counted in, is the rule.
/// </summary>
sealed class LargeSharedKernel
{
    public LargeSharedKernel(KernelLibrary library, string name)
    {
        Kernel = library.Get(name);
        UsualShared = Kernel.Attribute(CudaFunctionAttribute.MaxDynamicSharedSizeBytes);
        MostShared = library.Context.Device.Attribute(CudaDeviceAttribute.MaxSharedMemoryPerBlockOptIn) - Kernel.SharedBytes;
        Kernel.AllowDynamicShared(MostShared);
    }

    public CudaKernel Kernel { get; }

    /// <summary>Bytes beside the kernel's static shared memory that a block of any device has.</summary>
    public int UsualShared { get; }

    /// <summary>Bytes beside the kernel's static shared memory that a block of this device may have.</summary>
    public int MostShared { get; }

    /// <summary>Bytes of a row that a block keeps.</summary>
    /// <param name="columns">Elements of the row.</param>
    /// <param name="bytesOfColumn">Bytes that it takes for each.</param>
    /// <exception cref="DeviceLimitException">They are more than a block may have.</exception>
    public int RowBytes(int columns, int bytesOfColumn)
    {
        long bytes = (long)bytesOfColumn * columns;
        return bytes <= MostShared
            ? (int)bytes
            : throw new DeviceLimitException($"{Kernel} keeps a row in shared memory: {columns} columns need {bytes} bytes, but a block "
                + $"has {MostShared}, enough for {MostShared / bytesOfColumn}. Use fewer columns, or `device` cpu.");
    }
}
