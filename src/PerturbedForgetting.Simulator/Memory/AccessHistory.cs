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
/// orders must not touch the same bytes when one of them writes.</summary>
sealed class AccessHistory(ulong start, long size, IOperationOrder order)
{
    const int Granule = 32;

    readonly long[] written = new long[(size + Granule - 1) / Granule], read = new long[(size + Granule - 1) / Granule];

    // Earlier readers that the last one is not ordered behind; a later writer must wait for them too.
    readonly Dictionary<int, List<long>> otherReaders = [];

    /// <summary>Notes an access; the text of the conflict when there is one.</summary>
    public string? Note(ulong address, long bytes, bool isWrite, long operation)
    {
        int first = (int)((address - start) / Granule), last = (int)((address - start + (ulong)bytes - 1) / Granule);
        for (int g = first; g <= last; g++)
        {
            if (written[g] != operation && written[g] != 0 && !order.IsOrdered(written[g], operation))
                return Conflict(written[g], "writes", isWrite, operation, g);
            bool isBesideReader = read[g] != operation && read[g] != 0 && !order.IsOrdered(read[g], operation);
            if (isWrite && isBesideReader)
                return Conflict(read[g], "reads", isWrite, operation, g);
            if (isWrite && otherReaders.Count > 0 && UnorderedReader(g, operation) is var other and not 0)
                return Conflict(other, "reads", isWrite, operation, g);
            if (isBesideReader)
                Remember(g, read[g]);
            (isWrite ? written : read)[g] = operation;
        }
        return null;
    }

    // Blocks of a launch note their accesses at the same time.
    void Remember(int granule, long reader)
    {
        lock (otherReaders)
        {
            if (!otherReaders.TryGetValue(granule, out List<long>? readers))
                otherReaders.Add(granule, readers = []);
            if (!readers.Contains(reader))
                readers.Add(reader);
        }
    }

    long UnorderedReader(int granule, long operation)
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

    string Conflict(long earlier, string what, bool isWrite, long operation, int granule) =>
        $"{order.Describe(operation)} {(isWrite ? "writes" : "reads")} bytes at 0x{start + ((ulong)granule * Granule):x} that "
        + $"{order.Describe(earlier)} {what}, and nothing orders the two: "
        + "record an event behind the one and let the other's stream wait for it";

    /// <summary>The fault of a conflict.</summary>
    public static DeviceFault Fault(string text) => new(FaultKind.UnorderedStreams, text);
}
