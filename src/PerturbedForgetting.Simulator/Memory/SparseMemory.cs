using System.Runtime.InteropServices;

namespace PerturbedForgetting.Simulator.Memory;

/// <summary>
/// Zeroed memory of which only the pages that are written cost anything: for tensors larger than the host's memory. Far around it no
/// address is valid, so that an index whose arithmetic overflows 32 bits meets nobody else's bytes. On Windows it is ordinary memory.
/// </summary>
static unsafe partial class SparseMemory
{
    /// <summary>Allocations from this size on are sparse.</summary>
    public const long Threshold = 64L << 20;

    // 2³² elements of 8 bytes either way.
    const long Guard = 32L << 30;

    const int NoAccess = 0, ReadWrite = 3, Private = 0x02, Fixed = 0x10, WithoutHugePages = 15;

    static readonly bool isMapped = OperatingSystem.IsLinux() || OperatingSystem.IsMacOS();
    static readonly int anonymous = OperatingSystem.IsMacOS() ? 0x1000 | 0x40 : 0x20 | 0x4000;

    /// <summary>Memory of so many bytes; null when the host has none.</summary>
    public static byte* Allocate(long bytes)
    {
        if (!isMapped)
        {
            byte* ordinary = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, DeviceMemory.Alignment);
            NativeMemory.Clear(ordinary, (nuint)bytes);
            return ordinary;
        }
        nint reserved = Map(0, (nuint)(bytes + (2 * Guard)), NoAccess, Private | anonymous, -1, 0);
        if (reserved == -1)
            return null;
        byte* memory = (byte*)reserved + Guard;
        if (TryMap((nint)memory, bytes))
            return memory;
        Unmap(reserved, (nuint)(bytes + (2 * Guard)));
        return null;
    }

    /// <summary>Makes all of it zero again, and its pages free.</summary>
    /// <exception cref="OutOfMemoryException">The host refuses.</exception>
    public static void Clear(byte* memory, long bytes)
    {
        if (!isMapped)
            NativeMemory.Clear(memory, (nuint)bytes);
        else if (!TryMap((nint)memory, bytes))
            throw new OutOfMemoryException();
    }

    public static void Free(byte* memory, long bytes)
    {
        if (isMapped)
            Unmap((nint)(memory - Guard), (nuint)(bytes + (2 * Guard)));
        else
            NativeMemory.AlignedFree(memory);
    }

    static bool TryMap(nint place, long bytes)
    {
        if (Map(place, (nuint)bytes, ReadWrite, Private | Fixed | anonymous, -1, 0) == -1)
            return false;
        // A page that is touched must not bring two megabytes with it. Advice: it may be refused.
        if (OperatingSystem.IsLinux())
            _ = Advise(place, (nuint)bytes, WithoutHugePages);
        return true;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint place, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint place, nuint bytes);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint place, nuint bytes, int advice);
}
