namespace PerturbedForgetting.Cuda.Driver;

/// <summary>What can be asked of a device (<c>CUdevice_attribute</c>).</summary>
public enum CudaDeviceAttribute
{
    MaxThreadsPerBlock = 1,
    MaxBlockDimX = 2,
    MaxBlockDimY = 3,
    MaxBlockDimZ = 4,
    MaxGridDimX = 5,
    MaxGridDimY = 6,
    MaxGridDimZ = 7,
    /// <summary>Bytes that a block may use without asking for more.</summary>
    MaxSharedMemoryPerBlock = 8,
    TotalConstantMemory = 9,
    WarpSize = 10,
    MaxRegistersPerBlock = 12,
    /// <summary>In kHz.</summary>
    ClockRate = 13,
    MultiprocessorCount = 16,
    /// <summary>1 when the display driver ends long kernels.</summary>
    KernelExecTimeout = 17,
    Integrated = 18,
    ComputeMode = 20,
    ConcurrentKernels = 31,
    EccEnabled = 32,
    PciBusId = 33,
    PciDeviceId = 34,
    TccDriver = 35,
    /// <summary>In kHz.</summary>
    MemoryClockRate = 36,
    /// <summary>In bits.</summary>
    GlobalMemoryBusWidth = 37,
    L2CacheSize = 38,
    MaxThreadsPerMultiprocessor = 39,
    AsyncEngineCount = 40,
    UnifiedAddressing = 41,
    PciDomainId = 50,
    ComputeCapabilityMajor = 75,
    ComputeCapabilityMinor = 76,
    StreamPrioritiesSupported = 78,
    MaxSharedMemoryPerMultiprocessor = 81,
    MaxRegistersPerMultiprocessor = 82,
    ManagedMemory = 83,
    PageableMemoryAccess = 88,
    ConcurrentManagedAccess = 89,
    CooperativeLaunch = 95,
    /// <summary>Bytes that a block may use when the kernel asks for them.</summary>
    MaxSharedMemoryPerBlockOptIn = 97,
    HostRegisterSupported = 99,
    MaxBlocksPerMultiprocessor = 106,
    ReservedSharedMemoryPerBlock = 111,
    ClusterLaunch = 120,
}

/// <summary>What can be asked of a kernel (<c>CUfunction_attribute</c>).</summary>
public enum CudaFunctionAttribute
{
    MaxThreadsPerBlock = 0,
    /// <summary>Static shared memory.</summary>
    SharedSizeBytes = 1,
    ConstSizeBytes = 2,
    LocalSizeBytes = 3,
    Registers = 4,
    /// <summary>10·major + minor.</summary>
    PtxVersion = 5,
    BinaryVersion = 6,
    CacheModeCa = 7,
    /// <summary>May be set, up to the device's opt-in limit.</summary>
    MaxDynamicSharedSizeBytes = 8,
    /// <summary>May be set: -1 default, 0 most L1, 100 most shared memory.</summary>
    PreferredSharedMemoryCarveout = 9,
}

/// <summary>Options of the driver's compiler (<c>CUjit_option</c>).</summary>
public enum CudaJitOption : uint
{
    MaxRegisters = 0,
    ThreadsPerBlock = 1,
    WallTime = 2,
    InfoLogBuffer = 3,
    InfoLogBufferSizeBytes = 4,
    ErrorLogBuffer = 5,
    ErrorLogBufferSizeBytes = 6,
    OptimizationLevel = 7,
    TargetFromContext = 8,
    Target = 9,
    FallbackStrategy = 10,
    GenerateDebugInfo = 11,
    LogVerbose = 12,
    GenerateLineInfo = 13,
    CacheMode = 14,
}

/// <summary>How a stream behaves towards the default stream.</summary>
[Flags]
public enum CudaStreamFlags : uint
{
    /// <summary>Waits for the default stream, which waits for it.</summary>
    Default = 0,
    NonBlocking = 1,
}

/// <summary>How an event behaves.</summary>
[Flags]
public enum CudaEventFlags : uint
{
    Default = 0,
    /// <summary>A waiting thread sleeps.</summary>
    BlockingSync = 1,
    /// <summary>Cheaper, but no elapsed times.</summary>
    DisableTiming = 2,
}

/// <summary>Flags of pinned host memory.</summary>
[Flags]
public enum CudaHostFlags : uint
{
    None = 0,
    Portable = 1,
    DeviceMap = 2,
    WriteCombined = 4,
}

/// <summary>Which calls of which threads a capture forbids (<c>CUstreamCaptureMode</c>).</summary>
public enum CudaCaptureMode
{
    /// <summary>Unsafe calls are refused on every thread.</summary>
    Global = 0,
    /// <summary>Unsafe calls are refused on the capturing thread.</summary>
    ThreadLocal = 1,
    Relaxed = 2,
}
