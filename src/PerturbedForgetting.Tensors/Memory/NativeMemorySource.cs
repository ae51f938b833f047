using System.Runtime.InteropServices;

namespace PerturbedForgetting.Tensors.Memory;

/// <summary>Memory of the process, outside the garbage-collected heap. Large blocks ask Linux for huge pages: to fill a tensor then costs
/// one page fault for each 2 MiB, not one for each 4 KiB.</summary>
unsafe sealed partial class NativeMemorySource : IMemorySource
{
    const long HugePage = 2L << 20, SmallestAdvised = 2 * HugePage;

    /// <summary>MADV_HUGEPAGE of sys/mman.h.</summary>
    const int WithHugePages = 14;

    public bool TryAllocate(long bytes, out nint pointer)
    {
        try
        {
            bool isLarge = bytes >= SmallestAdvised && OperatingSystem.IsLinux();
            pointer = (nint)NativeMemory.AlignedAlloc((nuint)bytes, isLarge ? (nuint)HugePage : 64);
            // Whole huge pages only, so that a block takes no memory beyond its end. Advice: it may be refused.
            if (isLarge)
                _ = Advise(pointer, (nuint)(bytes & -HugePage), WithHugePages);
            return true;
        }
        catch (OutOfMemoryException)
        {
            pointer = 0;
            return false;
        }
    }

    public void Free(nint pointer) => NativeMemory.AlignedFree((void*)pointer);

    public void Fill(nint pointer, long bytes, byte value) => NativeMemory.Fill((void*)pointer, (nuint)bytes, value);

    public string Room => "";

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint bytes, int advice);
}
