using System.Runtime.InteropServices;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Simulator.Memory;

/// <summary>Device memory: a table of allocations. An address is the host's address of the same bytes. Freed ranges are remembered, so
/// that a use after free can be called by its name.</summary>
/// <param name="capacity">Bytes that the device has.</param>
sealed unsafe class DeviceMemory(long capacity) : IDisposable
{
    /// <summary>Alignment of every allocation, as on real devices.</summary>
    public const int Alignment = 256;

    /// <summary>Blocks of a launch that have numbers of their own; those behind them share numbers with the first ones.</summary>
    public const long MostNumbers = 1 << 30;

    const int RememberedFrees = 4096;

    readonly List<Allocation> allocations = [];
    readonly Queue<(ulong Start, long Size, long Number)> freed = new();
    long allocated, blocks;

    /// <summary>Bytes that the device has.</summary>
    public long Capacity => capacity;

    /// <summary>Bytes in use.</summary>
    public long InUse { get; private set; }

    /// <summary>Allocations in use.</summary>
    public int Count => allocations.Count;

    /// <summary>Numbers for the blocks of a launch, which no earlier launch had; the first of them.</summary>
    public long NumberBlocks(long count)
    {
        count = Math.Min(count, MostNumbers);
        if (count > int.MaxValue - blocks - 1)
        {
            foreach (Allocation allocation in allocations)
                allocation.ForgetAccesses();
            blocks = 0;
        }
        long first = blocks + 1;
        blocks += count;
        return first;
    }

    /// <summary>Largest allocations first; for messages.</summary>
    public IReadOnlyList<Allocation> Allocations => allocations;

    /// <summary>Allocates; null when the device has not that much left.</summary>
    public Allocation? Allocate(long bytes, string? name = null)
    {
        long rounded = (bytes + Alignment - 1) & -Alignment;
        if (bytes <= 0 || rounded < bytes || rounded > capacity - InUse)
            return null;
        byte* memory;
        try
        {
            memory = Allocation.IsSparse(bytes)
                ? SparseMemory.Allocate(rounded)
                : (byte*)NativeMemory.AlignedAlloc((nuint)rounded, Alignment);
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
        if (memory == null)
            return null;
        var allocation = new Allocation((ulong)memory, bytes, ++allocated, name);
        allocations.Insert(~IndexOf(allocation.Start), allocation);
        InUse += rounded;
        return allocation;
    }

    /// <summary>Frees the allocation that begins at an address; false when there is none.</summary>
    public bool Free(ulong start)
    {
        int index = IndexOf(start);
        if (index < 0)
            return false;
        Allocation allocation = allocations[index];
        allocations.RemoveAt(index);
        long rounded = (allocation.Size + Alignment - 1) & -Alignment;
        InUse -= rounded;
        allocation.Release();
        if (Allocation.IsSparse(allocation.Size))
            SparseMemory.Free((byte*)start, rounded);
        else
            NativeMemory.AlignedFree((void*)start);
        freed.Enqueue((start, allocation.Size, allocation.Number));
        if (freed.Count > RememberedFrees)
            freed.Dequeue();
        return true;
    }

    /// <summary>The allocation that holds an address; null when none does.</summary>
    public Allocation? Find(ulong address)
    {
        int index = IndexOf(address);
        if (index < 0)
            index = ~index - 1;
        return index >= 0 && address < allocations[index].End ? allocations[index] : null;
    }

    /// <summary>Why an access of a range is wrong, in words: "4 bytes at 0x…, which lies …".</summary>
    public (FaultKind Kind, string Text) Explain(ulong address, long bytes)
    {
        string place = $"{bytes} bytes at 0x{address:x}, which";
        if (Find(address) is { } inside)
            return (FaultKind.OutOfBounds, $"{place} reaches {address + (ulong)bytes - inside.End} bytes past the end of {inside}");
        // The same addresses may have been freed more than once: the last time is meant.
        foreach ((ulong start, long size, long number) in freed.Reverse())
        {
            if (address >= start && address < start + (ulong)size)
                return (FaultKind.UseAfterFree,
                    $"{place} lies {address - start} bytes into allocation #{number} ({size} bytes), which is freed");
        }
        return (FaultKind.OutOfBounds, $"{place} {Nearest(address)}");
    }

    string Nearest(ulong address)
    {
        if (AddressWindows.IsShared(address) || AddressWindows.IsLocal(address))
            return $"is a generic address of {(AddressWindows.IsShared(address) ? "shared" : "local")} memory";
        if (address < Alignment)
            return "is null";
        int next = ~IndexOf(address);
        return next > 0 ? $"lies {address - allocations[next - 1].End} bytes past the end of {allocations[next - 1]}"
            : next < allocations.Count ? $"lies {allocations[next].Start - address} bytes before {allocations[next]}"
                : "lies nowhere: no memory is allocated";
    }

    /// <summary>Index of the allocation that begins at an address, or the complement of where it would stand.</summary>
    int IndexOf(ulong start)
    {
        int low = 0, high = allocations.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >> 1;
            ulong at = allocations[middle].Start;
            if (at == start)
                return middle;
            if (at < start)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return ~low;
    }

    /// <summary>Frees everything.</summary>
    public void Dispose()
    {
        while (allocations.Count > 0)
            Free(allocations[^1].Start);
    }
}
