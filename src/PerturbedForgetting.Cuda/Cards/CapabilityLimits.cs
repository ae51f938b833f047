namespace PerturbedForgetting.Cuda.Cards;

/// <summary>
/// What a compute capability limits, the same for all GPUs of it (CUDA C++ Programming Guide, "Compute Capabilities", table "Technical
/// Specifications per Compute Capability"). Sizes in bytes.
/// </summary>
/// <param name="ComputeCapability">10·major + minor.</param>
/// <param name="BlocksPerMultiprocessor">Blocks that may be resident at once.</param>
/// <param name="WarpsPerMultiprocessor">Warps that may be resident at once.</param>
/// <param name="SharedPerMultiprocessor">Shared memory of a multiprocessor.</param>
/// <param name="SharedPerBlockOptIn">Shared memory, static and dynamic, of a block of a kernel that asks for it.</param>
public sealed record CapabilityLimits(int ComputeCapability, int BlocksPerMultiprocessor, int WarpsPerMultiprocessor,
    int SharedPerMultiprocessor, int SharedPerBlockOptIn)
{
    /// <summary>Threads of a warp, and the most of a block.</summary>
    public const int WarpSize = 32, ThreadsPerBlock = 1024;

    /// <summary>Shared memory, static and dynamic, of a block of a kernel that does not ask for more.</summary>
    public const int SharedPerBlock = 48 << 10;

    /// <summary>The most blocks of a grid along each dimension.</summary>
    public const int GridX = int.MaxValue, GridY = 65535, GridZ = 65535;

    /// <summary>The most threads of a block along each dimension.</summary>
    public const int BlockX = 1024, BlockY = 1024, BlockZ = 64;

    /// <summary>32-bit registers of a multiprocessor, all of which one block may have; the most of a thread; how many a warp gets at a
    /// time.</summary>
    public const int Registers = 65536, RegistersPerThread = 255, WarpRegisterUnit = 256;

    static readonly CapabilityLimits[] known =
    [
        new(75, 16, 32, 64 << 10, 64 << 10),
        new(80, 32, 64, 164 << 10, 163 << 10),
        new(86, 16, 48, 100 << 10, 99 << 10),
        new(87, 16, 48, 164 << 10, 163 << 10),
        new(89, 24, 48, 100 << 10, 99 << 10),
        new(90, 32, 64, 228 << 10, 227 << 10),
        new(100, 32, 64, 228 << 10, 227 << 10),
        new(120, 24, 48, 100 << 10, 99 << 10),
    ];

    /// <summary>Threads that may be resident on a multiprocessor at once.</summary>
    public int ThreadsPerMultiprocessor => WarpsPerMultiprocessor * WarpSize;

    /// <summary>What the system takes of a multiprocessor's shared memory for every resident block: from 8.0 on.</summary>
    public int ReservedSharedPerBlock => ComputeCapability >= 80 ? 1 << 10 : 0;

    /// <summary>The limits of a capability (10·major + minor), or of the nearest older one in the table.</summary>
    public static CapabilityLimits Of(int computeCapability) =>
        Array.FindLast(known, row => row.ComputeCapability <= computeCapability) ?? known[0];
}
