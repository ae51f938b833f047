using System.Numerics;
using System.Runtime.Intrinsics;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Loads and stores of global memory. A warp whose lanes lie one behind the other is checked and copied as one range.</summary>
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

    public static void Load(Warp warp, Instruction* i, uint mask, ulong* addresses)
    {
        int bytes = i->B * i->C;
        ref MemoryCounters counters = ref warp.Worker.Counters;
        if (mask == uint.MaxValue && IsRange(warp, i, addresses, bytes) is { } range)
        {
            MemoryAccess.RequireWritten(warp, i, range, addresses[0], bytes * Warp.Lanes, 0, bytes);
            MemoryAccess.Note(warp, i, range, addresses[0], bytes * Warp.Lanes, isWrite: false, 0);
            int touched = (int)(((addresses[0] + (ulong)(bytes * Warp.Lanes) - 1) >> 5) - (addresses[0] >> 5)) + 1;
            (counters.BytesLoaded, counters.SectorsLoaded, counters.SectorsNeeded) =
                (counters.BytesLoaded + (bytes * Warp.Lanes), counters.SectorsLoaded + touched, counters.SectorsNeeded + bytes);
            LoadRange(warp, i, (byte*)addresses[0]);
            return;
        }
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong address = addresses[lane];
            Allocation allocation = MemoryAccess.Find(warp, i, address, bytes, lane);
            MemoryAccess.RequireWritten(warp, i, allocation, address, bytes, lane, bytes);
            MemoryAccess.Note(warp, i, allocation, address, bytes, isWrite: false, lane);
            MemoryAccess.ToRegisters(warp, i, (byte*)address, lane);
        }
        (int sectors, int distinct) = MemoryAccess.Coalesce(addresses, mask, bytes);
        counters.BytesLoaded += distinct;
        counters.SectorsLoaded += sectors;
        counters.SectorsNeeded += (distinct + 31) / 32;
    }

    public static void Store(Warp warp, Instruction* i, uint mask, ulong* addresses)
    {
        int bytes = i->B * i->C;
        ref MemoryCounters counters = ref warp.Worker.Counters;
        if (mask == uint.MaxValue && IsRange(warp, i, addresses, bytes) is { } range)
        {
            MemoryAccess.Note(warp, i, range, addresses[0], bytes * Warp.Lanes, isWrite: true, 0);
            int touched = (int)(((addresses[0] + (ulong)(bytes * Warp.Lanes) - 1) >> 5) - (addresses[0] >> 5)) + 1;
            (counters.BytesStored, counters.SectorsStored, counters.SectorsNeeded) =
                (counters.BytesStored + (bytes * Warp.Lanes), counters.SectorsStored + touched, counters.SectorsNeeded + bytes);
            StoreRange(warp, i, (byte*)addresses[0]);
            range.MarkWritten(addresses[0], bytes * Warp.Lanes);
            return;
        }
        RefuseConflict(warp, i, mask, addresses, bytes);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong address = addresses[lane];
            Allocation allocation = MemoryAccess.Find(warp, i, address, bytes, lane);
            MemoryAccess.Note(warp, i, allocation, address, bytes, isWrite: true, lane);
            MemoryAccess.FromRegisters(warp, i, (byte*)address, lane);
            allocation.MarkWritten(address, bytes);
        }
        (int sectors, int distinct) = MemoryAccess.Coalesce(addresses, mask, bytes);
        counters.BytesStored += distinct;
        counters.SectorsStored += sectors;
        counters.SectorsNeeded += (distinct + 31) / 32;
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
        ulong previous = 0;
        bool isRising = true;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            ulong address = addresses[BitOperations.TrailingZeroCount(rest)];
            isRising &= address >= previous;
            previous = address + (uint)bytes;
        }
        if (isRising)
            return;
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

    static void LoadRange(Warp warp, Instruction* i, byte* from)
    {
        int* registers = i->Operands;
        bool isWide = (i->Flags & (int)AccessFlags.WideData) != 0;
        if (i->B == 4 && !isWide)
        {
            switch (i->C)
            {
                case 1 when registers[0] >= 0:
                    Copy(from, warp.Registers + registers[0], 128);
                    return;
                case 4 when registers[0] >= 0 && registers[1] >= 0 && registers[2] >= 0 && registers[3] >= 0:
                    Deinterleave((uint*)from, warp.Words(registers[0]), warp.Words(registers[1]), warp.Words(registers[2]), warp.Words(registers[3]));
                    return;
            }
        }
        else if (i->B == 8 && i->C == 1 && registers[0] >= 0)
        {
            Copy(from, warp.Registers + registers[0], 256);
            return;
        }
        for (int lane = 0; lane < Warp.Lanes; lane++, from += i->B * i->C)
            MemoryAccess.ToRegisters(warp, i, from, lane);
    }

    static void StoreRange(Warp warp, Instruction* i, byte* to)
    {
        int* registers = i->Operands;
        bool isWide = (i->Flags & (int)AccessFlags.WideData) != 0;
        if (i->B == 4 && !isWide && i->C == 1)
            Copy(warp.Registers + registers[0], to, 128);
        else if (i->B == 4 && !isWide && i->C == 4)
            Interleave(warp.Words(registers[0]), warp.Words(registers[1]), warp.Words(registers[2]), warp.Words(registers[3]), (uint*)to);
        else if (i->B == 8 && i->C == 1)
            Copy(warp.Registers + registers[0], to, 256);
        else
        {
            for (int lane = 0; lane < Warp.Lanes; lane++, to += i->B * i->C)
                MemoryAccess.FromRegisters(warp, i, to, lane);
        }
    }

    static void Copy(byte* from, byte* to, int bytes)
    {
        for (int k = 0; k < bytes; k += 32)
            Vector256.Load(from + k).Store(to + k);
    }

    /// <summary>32 groups of 4 words to 4 registers: a 4x4 transposition of 128-bit rows at a time.</summary>
    static void Deinterleave(uint* from, uint* a, uint* b, uint* c, uint* d)
    {
        for (int lane = 0; lane < Warp.Lanes; lane++, from += 4)
        {
            a[lane] = from[0];
            b[lane] = from[1];
            c[lane] = from[2];
            d[lane] = from[3];
        }
    }

    static void Interleave(uint* a, uint* b, uint* c, uint* d, uint* to)
    {
        for (int lane = 0; lane < Warp.Lanes; lane++, to += 4)
        {
            to[0] = a[lane];
            to[1] = b[lane];
            to[2] = c[lane];
            to[3] = d[lane];
        }
    }
}
