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
    /// <summary>The access, or the atomic operation, orders what comes behind it.</summary>
    Acquire = 8,
    /// <summary>Orders what came before it.</summary>
    Release = 16,
    /// <summary>Orders within the block only (.cta).</summary>
    BlockScope = 32,
    /// <summary>A load or store that others may make at the same time (.volatile, .relaxed, .acquire, .release).</summary>
    Strong = 64,
    /// <summary>Reads what no thread of the launch writes (.nc).</summary>
    ReadOnly = 128,
    /// <summary>An atomic sum of floating-point numbers.</summary>
    Sum = 256,
    /// <summary>A store whose place is that at which its thread arrived (<see cref="ArrivalPlaces"/>).</summary>
    ByArrival = 512,
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

    /// <summary>Refuses to read bytes that were never written. The lane's access must lie in the allocation.</summary>
    public static void RequireWritten(Warp warp, Instruction* i, Allocation allocation, ulong address, int bytes, int lane)
    {
        long unwritten = allocation.FirstUnwritten(address, bytes);
        if (unwritten >= 0)
            throw warp.Fault(i, FaultKind.Uninitialized,
                $"{Verb(i)} of the byte at 0x{address + (ulong)unwritten:x}, which was never written, in {allocation}", lane);
    }

    /// <summary>Notes a load or store of a lane for the order of streams, and for that of threads. The lane has
    /// <see cref="AccessPattern.Several"/> beside it where all lanes store one value at one address.</summary>
    public static void Note(Warp warp, Instruction* i, Allocation allocation, ulong address, int bytes, bool isWrite, int lane)
    {
        NoteStream(warp, i, allocation, address, bytes, isWrite, lane);
        GlobalWatch watch = warp.Worker.Watch;
        var flags = (AccessFlags)i->Flags;
        if ((isWrite ? watch.Write(allocation, address, bytes, warp.Index, lane, flags)
            : watch.Read(allocation, address, bytes, warp.Index, lane, flags)) is { } problem)
            throw Problem(warp, i, allocation, address, bytes, problem, lane & (Warp.Lanes - 1));
    }

    /// <summary>Notes an access for the order of streams.</summary>
    public static void NoteStream(Warp warp, Instruction* i, Allocation allocation, ulong address, int bytes, bool isWrite, int lane)
    {
        if (allocation.History is { } history && history.Note(address, bytes, isWrite, warp.Worker.Operation) is { } conflict)
            throw warp.Fault(i, FaultKind.UnorderedStreams, conflict, lane & (Warp.Lanes - 1));
    }

    /// <summary>The fault of threads that nothing orders.</summary>
    public static DeviceFault Problem(Warp warp, Instruction* i, Allocation allocation, ulong address, int bytes, in GlobalProblem problem,
        int lane) =>
        warp.Fault(i, problem.Kind, $"{Verb(i)} of {bytes} bytes at 0x{address:x} in {allocation}, {problem.Text}", lane);

    /// <summary>Counts one request to shared memory and its bank conflicts.</summary>
    public static AccessPattern* CountBanks(Warp warp, Instruction* i, ulong* addresses, uint mask, int bytes, int slot = 0)
    {
        AccessPattern* pattern = warp.Worker.Pattern(i, addresses, mask, bytes, slot);
        warp.Worker.Counters.SharedRequests++;
        warp.Worker.Counters.BankConflicts += pattern->Conflicts;
        return pattern;
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
