using System.Collections.Immutable;

namespace PerturbedForgetting.NvidiaCheck;

/// <summary>What a multiprocessor of a compute capability holds (CUDA C++ Programming Guide, "Technical Specifications per Compute
/// Capability"), and how much of it a kernel keeps busy.</summary>
/// <param name="Name">As the assembler names it.</param>
/// <param name="Warps">Warps at once.</param>
/// <param name="Blocks">Blocks at once.</param>
/// <param name="SharedMemory">Bytes of shared memory.</param>
sealed record Architecture(string Name, int Warps, int Blocks, int SharedMemory)
{
    /// <summary>Lanes of a warp.</summary>
    public const int Lanes = 32;

    /// <summary>Registers are given to a warp in units of so many, that is 8 a thread.</summary>
    public const int RegisterUnit = 256;

    const int Registers = 65536, MostRegistersOfThread = 255, Partitions = 4, SharedUnit = 128, ReservedOfBlock = 1024;

    /// <summary>Those that the kernels are checked for: A100; RTX 30xx; RTX 40xx and L4; H100.</summary>
    public static ImmutableArray<Architecture> All { get; } =
    [
        new("sm_80", 64, 32, 164 << 10),
        new("sm_86", 48, 16, 100 << 10),
        new("sm_89", 48, 24, 100 << 10),
        new("sm_90", 64, 32, 228 << 10),
    ];

    /// <summary>Warps at once of a kernel, in percent of <see cref="Warps"/>, rounded down; 0 when not one block fits. As NVIDIA's
    /// occupancy calculator counts.</summary>
    /// <param name="registers">Registers of a thread.</param>
    /// <param name="threads">Threads of a block.</param>
    /// <param name="shared">Bytes of shared memory of a block, static and dynamic.</param>
    public int Occupancy(int registers, int threads, int shared)
    {
        int warps = DivideUp(threads, Lanes), ofWarp = DivideUp(registers * Lanes, RegisterUnit) * RegisterUnit;
        // The hardware gives a block registers in all partitions alike when it looks whether one fits at all.
        bool fits = registers <= MostRegistersOfThread && ofWarp * DivideUp(warps, Partitions) * Partitions <= Registers;
        int byRegisters = !fits ? 0 : ofWarp == 0 ? Blocks : Registers / Partitions / ofWarp * Partitions / warps;
        int byShared = SharedMemory / (DivideUp(shared + ReservedOfBlock, SharedUnit) * SharedUnit);
        int blocks = Math.Min(Math.Min(Blocks, Warps / warps), Math.Min(byRegisters, byShared));
        return 100 * blocks * warps / Warps;
    }

    static int DivideUp(int value, int unit) => (value + unit - 1) / unit;
}
