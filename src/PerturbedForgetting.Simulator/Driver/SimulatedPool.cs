using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>The pool of a context: memory that exists between two points of a stream. What it keeps for later is only counted.</summary>
sealed class SimulatedPool(SimulatedContext context)
{
    readonly HashSet<ulong> live = [];

    public ulong ReleaseThreshold { get; set; }

    public ulong Used { get; private set; }

    public ulong UsedHigh { get; set; }

    public ulong Reserved { get; private set; }

    public ulong ReservedHigh { get; set; }

    /// <summary>The address is known at once; what happens on another stream must be ordered behind this point.</summary>
    public ulong Allocate(SimulatedStream stream, nuint bytes)
    {
        Allocation allocation = context.Allocate(bytes);
        live.Add(allocation.Start);
        Count((ulong)allocation.Size, isMore: true);
        stream.Enqueue($"allocation of {bytes} bytes", operation => Touch(allocation, operation), "allocation");
        return allocation.Start;
    }

    /// <summary>Frees at this point of the stream.</summary>
    public void Free(SimulatedStream stream, ulong address)
    {
        if (!live.Contains(address) || context.Memory.Find(address) is not { } allocation)
            throw SimulatedError.InvalidValue($"0x{address:x} was not allocated from a pool, or is freed already");
        // A graph is launched again and again, so its memory lives as long as the context.
        if (stream.Capture is null)
            live.Remove(address);
        bool isCaptured = stream.Capture is not null;
        stream.Enqueue($"freeing of {allocation.Size} bytes", operation =>
        {
            Touch(allocation, operation);
            if (isCaptured)
                return;
            Count((ulong)allocation.Size, isMore: false);
            context.Memory.Free(address);
        }, "freeing");
    }

    /// <summary>Frees at once, after all work.</summary>
    public void Forget(ulong address, long bytes)
    {
        if (live.Remove(address))
            Count((ulong)bytes, isMore: false);
    }

    /// <summary>Keeps no more than so many bytes beyond those in use.</summary>
    public void TrimTo(ulong bytes) => Reserved = Math.Max(Used, Math.Min(Reserved, bytes));

    void Touch(Allocation allocation, Operation operation)
    {
        if (allocation.History?.Note(allocation.Start, allocation.Size, isWrite: true, operation.Id) is { } conflict)
            throw AccessHistory.Fault(conflict);
    }

    void Count(ulong bytes, bool isMore)
    {
        Used = isMore ? Used + bytes : Used - bytes;
        Reserved = Math.Max(Reserved, Used);
        UsedHigh = Math.Max(UsedHigh, Used);
        ReservedHigh = Math.Max(ReservedHigh, Reserved);
    }
}
