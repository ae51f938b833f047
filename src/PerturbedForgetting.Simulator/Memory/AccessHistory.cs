using System.Runtime.CompilerServices;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Simulator.Memory;

/// <summary>Says whether one operation of a stream is known to be finished before another begins.</summary>
interface IOperationOrder
{
    /// <summary>True when <paramref name="earlier"/> is finished before <paramref name="later"/> begins.</summary>
    bool IsOrdered(long earlier, long later);

    /// <summary>An operation in words: kernel or copy, and its stream.</summary>
    string Describe(long operation);
}

/// <summary>Which operation last wrote and read each 32 bytes of an allocation. Two operations of different streams that no event
/// orders must not touch the same bytes when one of them writes. Only the parts of an allocation that were touched are kept.</summary>
sealed class AccessHistory(ulong start, long size, IOperationOrder order)
{
    const int Granule = 32, PageShift = 8, PageGranules = 1 << PageShift;

    // For each granule who wrote it and who read it.
    readonly long[]?[] pages = new long[]?[(((size + Granule - 1) / Granule) + PageGranules - 1) / PageGranules];

    // Earlier readers that the last one is not ordered behind; a later writer must wait for them too.
    readonly Dictionary<long, List<long>> otherReaders = [];

    // Who wrote all of it since; of granules without a page it is the last one.
    long wholeWriter;

    /// <summary>Notes an access; the text of the conflict when there is one.</summary>
    public string? Note(ulong address, long bytes, bool isWrite, long operation)
    {
        // Copies and fills; an access of a warp is far smaller than a page.
        if (isWrite && bytes == size && bytes > Granule * PageGranules)
            return NoteWhole(operation);
        long first = (long)((address - start) / Granule), last = (long)((address - start + (ulong)bytes - 1) / Granule);
        for (long g = first; g <= last; g++)
        {
            long[] page = pages[g >> PageShift] ?? NewPage(g >> PageShift);
            int at = (int)(g & (PageGranules - 1)) << 1;
            if (Conflict(page[at], page[at + 1], isWrite, operation, g) is { } conflict)
                return conflict;
            page[isWrite ? at : at + 1] = operation;
        }
        return null;
    }

    /// <summary>A write of all of it: what was before is in order, or the first conflict is told.</summary>
    string? NoteWhole(long operation)
    {
        if (Conflict(wholeWriter, 0, isWrite: true, operation, 0) is { } early)
            return early;
        for (long p = 0; p < pages.Length; p++)
        {
            for (int at = 0; pages[p] is { } page && at < page.Length; at += 2)
            {
                if (Conflict(page[at], page[at + 1], isWrite: true, operation, (p << PageShift) + (at >> 1)) is { } conflict)
                    return conflict;
            }
            pages[p] = null;
        }
        wholeWriter = operation;
        return null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    string? Conflict(long writer, long reader, bool isWrite, long operation, long granule)
    {
        if (writer != operation && writer != 0 && !order.IsOrdered(writer, operation))
            return Conflict(writer, "writes", isWrite, operation, granule);
        bool isBesideReader = reader != operation && reader != 0 && !order.IsOrdered(reader, operation);
        if (isWrite && isBesideReader)
            return Conflict(reader, "reads", isWrite, operation, granule);
        if (isWrite && otherReaders.Count > 0 && UnorderedReader(granule, operation) is var other and not 0)
            return Conflict(other, "reads", isWrite, operation, granule);
        if (isBesideReader)
            Remember(granule, reader);
        return null;
    }

    // Blocks of a launch come here at the same time: the first one's page stays.
    long[] NewPage(long index)
    {
        long[] made = new long[2 * PageGranules];
        for (int at = 0; at < made.Length; at += 2)
            made[at] = wholeWriter;
        return Interlocked.CompareExchange(ref pages[index], made, null) ?? made;
    }

    // Blocks of a launch note their accesses at the same time.
    void Remember(long granule, long reader)
    {
        lock (otherReaders)
        {
            if (!otherReaders.TryGetValue(granule, out List<long>? readers))
                otherReaders.Add(granule, readers = []);
            if (!readers.Contains(reader))
                readers.Add(reader);
        }
    }

    long UnorderedReader(long granule, long operation)
    {
        lock (otherReaders)
        {
            if (!otherReaders.TryGetValue(granule, out List<long>? readers))
                return 0;
            long unordered = readers.Find(reader => !order.IsOrdered(reader, operation));
            if (unordered == 0)
                otherReaders.Remove(granule);
            return unordered;
        }
    }

    string Conflict(long earlier, string what, bool isWrite, long operation, long granule) =>
        $"{order.Describe(operation)} {(isWrite ? "writes" : "reads")} bytes at 0x{start + ((ulong)granule * Granule):x} that "
        + $"{order.Describe(earlier)} {what}, and nothing orders the two: "
        + "record an event behind the one and let the other's stream wait for it";

    /// <summary>The fault of a conflict.</summary>
    public static DeviceFault Fault(string text) => new(FaultKind.UnorderedStreams, text);
}
