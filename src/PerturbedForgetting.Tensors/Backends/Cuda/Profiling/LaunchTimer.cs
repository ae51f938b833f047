using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Times the launches of one name on a stream by events around each, and adds up what they say that they cost.</summary>
sealed class LaunchTimer(CudaContext context, string name) : ILaunchObserver, IDisposable
{
    readonly List<CudaEvent> events = [];
    LaunchCost next;

    /// <summary>Launches so far.</summary>
    public int Launches => events.Count / 2;

    /// <summary>What they cost at the least, all together.</summary>
    public LaunchCost Cost { get; private set; }

    public void Costs(in LaunchCost cost) => next = cost;

    public void Launching(CudaStream stream, string launched)
    {
        if (launched == name)
            Cost += next;
        next = default;
        Mark(stream, launched);
    }

    public void Launched(CudaStream stream, string launched) => Mark(stream, launched);

    /// <summary>Milliseconds of a launch, median; waits for the last one.</summary>
    /// <exception cref="InvalidOperationException">Nothing of that name was launched.</exception>
    public double Median()
    {
        if (events.Count == 0)
            throw new InvalidOperationException($"The workload of '{name}' does not launch it.");
        events[^1].Synchronize();
        double[] times = [.. events.Chunk(2).Select(pair => pair[1].MillisecondsSince(pair[0])).Order()];
        return (times[times.Length / 2] + times[(times.Length - 1) / 2]) / 2;
    }

    void Mark(CudaStream stream, string launched)
    {
        if (launched != name)
            return;
        CudaEvent mark = context.CreateEvent(CudaEventFlags.Default);
        events.Add(mark);
        mark.Record(stream);
    }

    public void Dispose()
    {
        foreach (CudaEvent mark in events)
            mark.Dispose();
    }
}
