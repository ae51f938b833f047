using System.Numerics;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Loads and stores of shared and local memory and of parameters.</summary>
static unsafe class SharedAccess
{
    public static void LoadShared(Warp warp, Instruction* i, uint mask)
    {
        ulong* addresses = stackalloc ulong[Warp.Lanes];
        MemoryAccess.Addresses(warp, i, addresses);
        LoadShared(warp, i, mask, addresses);
    }

    public static void StoreShared(Warp warp, Instruction* i, uint mask)
    {
        ulong* addresses = stackalloc ulong[Warp.Lanes];
        MemoryAccess.Addresses(warp, i, addresses);
        StoreShared(warp, i, mask, addresses);
    }

    public static void LoadShared(Warp warp, Instruction* i, uint mask, ulong* addresses)
    {
        int bytes = i->B * i->C;
        SharedMemory shared = warp.Worker.Shared;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            uint address = Check(warp, i, shared, addresses[lane], bytes, lane);
            NoteRead(warp, i, shared, address, bytes, lane);
            MemoryAccess.ToRegisters(warp, i, shared.Data + address, lane);
        }
        MemoryAccess.CountBanks(ref warp.Worker.Counters, addresses, mask, bytes);
    }

    public static void StoreShared(Warp warp, Instruction* i, uint mask, ulong* addresses)
    {
        int bytes = i->B * i->C;
        SharedMemory shared = warp.Worker.Shared;
        GlobalAccess.RefuseConflict(warp, i, mask, addresses, bytes);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            uint address = Check(warp, i, shared, addresses[lane], bytes, lane);
            NoteWrite(warp, i, shared, address, bytes, lane);
            MemoryAccess.FromRegisters(warp, i, shared.Data + address, lane);
        }
        MemoryAccess.CountBanks(ref warp.Worker.Counters, addresses, mask, bytes);
    }

    /// <summary>An address in bounds and aligned.</summary>
    public static uint Check(Warp warp, Instruction* i, SharedMemory shared, ulong address, int bytes, int lane)
    {
        if (address > (ulong)shared.Bytes || (ulong)bytes > (ulong)shared.Bytes - address)
            throw warp.Fault(i, FaultKind.OutOfBounds, $"{bytes} bytes at 0x{address:x} of shared memory, of which the block has {shared.Bytes} bytes", lane);
        if ((address & (uint)(bytes - 1)) != 0)
            throw MemoryAccess.Misaligned(warp, i, address, bytes, lane);
        return (uint)address;
    }

    public static void NoteRead(Warp warp, Instruction* i, SharedMemory shared, uint address, int bytes, int lane)
    {
        int epoch = warp.Block.Epoch;
        for (uint end = address + (uint)bytes; address < end; address += 4)
        {
            if (shared.Read(address, (int)Math.Min(4, end - address), warp.Index, epoch) is { } problem)
                throw Problem(warp, i, address, "reads", problem, lane);
        }
    }

    public static void NoteWrite(Warp warp, Instruction* i, SharedMemory shared, uint address, int bytes, int lane)
    {
        int epoch = warp.Block.Epoch;
        for (uint end = address + (uint)bytes; address < end; address += 4)
        {
            if (shared.Write(address, (int)Math.Min(4, end - address), warp.Index, epoch) is { } problem)
                throw Problem(warp, i, address, "writes", problem, lane);
        }
    }

    static DeviceFault Problem(Warp warp, Instruction* i, uint address, string verb, string problem, int lane) =>
        warp.Fault(i, problem.StartsWith("was never", StringComparison.Ordinal) ? FaultKind.Uninitialized : FaultKind.SharedRace,
            $"warp {warp.Index} {verb} 0x{address:x} of shared memory, which {problem}", lane);

    public static void LoadLocal(Warp warp, Instruction* i, uint mask)
    {
        ulong* addresses = stackalloc ulong[Warp.Lanes];
        MemoryAccess.Addresses(warp, i, addresses);
        LoadLocal(warp, i, mask, addresses);
    }

    public static void StoreLocal(Warp warp, Instruction* i, uint mask)
    {
        ulong* addresses = stackalloc ulong[Warp.Lanes];
        MemoryAccess.Addresses(warp, i, addresses);
        StoreLocal(warp, i, mask, addresses);
    }

    public static void LoadLocal(Warp warp, Instruction* i, uint mask, ulong* addresses)
    {
        int bytes = i->B * i->C;
        LocalMemory local = warp.Worker.Local;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest), thread = (warp.Index * Warp.Lanes) + lane;
            long at = CheckLocal(warp, i, local, addresses[lane], bytes, lane);
            if (new Span<byte>(local.Written(thread) + at, bytes).Contains((byte)0))
                throw warp.Fault(i, FaultKind.Uninitialized, $"load of {bytes} bytes at 0x{at:x} of local memory, which were never written", lane);
            MemoryAccess.ToRegisters(warp, i, local.Data(thread) + at, lane);
        }
    }

    public static void StoreLocal(Warp warp, Instruction* i, uint mask, ulong* addresses)
    {
        int bytes = i->B * i->C;
        LocalMemory local = warp.Worker.Local;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest), thread = (warp.Index * Warp.Lanes) + lane;
            long at = CheckLocal(warp, i, local, addresses[lane], bytes, lane);
            MemoryAccess.FromRegisters(warp, i, local.Data(thread) + at, lane);
            new Span<byte>(local.Written(thread) + at, bytes).Fill(1);
        }
    }

    static long CheckLocal(Warp warp, Instruction* i, LocalMemory local, ulong address, int bytes, int lane)
    {
        if (address > (ulong)local.Bytes || (ulong)bytes > (ulong)local.Bytes - address)
            throw warp.Fault(i, FaultKind.OutOfBounds, $"{bytes} bytes at 0x{address:x} of local memory, of which a thread has {local.Bytes} bytes", lane);
        if ((address & (uint)(bytes - 1)) != 0)
            throw MemoryAccess.Misaligned(warp, i, address, bytes, lane);
        return (long)address;
    }

    public static void LoadParameter(Warp warp, Instruction* i, uint mask)
    {
        ulong* addresses = stackalloc ulong[Warp.Lanes];
        MemoryAccess.Addresses(warp, i, addresses);
        int bytes = i->B * i->C, size = warp.Worker.Program.ParameterBytes;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong address = addresses[lane];
            if (address > (ulong)size || (ulong)bytes > (ulong)size - address)
                throw warp.Fault(i, FaultKind.OutOfBounds, $"{bytes} bytes at offset {address} of the parameters, which have {size} bytes", lane);
            MemoryAccess.ToRegisters(warp, i, warp.Worker.Parameters + address, lane);
        }
    }

    /// <summary>An access by generic addresses: the lanes of each space take their turn.</summary>
    public static void LoadGeneric(Warp warp, Instruction* i, uint mask) => Generic(warp, i, mask, isStore: false);

    /// <inheritdoc cref="LoadGeneric"/>
    public static void StoreGeneric(Warp warp, Instruction* i, uint mask) => Generic(warp, i, mask, isStore: true);

    static void Generic(Warp warp, Instruction* i, uint mask, bool isStore)
    {
        ulong* addresses = stackalloc ulong[Warp.Lanes];
        MemoryAccess.Addresses(warp, i, addresses);
        (uint shared, uint local) = Spaces(addresses, mask);
        if ((mask & ~(shared | local)) is var global && global != 0)
            (isStore ? (delegate*<Warp, Instruction*, uint, ulong*, void>)&GlobalAccess.Store : &GlobalAccess.Load)(warp, i, global, addresses);
        if (shared != 0)
            (isStore ? (delegate*<Warp, Instruction*, uint, ulong*, void>)&StoreShared : &LoadShared)(warp, i, shared, addresses);
        if (local != 0)
            (isStore ? (delegate*<Warp, Instruction*, uint, ulong*, void>)&StoreLocal : &LoadLocal)(warp, i, local, addresses);
    }

    /// <summary>Lanes whose generic address is in shared or local memory; those addresses become offsets.</summary>
    public static (uint Shared, uint Local) Spaces(ulong* addresses, uint mask)
    {
        uint shared = 0, local = 0;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            if (AddressWindows.IsShared(addresses[lane]))
            {
                shared |= 1u << lane;
                addresses[lane] -= AddressWindows.Shared;
            }
            else if (AddressWindows.IsLocal(addresses[lane]))
            {
                local |= 1u << lane;
                addresses[lane] -= AddressWindows.Local;
            }
        }
        return (shared, local);
    }
}
