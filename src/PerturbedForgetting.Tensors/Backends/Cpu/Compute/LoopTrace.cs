using System.Diagnostics;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// What the indices of parallel loops cost, so that the run on more threads than there are processors can be worked out. While
/// <see cref="WorkerPool.Trace"/> is set, loops are cut as for <see cref="WorkerPool.Threads"/> but run on the calling thread.
/// </summary>
sealed class LoopTrace
{
    long end = Stopwatch.GetTimestamp();

    /// <summary>The loops in order: ticks before the loop that belong to none, then those of each index.</summary>
    public List<long[]> Loops { get; } = [];

    /// <summary>Runs a loop and notes it.</summary>
    public unsafe void Run(int count, void* body, delegate*<void*, int, void> run)
    {
        var ticks = new long[count + 1];
        long start = Stopwatch.GetTimestamp();
        ticks[0] = start - end;
        for (int i = 0; i < count; i++)
        {
            run(body, i);
            long now = Stopwatch.GetTimestamp();
            ticks[i + 1] = now - start;
            start = now;
        }
        Loops.Add(ticks);
        end = Stopwatch.GetTimestamp();
    }

    /// <summary>When the last thread is ready, if indices of these costs are handed out to threads of one speed as <see cref="WorkerPool"/>
    /// does.</summary>
    public static double Makespan(ReadOnlySpan<double> costs, int threads)
    {
        using LoopParts parts = new();
        PriorityQueue<int, double> free = new();
        threads = Math.Min(threads, costs.Length);
        parts.Deal(costs.Length, threads);
        for (int thread = 0; thread < threads; thread++)
            free.Enqueue(thread, 0);
        double last = 0;
        while (free.TryDequeue(out int thread, out double time) && parts.Take(thread, out int first, out int end))
        {
            foreach (double cost in costs[first..end])
                time += cost;
            free.Enqueue(thread, time);
            last = Math.Max(last, time);
        }
        return last;
    }
}
