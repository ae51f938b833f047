using System.Runtime.InteropServices;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>Host memory that streams may copy from and to while the host goes on.</summary>
sealed unsafe class PinnedMemory : IDisposable
{
    readonly SortedList<nuint, (nuint Bytes, bool IsOwned)> ranges = [];

    /// <summary>Bytes that were given and not freed, and the number of allocations.</summary>
    public (long Bytes, int Count) InUse => (ranges.Values.Sum(static r => r.IsOwned ? (long)r.Bytes : 0), ranges.Values.Count(static r => r.IsOwned));

    public void* Allocate(nuint bytes)
    {
        void* memory = NativeMemory.AlignedAlloc(bytes, 4096);
        ranges.Add((nuint)memory, (bytes, true));
        return memory;
    }

    /// <summary>Frees what <see cref="Allocate"/> gave; false for anything else.</summary>
    public bool Free(void* pointer)
    {
        if (!ranges.TryGetValue((nuint)pointer, out (nuint Bytes, bool IsOwned) range) || !range.IsOwned)
            return false;
        ranges.Remove((nuint)pointer);
        NativeMemory.AlignedFree(pointer);
        return true;
    }

    /// <summary>Pins memory of the host; false when a part of it is pinned already.</summary>
    public bool Register(void* pointer, nuint bytes)
    {
        foreach ((nuint start, (nuint size, _)) in ranges)
        {
            if ((nuint)pointer < start + size && start < (nuint)pointer + bytes)
                return false;
        }
        ranges.Add((nuint)pointer, (bytes, false));
        return true;
    }

    /// <summary>Undoes <see cref="Register"/>; false when that never was.</summary>
    public bool Unregister(void* pointer) =>
        ranges.TryGetValue((nuint)pointer, out (nuint Bytes, bool IsOwned) range) && !range.IsOwned && ranges.Remove((nuint)pointer);

    /// <summary>Whether all of a range is pinned.</summary>
    public bool Contains(void* pointer, nuint bytes)
    {
        foreach ((nuint start, (nuint size, _)) in ranges)
        {
            if ((nuint)pointer >= start && bytes <= size && (nuint)pointer - start <= size - bytes)
                return true;
        }
        return false;
    }

    public void Dispose()
    {
        foreach ((nuint start, (_, bool isOwned)) in ranges)
        {
            if (isOwned)
                NativeMemory.AlignedFree((void*)start);
        }
        ranges.Clear();
    }
}
