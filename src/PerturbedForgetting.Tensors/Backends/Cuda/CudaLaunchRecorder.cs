using System.Diagnostics;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>Puts a pair of events around every launch on some streams; they are reused once they were read.</summary>
sealed class CudaLaunchRecorder : LaunchRecorder, ILaunchObserver
{
    // So many launches are read at once; then the host waits for them.
    const int MostPending = 4096;

    readonly (string Name, CudaStream Stream)[] streams;
    readonly CudaContext context;
    readonly CudaEvent zero;
    readonly Stack<CudaEvent> unused = new();
    readonly List<Pending> pending = [];
    readonly List<LaunchRecord> records = [];
    readonly double[] ends;
    LaunchCost next;
    readonly IReadOnlyDictionary<string, LaunchCost>? before;

    /// <summary>Begins with what is put on the streams from now on; the first stream has no work that did not end.</summary>
    public CudaLaunchRecorder((string Name, CudaStream Stream)[] streams)
    {
        this.streams = streams;
        context = streams[0].Stream.Context;
        ends = new double[streams.Length];
        before = context.Api.LaunchTotals?.Invoke();
        zero = context.CreateEvent(CudaEventFlags.Default);
        zero.Record(streams[0].Stream);
        zero.Synchronize();
        Origin = Stopwatch.GetTimestamp();
        foreach (var (_, stream) in streams)
            stream.Observer = this;
    }

    public override IReadOnlyList<string> Streams => Array.ConvertAll(streams, static s => s.Name);

    public override bool IsInterpreted => before is not null || context.Api.IsCounting;

    public override long Origin { get; }

    public void Launching(CudaStream stream, string name)
    {
        if (pending.Count == MostPending)
            Read();
        CudaEvent start = Take(), end = Take();
        start.Record(stream);
        pending.Add(new(name, Array.FindIndex(streams, s => s.Stream == stream), start, end, next, Pass?.Invoke()));
        next = default;
    }

    public void Costs(in LaunchCost cost) => next = cost;

    public void Launched(CudaStream stream, string name) => pending[^1].End.Record(stream);

    public override (IReadOnlyList<LaunchRecord> Launches, IReadOnlyList<ProfileEntry> Entries) Finish()
    {
        foreach (var (_, stream) in streams)
            stream.Synchronize();
        Read();
        var counted = context.Api.LaunchTotals?.Invoke();
        var entries = records.GroupBy(static r => r.Name)
            .Select(g => new ProfileEntry(g.Key, g.Count(), g.Sum(static r => r.Duration), Counted(g.Key)
                ?? g.Aggregate(default(LaunchCost), static (sum, r) => sum + r.Cost)))
            .OrderByDescending(static e => e.Microseconds);
        return (records, [.. entries]);

        LaunchCost? Counted(string name) =>
            counted is not null && counted.TryGetValue(name, out var cost) ? cost - before!.GetValueOrDefault(name) : null;
    }

    CudaEvent Take() => unused.TryPop(out var free) ? free : context.CreateEvent(CudaEventFlags.Default);

    void Read()
    {
        foreach (var launch in pending)
        {
            launch.End.Synchronize();
            double start = 1000 * launch.Start.MillisecondsSince(zero), duration = 1000 * launch.End.MillisecondsSince(launch.Start);
            // Far from the origin the driver's float32 is coarser than a launch is short.
            start = Math.Max(start, ends[launch.Stream]);
            ends[launch.Stream] = start + duration;
            records.Add(new(launch.Name, launch.Stream, start, duration, launch.Cost, launch.Pass));
            unused.Push(launch.Start);
            unused.Push(launch.End);
        }
        pending.Clear();
    }

    public override void Dispose()
    {
        foreach (var (_, stream) in streams)
            if (stream.Observer == this)
                stream.Observer = null;
        foreach (var launch in pending)
        {
            unused.Push(launch.Start);
            unused.Push(launch.End);
        }
        pending.Clear();
        while (unused.TryPop(out var used))
            used.Dispose();
        zero.Dispose();
    }

    readonly record struct Pending(string Name, int Stream, CudaEvent Start, CudaEvent End, LaunchCost Cost, string? Pass);
}
