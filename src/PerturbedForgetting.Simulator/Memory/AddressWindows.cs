namespace PerturbedForgetting.Simulator.Memory;

/// <summary>Where shared and local memory appear among generic addresses. Global addresses are those of the host, far below.</summary>
static class AddressWindows
{
    public const ulong Shared = 0x4000_0000_0000_0000, Local = 0x5000_0000_0000_0000;

    /// <summary>Size of a window; far more than either memory has.</summary>
    public const ulong Length = 1ul << 32;

    public static bool IsShared(ulong address) => address - Shared < Length;

    public static bool IsLocal(ulong address) => address - Local < Length;
}
