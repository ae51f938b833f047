using System.Runtime.InteropServices;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>Host memory that streams may copy from and to while the host goes on.</summary>
sealed unsafe class PinnedMemory : IDisposable
{
    readonly SortedList<nuint, nuint> ranges = [];
    readonly Dictionary<nuint, AccessHistory> histories = [];

    /// <summary>What copies that did not run yet use.</summary>
    public List<HostUse> Uses { get; } = [];

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
        histories.Remove((nuint)pointer);
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

    /// <summary>A use by a copy that did not run yet of what <see cref="Allocate"/> gave; null when there is none.</summary>
    public HostUse? UseOf(void* pointer) =>
        ranges.TryGetValue((nuint)pointer, out nuint size) ? Uses.Find(use => use.IsIn((nuint)pointer, size)) : null;

    /// <summary>The host has waited for something.</summary>
    public void Acknowledge(long[] clock)
    {
        for (int u = Uses.Count - 1; u >= 0; u--)
        {
            if (u < Uses.Count)
                Uses[u].Acknowledge(clock);
        }
    }

    /// <summary>Which operations touched the memory around an address; null while a single stream is in use.</summary>
    public AccessHistory? HistoryOf(SimulatedContext context, nint address)
    {
        if (context.Scheduler.LaneCount <= 1)
            return null;
        foreach ((nuint start, nuint size) in ranges)
        {
            if ((nuint)address < start || (nuint)address - start >= size)
                continue;
            if (!histories.TryGetValue(start, out AccessHistory? history))
                histories.Add(start, history = new AccessHistory(start, (long)size, context.Scheduler));
            return history;
        }
        return null;
    }

    public void Dispose()
    {
        foreach (nuint start in ranges.Keys)
            NativeMemory.AlignedFree((void*)start);
        ranges.Clear();
    }
}
