using System.Numerics;
using System.Runtime.CompilerServices;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Loads and stores of global memory. A warp's ranges are checked and copied as a whole; where that fails, its lanes
/// are looked at one by one.</summary>
[SkipLocalsInit]
static unsafe class GlobalAccess
{
    public static void Load(Warp warp, Instruction* i, uint mask)
    {
        ulong* addresses = stackalloc ulong[Warp.Lanes];
        MemoryAccess.Addresses(warp, i, addresses);
        Load(warp, i, mask, addresses);
    }

    public static void Store(Warp warp, Instruction* i, uint mask)
    {
        ulong* addresses = stackalloc ulong[Warp.Lanes];
        MemoryAccess.Addresses(warp, i, addresses);
        Store(warp, i, mask, addresses);
    }

    /// <summary>Constant memory: checked like global memory, but its traffic is not the memory's.</summary>
    public static void LoadConstant(Warp warp, Instruction* i, uint mask)
    {
        MemoryCounters before = warp.Worker.Counters;
        Load(warp, i, mask);
        warp.Worker.Counters = before;
    }

    public static void Load(Warp warp, Instruction* i, uint mask, ulong* addresses)
    {
        int bytes = i->B * i->C;
        AccessPattern* pattern = warp.Worker.Pattern(i, addresses, mask, bytes);
        ulong lead = addresses[pattern->Lead];
        if (FindWhole(warp, i, pattern, lead, bytes) is { } whole && IsWritten(whole, pattern, lead)
            && IsOrdered(warp, whole, pattern, lead, isWrite: false)
            && warp.Worker.Watch.TryRead(whole, pattern, lead, warp.Index, bytes, (AccessFlags)i->Flags))
            LaneCopy.Load(warp, i, mask, pattern, (byte*)lead, addresses);
        else
        {
            using Gate gate = Gate.Of(warp, i);
            for (uint rest = mask; rest != 0; rest &= rest - 1)
            {
                int lane = BitOperations.TrailingZeroCount(rest);
                Allocation allocation = MemoryAccess.Find(warp, i, addresses[lane], bytes, lane);
                MemoryAccess.RequireWritten(warp, i, allocation, addresses[lane], bytes, lane);
                MemoryAccess.Note(warp, i, allocation, addresses[lane], bytes, isWrite: false, lane);
                MemoryAccess.ToRegisters(warp, i, (byte*)addresses[lane], lane);
            }
        }
        warp.Worker.Counters.CountLoad(pattern->Sectors(lead), pattern->Distinct);
    }

    public static void Store(Warp warp, Instruction* i, uint mask, ulong* addresses)
    {
        int bytes = i->B * i->C;
        AccessPattern* pattern = warp.Worker.Pattern(i, addresses, mask, bytes);
        ulong lead = addresses[pattern->Lead];
        if (pattern->HasDuplicates(bytes))
            RefuseConflict(warp, i, mask, addresses, bytes);
        if ((i->Flags & (int)AccessFlags.ByArrival) != 0 && !warp.Worker.AllowsUnorderedSums)
            throw warp.Fault(i, FaultKind.ArrivalOrder, $"store of {bytes} bytes at 0x{lead:x}, a place that is the number at which the "
                + "thread arrived: what is made of all of them depends on the order of arrival; store by the block's own index, and add "
                + "the parts in that order (arrival.cuh)", pattern->Lead);
        if (!pattern->HasSomeDuplicates(bytes, warp.Alive) && FindWhole(warp, i, pattern, lead, bytes) is { } whole
            && IsOrdered(warp, whole, pattern, lead, isWrite: true)
            && warp.Worker.Watch.TryWrite(whole, pattern, lead, warp.Index, bytes, (AccessFlags)i->Flags))
        {
            LaneCopy.Store(warp, i, mask, pattern, (byte*)lead, addresses);
            for (int r = 0; r < pattern->Ranges; r++)
                whole.MarkWritten(lead + (ulong)pattern->Starts[r], pattern->Lengths[r]);
        }
        else
        {
            using Gate gate = Gate.Of(warp, i);
            for (uint rest = mask; rest != 0; rest &= rest - 1)
            {
                int lane = BitOperations.TrailingZeroCount(rest);
                Allocation allocation = MemoryAccess.Find(warp, i, addresses[lane], bytes, lane);
                if (WriterOf(warp, pattern, addresses, mask, bytes, lane) is var writer and >= 0)
                    MemoryAccess.Note(warp, i, allocation, addresses[lane], bytes, isWrite: true, writer);
                MemoryAccess.FromRegisters(warp, i, (byte*)addresses[lane], lane);
                allocation.MarkWritten(addresses[lane], bytes);
            }
        }
        warp.Worker.Counters.CountStore(pattern->Sectors(lead), pattern->Distinct);
    }

    /// <summary>Who counts as writer of what a lane stores: the lane; all lanes when they store one value at one address; nobody (-1) when
    /// an earlier lane stores the same there.</summary>
    public static int WriterOf(Warp warp, AccessPattern* pattern, ulong* addresses, uint mask, int bytes, int lane)
    {
        if (!pattern->HasDuplicates(bytes))
            return lane;
        for (uint rest = mask & ((1u << lane) - 1); rest != 0; rest &= rest - 1)
        {
            if (addresses[BitOperations.TrailingZeroCount(rest)] == addresses[lane])
                return -1;
        }
        return pattern->HasSomeDuplicates(bytes, warp.Alive) ? lane : lane | AccessPattern.Several;
    }

    /// <summary>While a strong access is noted and made, no other one is.</summary>
    readonly ref struct Gate(object? held)
    {
        public static Gate Of(Warp warp, Instruction* i)
        {
            if ((i->Flags & (int)AccessFlags.Strong) == 0)
                return default;
            Monitor.Enter(warp.Worker.Watch.Gate);
            return new Gate(warp.Worker.Watch.Gate);
        }

        public void Dispose()
        {
            if (held is not null)
                Monitor.Exit(held);
        }
    }

    /// <summary>The allocation that holds the whole warp's access, if one does and all lanes are aligned.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Allocation? FindWhole(Warp warp, Instruction* i, AccessPattern* pattern, ulong lead, int bytes)
    {
        if (!pattern->IsAligned || (lead & (uint)(bytes - 1)) != 0)
            return null;
        ulong start = lead + (ulong)pattern->Starts[0];
        long length = pattern->End - pattern->Starts[0];
        Allocation? near = warp.Worker.Nearby[i->Location];
        if (near is null || !near.Contains(start, length))
        {
            near = warp.Worker.Memory.Find(start);
            if (near is null || !near.Contains(start, length))
                return null;
            warp.Worker.Nearby[i->Location] = near;
        }
        return near;
    }

    static bool IsWritten(Allocation allocation, AccessPattern* pattern, ulong lead)
    {
        for (int r = 0; r < pattern->Ranges; r++)
        {
            if (allocation.FirstUnwritten(lead + (ulong)pattern->Starts[r], pattern->Lengths[r]) >= 0)
                return false;
        }
        return true;
    }

    /// <summary>False when the order of streams forbids a part of the access: its lanes are then looked at one by one.</summary>
    static bool IsOrdered(Warp warp, Allocation allocation, AccessPattern* pattern, ulong lead, bool isWrite)
    {
        if (allocation.History is not { } history)
            return true;
        for (int r = 0; r < pattern->Ranges; r++)
        {
            if (history.Note(lead + (ulong)pattern->Starts[r], pattern->Lengths[r], isWrite, warp.Worker.Operation) is not null)
                return false;
        }
        return true;
    }

    /// <summary>Two lanes that store different values to one address: which one stays is undefined.</summary>
    public static void RefuseConflict(Warp warp, Instruction* i, uint mask, ulong* addresses, int bytes)
    {
        byte* mine = stackalloc byte[16], other = stackalloc byte[16];
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            for (uint later = rest & (rest - 1); later != 0; later &= later - 1)
            {
                int second = BitOperations.TrailingZeroCount(later);
                if (addresses[lane] != addresses[second])
                    continue;
                MemoryAccess.FromRegisters(warp, i, mine, lane);
                MemoryAccess.FromRegisters(warp, i, other, second);
                if (!new Span<byte>(mine, bytes).SequenceEqual(new Span<byte>(other, bytes)))
                    throw warp.Fault(i, FaultKind.WriteConflict,
                        $"lanes {lane} and {second} store different values at 0x{addresses[lane]:x}", second);
            }
        }
    }
}
