using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>The work of one index of a parallel loop.</summary>
interface IParallelBody
{
    void Run(int index);
}

/// <summary>
/// Parallel loops over a fixed set of threads, with no allocation per loop. The calling thread takes part.
/// A loop started inside a loop, or while another thread's loop has the workers, runs on its own thread alone.
/// Indices are handed out one at a time in rising order, so give each enough work (10 microseconds or more).
/// </summary>
static unsafe class WorkerPool
{
    const int Closed = 1 << 30;

    // Bridges the gap between two operations of a step, then the thread sleeps.
    static readonly long idleTicks = Stopwatch.Frequency / 20_000;
    const int SpinLength = 8;

    static readonly object owner = new();
    static readonly object sleep = new();
    static readonly ManualResetEventSlim drained = new(false, 200);

    static int threads = Environment.ProcessorCount;
    static int workers;
    static int sleeping;

    // The loop in progress. state is Closed, or the number of workers inside it; the other fields may be read
    // only by a thread that has entered, and change only when none is inside.
    static int state = Closed;
    static int limit;
    static int count;
    static int next;
    static void* body;
    static delegate*<void*, int, void> run;
    static Exception? failure;

    [ThreadStatic]
    static bool t_inside;

    /// <summary>Threads a loop may use, the caller's included; at first one a logical processor.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public static int Threads
    {
        get => threads;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            threads = value;
        }
    }

    /// <summary>
    /// Runs <paramref name="body"/> for 0 to <paramref name="count"/> - 1, in any order, and returns when all are done.
    /// The first exception of a body is thrown here; indices not yet begun are then left out.
    /// </summary>
    public static void For<TBody>(int count, ref TBody body)
        where TBody : struct, IParallelBody
    {
        if (count <= 1 || threads == 1 || t_inside || !Monitor.TryEnter(owner))
        {
            for (int i = 0; i < count; i++)
                body.Run(i);
            return;
        }
        t_inside = true;
        // On this frame the body cannot move while workers hold its address.
        TBody local = body;
        try
        {
            Share(count, Unsafe.AsPointer(ref local), &Invoke<TBody>);
        }
        finally
        {
            body = local;
            t_inside = false;
            Monitor.Exit(owner);
        }
    }

    static void Invoke<TBody>(void* body, int index)
        where TBody : struct, IParallelBody => Unsafe.AsRef<TBody>(body).Run(index);

    static void Share(int count, void* body, delegate*<void*, int, void> run)
    {
        int helpers = Math.Min(threads, count) - 1;
        StartWorkers(helpers);
        limit = helpers;
        WorkerPool.count = count;
        next = 0;
        WorkerPool.body = body;
        WorkerPool.run = run;
        WorkerPool.failure = null;
        drained.Reset();
        Interlocked.Exchange(ref state, 0);
        if (Volatile.Read(ref sleeping) > 0)
            Wake(helpers);

        RunIndices();

        // Workers that have not come by now need not: only those inside are waited for.
        if (Interlocked.Or(ref state, Closed) != 0)
            drained.Wait();
        WorkerPool.body = null;
        if (WorkerPool.failure is { } failure)
        {
            WorkerPool.failure = null;
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    static void RunIndices()
    {
        try
        {
            for (int i = Interlocked.Increment(ref next) - 1; i < WorkerPool.count; i = Interlocked.Increment(ref next) - 1)
                WorkerPool.run(WorkerPool.body, i);
        }
        catch (Exception failure)
        {
            Interlocked.CompareExchange(ref WorkerPool.failure, failure, null);
            // Far enough below the limit that the increments of other threads cannot wrap around.
            Interlocked.Exchange(ref next, int.MaxValue / 2);
        }
    }

    static void StartWorkers(int helpers)
    {
        for (; workers < helpers; workers++)
        {
            var thread = new Thread(Work) { IsBackground = true, Name = $"compute {workers + 1}" };
            thread.Start();
        }
    }

    static void Wake(int helpers)
    {
        lock (sleep)
        {
            for (int i = Math.Min(helpers, sleeping); i > 0; i--)
                Monitor.Pulse(sleep);
        }
    }

    static void Work()
    {
        t_inside = true;
        while (true)
        {
            WaitForLoop();
            if (!TryEnter())
                continue;
            RunIndices();
            if (Interlocked.Decrement(ref WorkerPool.state) == Closed)
                drained.Set();
        }
    }

    static bool TryEnter()
    {
        int state = Volatile.Read(ref WorkerPool.state);
        while (state < Volatile.Read(ref limit))
        {
            int seen = Interlocked.CompareExchange(ref WorkerPool.state, state + 1, state);
            if (seen == state)
                return true;
            state = seen;
        }
        return false;
    }

    static bool HasWork =>
        Volatile.Read(ref WorkerPool.state) < Volatile.Read(ref limit) && Volatile.Read(ref next) < Volatile.Read(ref WorkerPool.count);

    static void WaitForLoop()
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetTimestamp() - start < idleTicks)
        {
            if (HasWork)
                return;
            Thread.SpinWait(SpinLength);
        }
        lock (sleep)
        {
            Interlocked.Increment(ref sleeping);
            while (!HasWork)
                Monitor.Wait(sleep);
            Interlocked.Decrement(ref sleeping);
        }
    }
}
