using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Loads and stores of shared and local memory and of parameters.</summary>
[SkipLocalsInit]
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
        AccessPattern* pattern = MemoryAccess.CountBanks(warp, i, addresses, mask, bytes);
        if (IsWhole(shared, pattern, addresses, bytes) && shared.TryRead(pattern, (uint)addresses[pattern->Lead], warp.Index, bytes))
        {
            LaneCopy.Load(warp, i, mask, pattern, shared.Data + addresses[pattern->Lead], addresses, (ulong)shared.Data);
            return;
        }
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            uint address = Check(warp, i, shared, addresses[lane], bytes, lane);
            NoteRead(warp, i, shared, address, bytes, lane);
            MemoryAccess.ToRegisters(warp, i, shared.Data + address, lane);
        }
    }

    public static void StoreShared(Warp warp, Instruction* i, uint mask, ulong* addresses)
    {
        int bytes = i->B * i->C;
        SharedMemory shared = warp.Worker.Shared;
        AccessPattern* pattern = MemoryAccess.CountBanks(warp, i, addresses, mask, bytes);
        if (pattern->HasDuplicates(bytes))
            GlobalAccess.RefuseConflict(warp, i, mask, addresses, bytes);
        if (!pattern->HasSomeDuplicates(bytes, warp.Alive) && IsWhole(shared, pattern, addresses, bytes)
            && shared.TryWrite(pattern, (uint)addresses[pattern->Lead], warp.Index, bytes))
        {
            LaneCopy.Store(warp, i, mask, pattern, shared.Data + addresses[pattern->Lead], addresses, (ulong)shared.Data);
            return;
        }
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            uint address = Check(warp, i, shared, addresses[lane], bytes, lane);
            if (GlobalAccess.WriterOf(warp, pattern, addresses, mask, bytes, lane) is var writer and >= 0
                && shared.Write(address, bytes, warp.Index, writer) is { } problem)
                throw Problem(warp, i, address, "writes", problem, lane);
            MemoryAccess.FromRegisters(warp, i, shared.Data + address, lane);
        }
    }

    /// <summary>True when all lanes are in bounds and aligned.</summary>
    static bool IsWhole(SharedMemory shared, AccessPattern* pattern, ulong* addresses, int bytes)
    {
        ulong lead = addresses[pattern->Lead], start = lead + (ulong)pattern->Starts[0];
        long length = pattern->End - pattern->Starts[0];
        return pattern->IsAligned && (lead & (uint)(bytes - 1)) == 0 && length <= shared.Bytes
            && IsInside(start, (int)length, shared.Bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static bool IsInside(ulong address, int bytes, int size) => address <= (ulong)size && (ulong)bytes <= (ulong)size - address;

    /// <summary>An address in bounds and aligned.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Check(Warp warp, Instruction* i, SharedMemory shared, ulong address, int bytes, int lane)
    {
        if (!IsInside(address, bytes, shared.Bytes))
            throw OutOfBounds(warp, i, "shared", address, bytes, $"the block has {shared.Bytes} bytes", lane);
        if ((address & (uint)(bytes - 1)) != 0)
            throw MemoryAccess.Misaligned(warp, i, address, bytes, lane);
        return (uint)address;
    }

    static DeviceFault OutOfBounds(Warp warp, Instruction* i, string space, ulong address, int bytes, string size, int lane) =>
        warp.Fault(i, FaultKind.OutOfBounds, $"{MemoryAccess.Verb(i)} of {bytes} bytes at 0x{address:x} of {space} memory, of which {size}",
            lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void NoteRead(Warp warp, Instruction* i, SharedMemory shared, uint address, int bytes, int lane)
    {
        if (shared.Read(address, bytes, warp.Index, lane) is { } problem)
            throw Problem(warp, i, address, "reads", problem, lane);
    }

    /// <summary>The fault of an access to shared memory.</summary>
    public static DeviceFault Problem(Warp warp, Instruction* i, uint address, string verb, in SharedProblem problem, int lane) =>
        warp.Fault(i, problem.Kind, $"warp {warp.Index} {verb} 0x{address:x} of shared memory, which {problem.Text}", lane);

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
            MemoryAccess.ToRegisters(warp, i, local.Data(thread) + at, lane);
            for (int e = 0; local.IsUndefined(thread, at, bytes) && e < i->C; e++)
            {
                if (i->Operands[e] >= 0 && local.IsUndefined(thread, at + (e * i->B), i->B))
                    warp.SetUndefined(i->Operands[e], 1u << lane, 1u << lane);
            }
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
            for (int e = 0; e < i->C; e++)
                local.Mark(thread, at + (e * i->B), i->B, (warp.Undefined(i->Operands[e]) >> lane & 1) == 0);
        }
    }

    /// <summary>An offset in bounds and aligned.</summary>
    public static long CheckLocal(Warp warp, Instruction* i, LocalMemory local, ulong address, int bytes, int lane)
    {
        if (!IsInside(address, bytes, local.Bytes))
            throw OutOfBounds(warp, i, "local", address, bytes, $"a thread has {local.Bytes} bytes", lane);
        if ((address & (uint)(bytes - 1)) != 0)
            throw MemoryAccess.Misaligned(warp, i, address, bytes, lane);
        return (long)address;
    }

    public static void LoadParameter(Warp warp, Instruction* i, uint mask)
    {
        ulong* addresses = stackalloc ulong[Warp.Lanes];
        MemoryAccess.Addresses(warp, i, addresses);
        int bytes = i->B * i->C;
        if (i->A < 0)
        {
            CheckParameter(warp, i, addresses[0], bytes, BitOperations.TrailingZeroCount(mask));
            MemoryAccess.Broadcast(warp, i, mask, warp.Worker.Parameters + addresses[0]);
            return;
        }
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            CheckParameter(warp, i, addresses[lane], bytes, lane);
            MemoryAccess.ToRegisters(warp, i, warp.Worker.Parameters + addresses[lane], lane);
        }
    }

    static void CheckParameter(Warp warp, Instruction* i, ulong address, int bytes, int lane)
    {
        int size = warp.Worker.Program.ParameterBytes;
        if (!IsInside(address, bytes, size))
            throw OutOfBounds(warp, i, "parameter", address, bytes, $"the kernel has {size} bytes", lane);
        if ((address & (uint)(bytes - 1)) != 0)
            throw MemoryAccess.Misaligned(warp, i, address, bytes, lane);
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
            (isStore
                ? (delegate*<Warp, Instruction*, uint, ulong*, void>)&GlobalAccess.Store
                : &GlobalAccess.Load)(warp, i, global, addresses);
        if (shared != 0)
            (isStore ? (delegate*<Warp, Instruction*, uint, ulong*, void>)&StoreShared : &LoadShared)(warp, i, shared, addresses);
        if (local != 0)
            (isStore ? (delegate*<Warp, Instruction*, uint, ulong*, void>)&StoreLocal : &LoadLocal)(warp, i, local, addresses);
    }

    /// <summary>Lanes whose generic address is in shared or local memory; those addresses become offsets.</summary>
    public static (uint Shared, uint Local) Spaces(ulong* addresses, uint mask)
    {
        uint shared = 0, local = 0;
        Vector256<ulong> all = Vector256<ulong>.Zero;
        for (int lane = 0; lane < Warp.Lanes; lane += Vector256<ulong>.Count)
            all |= Vector256.Load(addresses + lane);
        if ((all & Vector256.Create(AddressWindows.Shared)) == Vector256<ulong>.Zero)
            return (0, 0);
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
