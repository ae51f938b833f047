using System.Runtime.InteropServices;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>Host memory that streams may copy from and to while the host goes on.</summary>
sealed unsafe class PinnedMemory : IDisposable
{
    readonly SortedList<nuint, nuint> ranges = [];

    /// <summary>Bytes that were given and not freed, and the number of allocations.</summary>
    public (long Bytes, int Count) InUse => (ranges.Values.Sum(static bytes => (long)bytes), ranges.Count);

    public void* Allocate(nuint bytes)
    {
        void* memory = NativeMemory.AlignedAlloc(bytes, 4096);
        ranges.Add((nuint)memory, bytes);
        return memory;
    }

    /// <summary>Frees what <see cref="Allocate"/> gave; false for anything else.</summary>
    public bool Free(void* pointer)
    {
        if (!ranges.Remove((nuint)pointer))
            return false;
        NativeMemory.AlignedFree(pointer);
        return true;
    }

    /// <summary>Whether all of a range is pinned.</summary>
    public bool Contains(void* pointer, nuint bytes)
    {
        foreach ((nuint start, nuint size) in ranges)
        {
            if ((nuint)pointer >= start && bytes <= size && (nuint)pointer - start <= size - bytes)
                return true;
        }
        return false;
    }

    public void Dispose()
    {
        foreach (nuint start in ranges.Keys)
            NativeMemory.AlignedFree((void*)start);
        ranges.Clear();
    }
}
