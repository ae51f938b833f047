using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>
/// A call of a library as one operation of a stream, also of one that is captured: when it runs, the memory it touches is checked like a
/// kernel's (bounds, bytes never written, results that overlap, streams that nothing orders), and it counts as one launch under its name
/// with the least bytes it could move. Whatever the real library refuses is to be refused before, when the call is made.
/// </summary>
/// <param name="name">What profiles call it: "cublas sgemm".</param>
/// <param name="floatingPointOperations">Multiplications and additions.</param>
sealed class LibraryKernel(string name, long floatingPointOperations)
{
    readonly List<MemoryRegion> reads = [], writes = [], updates = [], scratch = [];

    /// <summary>Memory that it reads; all of it must have been written.</summary>
    public LibraryKernel Reads(MemoryRegion region) => With(reads, region);

    /// <summary>Memory that it writes, and that overlaps nothing else of the call.</summary>
    public LibraryKernel Writes(MemoryRegion region) => With(writes, region);

    /// <summary>Memory that it reads and writes in place.</summary>
    public LibraryKernel Updates(MemoryRegion region) => With(updates, region).Writes(region);

    /// <summary>Memory that it may use for itself: its content is lost, and no other stream may touch it meanwhile.</summary>
    public LibraryKernel Uses(MemoryRegion workspace) => With(scratch, workspace);

    /// <summary>Puts it on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="work">What it does, given the number of threads of the host that it may use. A graph runs it many times.</param>
    public void Enqueue(SimulatedStream stream, Action<int> work)
    {
        SimulatedContext context = stream.Context;
        stream.Enqueue(name, operation =>
        {
            if (context.Device.Options.Executes)
                Run(context, operation, work);
            context.Device.Driver.CountersOf(name).AddLibraryCall(reads.Concat(updates).Sum(r => r.Bytes), writes.Sum(r => r.Bytes),
                floatingPointOperations);
        });
    }

    void Run(SimulatedContext context, Operation operation, Action<int> work)
    {
        foreach (MemoryRegion region in reads.Concat(updates))
            region.CheckRead(context, operation);
        foreach (MemoryRegion region in writes)
            region.CheckWrite(context, operation);
        foreach (MemoryRegion region in scratch)
            region.CheckWrite(context, operation);
        RefuseOverlap(operation);
        work(context.Device.Options.Workers);
        foreach (MemoryRegion region in writes)
            region.MarkWritten(context);
    }

    // Libraries read and write in an order of their own.
    void RefuseOverlap(Operation operation)
    {
        for (int i = 0; i < writes.Count; i++)
        {
            MemoryRegion written = writes[i];
            foreach (MemoryRegion other in reads.Concat(writes.Skip(i + 1)).Concat(scratch))
            {
                if (written.Overlaps(other))
                    throw new DeviceFault(FaultKind.WriteConflict,
                        $"{written.What} of {operation.Name} on {operation.Lane.Name} overlaps {other.What}: the result is undefined");
            }
        }
    }

    /// <summary>Spreads parts of the work over threads of the host.</summary>
    public static void Spread(int workers, int count, Action<int> part)
    {
        if (workers == 1 || count == 1)
        {
            for (int i = 0; i < count; i++)
                part(i);
        }
        else
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = workers }, part);
    }

    LibraryKernel With(List<MemoryRegion> list, MemoryRegion region)
    {
        if (region.Bytes > 0)
            list.Add(region);
        return this;
    }
}
