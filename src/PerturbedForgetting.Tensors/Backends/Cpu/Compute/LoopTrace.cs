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
        PriorityQueue<double, double> free = new();
        for (int i = 0; i < Math.Min(threads, costs.Length); i++)
            free.Enqueue(0, 0);
        double last = 0;
        for (int first = 0, shares = WorkerPool.Shares(free.Count); first < costs.Length;)
        {
            double time = free.Dequeue();
            int end = WorkerPool.EndOfShare(first, costs.Length, shares);
            for (; first < end; first++)
                time += costs[first];
            free.Enqueue(time, time);
            last = Math.Max(last, time);
        }
        return last;
    }
}
