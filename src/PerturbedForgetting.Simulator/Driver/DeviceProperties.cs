using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>What the software GPU says about itself: the limits of compute capability 8.0 (CUDA C++ Programming Guide, "Compute
/// Capabilities") with the clocks of an A100.</summary>
static class DeviceProperties
{
    public const int MaxThreadsPerBlock = 1024, MaxThreadsPerMultiprocessor = 2048, MaxBlocksPerMultiprocessor = 32, WarpSize = 32;
    public const int Registers = 65536, SharedPerBlock = 48 << 10, SharedPerBlockOptIn = 163 << 10, SharedPerMultiprocessor = 164 << 10;
    public const int ReservedShared = 1 << 10;
    public const int MaxBlockX = 1024, MaxBlockY = 1024, MaxBlockZ = 64;
    public const int MaxGridX = int.MaxValue, MaxGridY = 65535, MaxGridZ = 65535;

    public static int Value(CudaDeviceAttribute attribute, SimulatedDeviceOptions options) => attribute switch
    {
        CudaDeviceAttribute.MaxThreadsPerBlock => MaxThreadsPerBlock,
        CudaDeviceAttribute.MaxBlockDimX => MaxBlockX,
        CudaDeviceAttribute.MaxBlockDimY => MaxBlockY,
        CudaDeviceAttribute.MaxBlockDimZ => MaxBlockZ,
        CudaDeviceAttribute.MaxGridDimX => MaxGridX,
        CudaDeviceAttribute.MaxGridDimY => MaxGridY,
        CudaDeviceAttribute.MaxGridDimZ => MaxGridZ,
        CudaDeviceAttribute.MaxSharedMemoryPerBlock => SharedPerBlock,
        CudaDeviceAttribute.TotalConstantMemory => 64 << 10,
        CudaDeviceAttribute.WarpSize => WarpSize,
        CudaDeviceAttribute.MaxRegistersPerBlock => Registers,
        CudaDeviceAttribute.ClockRate => 1_410_000,
        CudaDeviceAttribute.MultiprocessorCount => options.Multiprocessors,
        CudaDeviceAttribute.ConcurrentKernels => 1,
        CudaDeviceAttribute.EccEnabled => 1,
        CudaDeviceAttribute.MemoryClockRate => 1_215_000,
        CudaDeviceAttribute.GlobalMemoryBusWidth => 5120,
        CudaDeviceAttribute.L2CacheSize => 40 << 20,
        CudaDeviceAttribute.MaxThreadsPerMultiprocessor => MaxThreadsPerMultiprocessor,
        CudaDeviceAttribute.AsyncEngineCount => 3,
        CudaDeviceAttribute.UnifiedAddressing => 1,
        CudaDeviceAttribute.ComputeCapabilityMajor => options.ComputeCapability / 10,
        CudaDeviceAttribute.ComputeCapabilityMinor => options.ComputeCapability % 10,
        CudaDeviceAttribute.StreamPrioritiesSupported => 1,
        CudaDeviceAttribute.MaxSharedMemoryPerMultiprocessor => SharedPerMultiprocessor,
        CudaDeviceAttribute.MaxRegistersPerMultiprocessor => Registers,
        CudaDeviceAttribute.MaxSharedMemoryPerBlockOptIn => SharedPerBlockOptIn,
        CudaDeviceAttribute.HostRegisterSupported => 1,
        CudaDeviceAttribute.MaxBlocksPerMultiprocessor => MaxBlocksPerMultiprocessor,
        CudaDeviceAttribute.ReservedSharedMemoryPerBlock => ReservedShared,
        _ when Enum.IsDefined(attribute) => 0,
        _ => throw SimulatedError.InvalidValue($"{(int)attribute} is no attribute of a device that the software GPU knows"),
    };
}

/// <summary>How threads and registers limit each other (CUDA Occupancy Calculator, compute capability 8.0).</summary>
static class Occupancy
{
    const int WarpRegisterUnit = 256;

    /// <summary>Threads of the largest block that so many registers a thread allow.</summary>
    public static int MaxThreads(int registers) =>
        Math.Min(DeviceProperties.MaxThreadsPerBlock, DeviceProperties.Registers / RegistersPerWarp(registers) * DeviceProperties.WarpSize);

    /// <summary>The most registers a thread of a block of so many threads may have.</summary>
    public static int MostRegisters(int threads)
    {
        int warps = (threads + DeviceProperties.WarpSize - 1) / DeviceProperties.WarpSize;
        return Math.Min(255, DeviceProperties.Registers / warps / WarpRegisterUnit * (WarpRegisterUnit / DeviceProperties.WarpSize));
    }

    static int RegistersPerWarp(int registers) =>
        ((registers * DeviceProperties.WarpSize) + WarpRegisterUnit - 1) / WarpRegisterUnit * WarpRegisterUnit;
}
