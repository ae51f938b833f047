using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using PerturbedForgetting.Simulator.Memory;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>A decoded access: <see cref="Instruction.A"/> is the base register (-1 for none), <see cref="Instruction.Immediate"/> the
/// constant part of the address, <see cref="Instruction.B"/> the bytes of an element, <see cref="Instruction.C"/> the number of
/// elements, <see cref="Instruction.Operands"/> their registers.</summary>
[Flags]
enum AccessFlags
{
    None = 0,
    /// <summary>The base register has 64 bits.</summary>
    WideBase = 1,
    /// <summary>The data registers have 64 bits.</summary>
    WideData = 2,
    /// <summary>Narrow elements are sign-extended.</summary>
    Signed = 4,
}

/// <summary>Steps that all accesses share: addresses, look-up and checks, coalescing, bank conflicts.</summary>
[SkipLocalsInit]
static unsafe class MemoryAccess
{
    /// <summary>Fills in the address part of an instruction.</summary>
    public static void SetAddress(Lowering context, ref Instruction i, PtxOperand operand)
    {
        (int register, bool isWide, long offset, _) = context.Address(operand);
        (i.A, i.Immediate) = (register, offset);
        i.Flags |= isWide ? (int)AccessFlags.WideBase : 0;
    }

    /// <summary>Address of every lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Addresses(Warp warp, Instruction* i, ulong* addresses)
    {
        ulong offset = (ulong)i->Immediate;
        if (i->A < 0)
            new Span<ulong>(addresses, Warp.Lanes).Fill(offset);
        else if ((i->Flags & (int)AccessFlags.WideBase) != 0)
        {
            ulong* from = warp.Longs(i->A);
            for (int lane = 0; lane < Warp.Lanes; lane += 4)
                (Vector256.Load(from + lane) + Vector256.Create(offset)).Store(addresses + lane);
        }
        else
        {
            uint* from = warp.Words(i->A);
            for (int lane = 0; lane < Warp.Lanes; lane++)
                addresses[lane] = from[lane] + offset;
        }
    }

    /// <summary>True when lane i is at the first lane's address + i·<paramref name="bytes"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AreConsecutive(ulong* addresses, int bytes)
    {
        ulong step = (ulong)bytes;
        Vector256<ulong> expected = Vector256.Create(addresses[0]) + Vector256.Create(0, step, 2 * step, 3 * step), differ = Vector256<ulong>.Zero;
        Vector256<ulong> next = Vector256.Create(4 * step);
        for (int lane = 0; lane < Warp.Lanes; lane += 4, expected += next)
            differ |= Vector256.Load(addresses + lane) ^ expected;
        return differ == Vector256<ulong>.Zero;
    }

    /// <summary>The allocation that holds a range, checked for alignment.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Allocation Find(Warp warp, Instruction* i, ulong address, int bytes, int lane)
    {
        Allocation? near = warp.Worker.Nearby[i->Location];
        if (near is null || !near.Contains(address, bytes))
            near = FindAfar(warp, i, address, bytes, lane);
        if ((address & (uint)(bytes - 1)) != 0)
            throw Misaligned(warp, i, address, bytes, lane);
        return near;
    }

    static Allocation FindAfar(Warp warp, Instruction* i, ulong address, int bytes, int lane)
    {
        Allocation? found = warp.Worker.Memory.Find(address);
        if (found is null || !found.Contains(address, bytes))
        {
            (FaultKind kind, string text) = warp.Worker.Memory.Explain(address, bytes);
            throw warp.Fault(i, kind, $"{Verb(i)} of {text}", lane);
        }
        warp.Worker.Nearby[i->Location] = found;
        return found;
    }

    public static DeviceFault Misaligned(Warp warp, Instruction* i, ulong address, int bytes, int lane) =>
        warp.Fault(i, FaultKind.Misaligned, $"{Verb(i)} of {bytes} bytes at 0x{address:x}, which is not a multiple of {bytes}", lane);

    /// <summary>What an instruction does to memory, for messages.</summary>
    public static string Verb(Instruction* i) => i->Class switch
    {
        InstructionClass.Store => "store",
        InstructionClass.Atomic => "atomic operation",
        _ => "load",
    };

    /// <summary>Refuses to read bytes that were never written. The range must lie in the allocation.</summary>
    public static void RequireWritten(Warp warp, Instruction* i, Allocation allocation, ulong address, int bytes, int lane, int laneBytes)
    {
        long unwritten = allocation.FirstUnwritten(address, bytes);
        if (unwritten >= 0)
            throw warp.Fault(i, FaultKind.Uninitialized, $"{Verb(i)} of the byte at 0x{address + (ulong)unwritten:x}, which was never written, in {allocation}",
                lane + (int)(unwritten / laneBytes));
    }

    /// <summary>Notes an access for the order of streams.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Note(Warp warp, Instruction* i, Allocation allocation, ulong address, int bytes, bool isWrite, int lane)
    {
        if (allocation.History is { } history && history.Note(address, bytes, isWrite, warp.Worker.Operation) is { } conflict)
            throw warp.Fault(i, FaultKind.UnorderedStreams, conflict, lane);
    }

    /// <summary>Counts the distinct 32-byte sectors and bytes of a request whose lanes access <paramref name="bytes"/> each.</summary>
    public static (int Sectors, int Bytes) Coalesce(ulong* addresses, uint mask, int bytes)
    {
        ulong* sorted = stackalloc ulong[Warp.Lanes];
        int count = 0;
        bool isSorted = true;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            ulong address = addresses[BitOperations.TrailingZeroCount(rest)];
            isSorted &= count == 0 || sorted[count - 1] <= address;
            sorted[count++] = address;
        }
        if (!isSorted)
            new Span<ulong>(sorted, count).Sort();
        int sectors = 1, distinct = 1;
        for (int k = 1; k < count; k++)
        {
            distinct += sorted[k] != sorted[k - 1] ? 1 : 0;
            sectors += sorted[k] >> 5 != sorted[k - 1] >> 5 ? 1 : 0;
        }
        return (sectors, distinct * bytes);
    }

    /// <summary>Counts one request to shared memory and its bank conflicts: 32 banks of 4 bytes; 8-byte accesses go half a warp at a
    /// time, 16-byte accesses a quarter (CUDA C++ Programming Guide, "Shared Memory").</summary>
    /// <returns>True when two lanes may have the same address.</returns>
    public static bool CountBanks(ref MemoryCounters counters, ulong* addresses, uint mask, int bytes)
    {
        counters.SharedRequests++;
        if (mask == uint.MaxValue && bytes >= 4 && AreConsecutive(addresses, bytes))
            return false;
        if (mask == uint.MaxValue && AreConsecutive(addresses, 0))
            return true;
        int phase = bytes <= 4 ? 32 : bytes == 8 ? 16 : 8;
        // Lanes of different phases may meet too.
        bool isShared = phase < Warp.Lanes;
        for (int first = 0; first < Warp.Lanes; first += phase)
        {
            uint lanes = phase == 32 ? mask : mask >> first & ((1u << phase) - 1);
            if (lanes != 0)
                counters.BankConflicts += Passes(addresses + first, lanes, bytes, ref isShared) - 1;
        }
        return isShared;
    }

    /// <summary>The most different words that one bank must give: each bank's words are chained.</summary>
    static int Passes(ulong* addresses, uint lanes, int bytes, ref bool isShared)
    {
        int* head = stackalloc int[32], next = stackalloc int[32], depth = stackalloc int[32];
        uint* words = stackalloc uint[32];
        uint used = 0;
        int count = 0, most = 1;
        for (uint rest = lanes; rest != 0; rest &= rest - 1)
        {
            uint word = (uint)(addresses[BitOperations.TrailingZeroCount(rest)] >> 2);
            for (int w = 0; w < Math.Max(1, bytes >> 2); w++, word++)
            {
                int bank = (int)(word & 31), at = -1;
                if ((used >> bank & 1) != 0)
                {
                    for (at = head[bank]; at >= 0 && words[at] != word; at = next[at])
                    {
                    }
                    isShared |= at >= 0;
                }
                else
                    (head[bank], depth[bank]) = (-1, 0);
                if (at >= 0)
                    continue;
                used |= 1u << bank;
                (words[count], next[count], head[bank]) = (word, head[bank], count);
                count++;
                most = Math.Max(most, ++depth[bank]);
            }
        }
        return most;
    }

    /// <summary>Reads an element and extends it to 64 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong ReadElement(byte* from, int bytes, bool isSigned) => bytes switch
    {
        1 => isSigned ? (ulong)*(sbyte*)from : *from,
        2 => isSigned ? (ulong)*(short*)from : *(ushort*)from,
        4 => isSigned ? (ulong)*(int*)from : *(uint*)from,
        _ => *(ulong*)from,
    };

    /// <summary>Writes the low bytes of a value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteElement(byte* to, int bytes, ulong value)
    {
        switch (bytes)
        {
            case 1:
                *to = (byte)value;
                break;
            case 2:
                *(ushort*)to = (ushort)value;
                break;
            case 4:
                *(uint*)to = (uint)value;
                break;
            default:
                *(ulong*)to = value;
                break;
        }
    }

    /// <summary>Puts the elements of a lane's access into its registers.</summary>
    public static void ToRegisters(Warp warp, Instruction* i, byte* from, int lane)
    {
        bool isSigned = (i->Flags & (int)AccessFlags.Signed) != 0, isWide = (i->Flags & (int)AccessFlags.WideData) != 0;
        if (i->B == 4 && !isWide)
        {
            for (int e = 0; e < i->C; e++)
            {
                if (i->Operands[e] >= 0)
                    warp.Words(i->Operands[e])[lane] = ((uint*)from)[e];
            }
            return;
        }
        for (int e = 0; e < i->C; e++, from += i->B)
        {
            int register = i->Operands[e];
            if (register < 0)
                continue;
            ulong value = ReadElement(from, i->B, isSigned);
            if (isWide)
                warp.Longs(register)[lane] = value;
            else
                warp.Words(register)[lane] = (uint)value;
        }
    }

    /// <summary>Puts one place's elements into the registers of every lane of the mask.</summary>
    public static void Broadcast(Warp warp, Instruction* i, uint mask, byte* from)
    {
        bool isSigned = (i->Flags & (int)AccessFlags.Signed) != 0, isWide = (i->Flags & (int)AccessFlags.WideData) != 0;
        for (int e = 0; e < i->C; e++, from += i->B)
        {
            int register = i->Operands[e];
            if (register < 0)
                continue;
            ulong value = ReadElement(from, i->B, isSigned);
            if (isWide)
            {
                for (int lane = 0; lane < Warp.Lanes; lane += Vector256<ulong>.Count)
                    Lanes.Store(warp.Longs(register) + lane, Vector256.Create(value), mask, lane);
            }
            else
            {
                for (int lane = 0; lane < Warp.Lanes; lane += Vector256<uint>.Count)
                    Lanes.Store(warp.Words(register) + lane, Vector256.Create((uint)value), mask, lane);
            }
        }
    }

    /// <summary>Takes the elements of a lane's access from its registers.</summary>
    public static void FromRegisters(Warp warp, Instruction* i, byte* to, int lane)
    {
        bool isWide = (i->Flags & (int)AccessFlags.WideData) != 0;
        for (int e = 0; e < i->C; e++, to += i->B)
            WriteElement(to, i->B, isWide ? warp.Longs(i->Operands[e])[lane] : warp.Words(i->Operands[e])[lane]);
    }
}
