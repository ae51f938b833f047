using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Times the launches of one name on a stream by events around each.</summary>
sealed class LaunchTimer(CudaContext context, string name) : ILaunchObserver, IDisposable
{
    readonly List<CudaEvent> events = [];

    public void Launching(CudaStream stream, string launched) => Mark(stream, launched);

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
