using System.Runtime.CompilerServices;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>
/// Pinned memory that a copy uses while the host goes on. From the call that puts the copy on a stream until the host knows that the copy
/// has run, it must neither change nor free the memory: what stands there is remembered and compared. A graph's copy is put on a stream by
/// each launch of the graph.
/// </summary>
/// <param name="context">The context.</param>
/// <param name="address">First byte.</param>
/// <param name="bytes">Number of bytes.</param>
/// <param name="isWrite">The copy writes the memory.</param>
sealed unsafe class HostUse(SimulatedContext context, nint address, nuint bytes, bool isWrite)
{
    readonly Queue<ulong> remembered = new();

    // Copies that ran before the host waited for them, as they may in a drawn order.
    readonly Queue<(Operation Operation, ulong Hash)> done = new();

    /// <summary>Pinned memory that a copy will use; null when it is not pinned.</summary>
    public static HostUse? Of(SimulatedContext context, void* pointer, nuint bytes, bool isWrite) =>
        context.Pinned.Contains(pointer, bytes) ? new HostUse(context, (nint)pointer, bytes, isWrite) : null;

    /// <summary>The copy is put on a stream.</summary>
    public void Begin()
    {
        if (!context.Pinned.Contains((void*)address, bytes))
            throw new DeviceFault(FaultKind.HostRace, $"a graph copies {Place}, which the host has freed: destroy the graph first");
        context.Pinned.Uses.Add(this);
        remembered.Enqueue(Hash());
    }

    /// <summary>The copy is about to run.</summary>
    public void Check(Operation operation)
    {
        string what = operation.Lane.Describe(Operation.SequenceOf(operation.Id));
        if (remembered.Dequeue() != Hash())
            throw Changed(what);
        if (context.Pinned.HistoryOf(context, address) is { } history
            && history.Note((ulong)address, (long)bytes, isWrite, operation.Id) is { } conflict)
            throw AccessHistory.Fault($"of pinned memory: {conflict}");
    }

    /// <summary>The copy has run.</summary>
    public void End(Operation operation)
    {
        for (int u = 0; isWrite && u < context.Pinned.Uses.Count; u++)
            context.Pinned.Uses[u].Renew((nuint)address, bytes);
        if (context.Scheduler.IsShuffled)
            done.Enqueue((operation, Hash()));
        else
            context.Pinned.Uses.Remove(this);
    }

    /// <summary>The host has waited for something.</summary>
    public void Acknowledge(long[] clock)
    {
        while (done.TryPeek(out (Operation Operation, ulong Hash) copy) && VectorClock.Covers(clock, copy.Operation.Id))
        {
            if (copy.Hash != Hash())
                throw Changed(copy.Operation.Lane.Describe(Operation.SequenceOf(copy.Operation.Id)));
            done.Dequeue();
            context.Pinned.Uses.Remove(this);
        }
    }

    DeviceFault Changed(string what) => new(FaultKind.HostRace, $"{what}: the host changed {Place} while the copy "
        + $"{(isWrite ? "was to write" : "read")} it: record an event behind the copy and wait for it first, or take turns with another "
        + "buffer");

    /// <summary>A copy has written memory: what is in common stands there now.</summary>
    void Renew(nuint start, nuint size)
    {
        if ((nuint)address >= start + size || start >= (nuint)address + bytes)
            return;
        ulong hash = Hash();
        for (int left = remembered.Count; left > 0; left--)
        {
            remembered.Dequeue();
            remembered.Enqueue(hash);
        }
        for (int left = done.Count; left > 0; left--)
            done.Enqueue((done.Dequeue().Operation, hash));
    }

    /// <summary>Whether it begins in a piece of memory.</summary>
    public bool IsIn(nuint start, nuint size) => (nuint)address >= start && (nuint)address - start < size;

    /// <summary>The memory in words.</summary>
    public string Place => $"{bytes} bytes of pinned memory at 0x{address:x}";

    // Every bit of the memory changes it; it need not withstand an attack.
    ulong Hash()
    {
        ulong a = 0x9E3779B97F4A7C15, b = ~a;
        byte* from = (byte*)address;
        nuint at = 0;
        for (; at + 16 <= bytes; at += 16)
        {
            a = ulong.RotateLeft((a ^ Unsafe.ReadUnaligned<ulong>(from + at)) * 0xD6E8FEB86659FD93, 29);
            b = ulong.RotateLeft((b ^ Unsafe.ReadUnaligned<ulong>(from + at + 8)) * 0xD6E8FEB86659FD93, 31);
        }
        for (; at < bytes; at++)
            a = ulong.RotateLeft((a ^ from[at]) * 0xD6E8FEB86659FD93, 29);
        return a ^ ulong.RotateLeft(b, 17);
    }
}
