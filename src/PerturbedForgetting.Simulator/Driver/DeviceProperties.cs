using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>What the software GPU says about itself: the limits of its compute capability, with the clocks and caches of the card that it
/// is to look like, or of an A100.</summary>
static class DeviceProperties
{
    static readonly Card usual = Card.Find("a100")!;

    public static int Value(CudaDeviceAttribute attribute, SimulatedDeviceOptions options)
    {
        (CapabilityLimits limits, Card card) = (options.Limits, options.Card ?? usual);
        return attribute switch
        {
            CudaDeviceAttribute.MaxThreadsPerBlock => CapabilityLimits.ThreadsPerBlock,
            CudaDeviceAttribute.MaxBlockDimX => CapabilityLimits.BlockX,
            CudaDeviceAttribute.MaxBlockDimY => CapabilityLimits.BlockY,
            CudaDeviceAttribute.MaxBlockDimZ => CapabilityLimits.BlockZ,
            CudaDeviceAttribute.MaxGridDimX => CapabilityLimits.GridX,
            CudaDeviceAttribute.MaxGridDimY => CapabilityLimits.GridY,
            CudaDeviceAttribute.MaxGridDimZ => CapabilityLimits.GridZ,
            CudaDeviceAttribute.MaxSharedMemoryPerBlock => CapabilityLimits.SharedPerBlock,
            CudaDeviceAttribute.TotalConstantMemory => 64 << 10,
            CudaDeviceAttribute.WarpSize => CapabilityLimits.WarpSize,
            CudaDeviceAttribute.MaxRegistersPerBlock => CapabilityLimits.Registers,
            CudaDeviceAttribute.ClockRate => 1000 * card.ClockMegahertz,
            CudaDeviceAttribute.MultiprocessorCount => options.Multiprocessors,
            CudaDeviceAttribute.ConcurrentKernels => 1,
            CudaDeviceAttribute.EccEnabled => 1,
            CudaDeviceAttribute.MemoryClockRate => card.MemoryClockKilohertz,
            CudaDeviceAttribute.GlobalMemoryBusWidth => card.MemoryBusBits,
            CudaDeviceAttribute.L2CacheSize => card.L2Mebibytes << 20,
            CudaDeviceAttribute.MaxThreadsPerMultiprocessor => limits.ThreadsPerMultiprocessor,
            CudaDeviceAttribute.AsyncEngineCount => 3,
            CudaDeviceAttribute.UnifiedAddressing => 1,
            CudaDeviceAttribute.ComputeCapabilityMajor => options.ComputeCapability / 10,
            CudaDeviceAttribute.ComputeCapabilityMinor => options.ComputeCapability % 10,
            CudaDeviceAttribute.StreamPrioritiesSupported => 1,
            CudaDeviceAttribute.MaxSharedMemoryPerMultiprocessor => limits.SharedPerMultiprocessor,
            CudaDeviceAttribute.MaxRegistersPerMultiprocessor => CapabilityLimits.Registers,
            CudaDeviceAttribute.MaxSharedMemoryPerBlockOptIn => limits.SharedPerBlockOptIn,
            CudaDeviceAttribute.HostRegisterSupported => 1,
            CudaDeviceAttribute.MaxBlocksPerMultiprocessor => limits.BlocksPerMultiprocessor,
            CudaDeviceAttribute.ReservedSharedMemoryPerBlock => limits.ReservedSharedPerBlock,
            _ when Enum.IsDefined(attribute) => 0,
            _ => throw SimulatedError.InvalidValue($"{(int)attribute} is no attribute of a device that the software GPU knows"),
        };
    }
}

/// <summary>How threads and registers limit each other (CUDA Occupancy Calculator).</summary>
static class Occupancy
{
    /// <summary>What a thread has at the least.</summary>
    public const int LeastRegisters = 16;

    /// <summary>The most registers a thread of a block of so many threads may have.</summary>
    public static int MostRegisters(int threads)
    {
        const int unit = CapabilityLimits.WarpRegisterUnit;
        int warps = (threads + CapabilityLimits.WarpSize - 1) / CapabilityLimits.WarpSize;
        return Math.Min(CapabilityLimits.RegistersPerThread,
            CapabilityLimits.Registers / warps / unit * (unit / CapabilityLimits.WarpSize));
    }
}
