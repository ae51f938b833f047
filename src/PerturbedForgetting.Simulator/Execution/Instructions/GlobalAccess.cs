using System.Numerics;
using System.Runtime.CompilerServices;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Loads and stores of global memory. A warp whose lanes lie one behind the other, or all at one address, is checked and copied
/// as a whole.</summary>
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
        ref MemoryCounters counters = ref warp.Worker.Counters;
        if (mask == uint.MaxValue)
        {
            if (IsRange(warp, i, addresses, bytes) is { } range)
            {
                MemoryAccess.RequireWritten(warp, i, range, addresses[0], bytes * Warp.Lanes, 0, bytes);
                MemoryAccess.Note(warp, i, range, addresses[0], bytes * Warp.Lanes, isWrite: false, 0);
                LaneCopy.Load(warp, i, (byte*)addresses[0]);
                counters.CountLoad(Sectors(addresses[0], bytes * Warp.Lanes), bytes * Warp.Lanes);
                return;
            }
            if (MemoryAccess.AreConsecutive(addresses, 0))
            {
                CheckLoad(warp, i, MemoryAccess.Find(warp, i, addresses[0], bytes, 0), addresses[0], bytes, 0);
                MemoryAccess.Broadcast(warp, i, mask, (byte*)addresses[0]);
                counters.CountLoad(1, bytes);
                return;
            }
        }
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            CheckLoad(warp, i, MemoryAccess.Find(warp, i, addresses[lane], bytes, lane), addresses[lane], bytes, lane);
            MemoryAccess.ToRegisters(warp, i, (byte*)addresses[lane], lane);
        }
        (int sectors, int distinct) = MemoryAccess.Coalesce(addresses, mask, bytes);
        counters.CountLoad(sectors, distinct);
    }

    public static void Store(Warp warp, Instruction* i, uint mask, ulong* addresses)
    {
        int bytes = i->B * i->C;
        ref MemoryCounters counters = ref warp.Worker.Counters;
        if (mask == uint.MaxValue && IsRange(warp, i, addresses, bytes) is { } range)
        {
            MemoryAccess.Note(warp, i, range, addresses[0], bytes * Warp.Lanes, isWrite: true, 0);
            LaneCopy.Store(warp, i, (byte*)addresses[0]);
            range.MarkWritten(addresses[0], bytes * Warp.Lanes);
            counters.CountStore(Sectors(addresses[0], bytes * Warp.Lanes), bytes * Warp.Lanes);
            return;
        }
        (int sectors, int distinct) = MemoryAccess.Coalesce(addresses, mask, bytes);
        if (distinct != bytes * BitOperations.PopCount(mask))
            RefuseConflict(warp, i, mask, addresses, bytes);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            Allocation allocation = MemoryAccess.Find(warp, i, addresses[lane], bytes, lane);
            MemoryAccess.Note(warp, i, allocation, addresses[lane], bytes, isWrite: true, lane);
            MemoryAccess.FromRegisters(warp, i, (byte*)addresses[lane], lane);
            allocation.MarkAccess(addresses[lane], bytes);
        }
        counters.CountStore(sectors, distinct);
    }

    static int Sectors(ulong address, int bytes) => (int)(((address + (ulong)bytes - 1) >> 5) - (address >> 5)) + 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void CheckLoad(Warp warp, Instruction* i, Allocation allocation, ulong address, int bytes, int lane)
    {
        if (!allocation.IsWritten(address, bytes))
            MemoryAccess.RequireWritten(warp, i, allocation, address, bytes, lane, bytes);
        MemoryAccess.Note(warp, i, allocation, address, bytes, isWrite: false, lane);
    }

    /// <summary>The allocation of a whole warp's access when its lanes lie one behind the other, all in bounds and aligned.</summary>
    static Allocation? IsRange(Warp warp, Instruction* i, ulong* addresses, int bytes)
    {
        if (!MemoryAccess.AreConsecutive(addresses, bytes) || (addresses[0] & (uint)(bytes - 1)) != 0)
            return null;
        Allocation? near = warp.Worker.Nearby[i->Location];
        if (near is null || !near.Contains(addresses[0], bytes * Warp.Lanes))
        {
            near = warp.Worker.Memory.Find(addresses[0]);
            if (near is null || !near.Contains(addresses[0], bytes * Warp.Lanes))
                return null;
            warp.Worker.Nearby[i->Location] = near;
        }
        return near;
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
                    throw warp.Fault(i, FaultKind.WriteConflict, $"lanes {lane} and {second} store different values at 0x{addresses[lane]:x}", second);
            }
        }
    }
}
