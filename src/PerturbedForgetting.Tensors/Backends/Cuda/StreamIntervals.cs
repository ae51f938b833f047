using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>Adds up the time that parts of a stream's work take, and what they move. The host does not wait for it; of a part that a graph
/// holds the last launch is measured and counts for all since the reading before.</summary>
sealed class StreamIntervals(CudaContext context) : IDisposable
{
    // So many are under way at most; then the host waits for the older half.
    const int MostPending = 256;

    readonly Stack<CudaEvent> unused = new();
    readonly Queue<Interval> pending = new();
    readonly List<(Interval Interval, GraphLaunches Launches, long Read)> recorded = [];
    double milliseconds;
    long bytes;

    readonly record struct Interval(CudaEvent Start, CudaEvent End, long Bytes)
    {
        public double Milliseconds => End.MillisecondsSince(Start);
    }

    /// <summary>A part begins here.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="recording">The graph that is being recorded; null while none is.</param>
    public CudaEvent Begin(CudaStream stream, GraphLaunches? recording)
    {
        if (pending.Count == MostPending && recording is null)
            Read(MostPending / 2);
        return Mark(stream, recording);
    }

    /// <summary>A part ends here.</summary>
    /// <param name="start">What its beginning returned.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="recording">The graph that is being recorded; null while none is.</param>
    /// <param name="moved">Bytes that it moved.</param>
    public void End(CudaEvent start, CudaStream stream, GraphLaunches? recording, long moved)
    {
        Interval interval = new(start, Mark(stream, recording), moved);
        if (recording is null)
            pending.Enqueue(interval);
        else
            recorded.Add((interval, recording, 0));
    }

    /// <summary>The sum so far, where all work is done.</summary>
    public (TimeSpan Time, long Bytes) Total
    {
        get
        {
            Read(pending.Count);
            for (int i = 0; i < recorded.Count; i++)
            {
                (Interval interval, GraphLaunches launches, long read) = recorded[i];
                long fresh = launches.Count - read;
                if (fresh == 0)
                    continue;
                milliseconds += fresh * interval.Milliseconds;
                bytes += fresh * interval.Bytes;
                recorded[i] = (interval, launches, launches.Count);
            }
            return (TimeSpan.FromMilliseconds(milliseconds), bytes);
        }
    }

    CudaEvent Mark(CudaStream stream, GraphLaunches? recording)
    {
        CudaEvent mark = unused.TryPop(out CudaEvent? free) ? free : context.CreateEvent(CudaEventFlags.Default);
        if (recording is null)
            mark.Record(stream);
        else
            mark.RecordInGraph(stream);
        return mark;
    }

    void Read(int count)
    {
        for (; count > 0; count--)
        {
            Interval oldest = pending.Dequeue();
            oldest.End.Synchronize();
            milliseconds += oldest.Milliseconds;
            bytes += oldest.Bytes;
            unused.Push(oldest.Start);
            unused.Push(oldest.End);
        }
    }

    public void Dispose()
    {
        foreach (Interval interval in pending.Concat(recorded.Select(static r => r.Interval)))
        {
            interval.Start.Dispose();
            interval.End.Dispose();
        }
        foreach (CudaEvent mark in unused)
            mark.Dispose();
    }
}
