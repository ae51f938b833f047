using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>The work of one index of a parallel loop.</summary>
internal interface IParallelBody
{
    void Run(int index);
}

/// <summary>
/// Parallel loops over a fixed set of threads, with no allocation per loop. The calling thread takes part.
/// A loop started inside a loop, or while another thread's loop has the workers, runs on its own thread alone.
/// Indices are handed out one at a time in rising order, so give each enough work (10 microseconds or more).
/// </summary>
internal static unsafe class WorkerPool
{
    private const int Closed = 1 << 30;

    // Bridges the gap between two operations of a step, then the thread sleeps.
    private static readonly long s_idleTicks = Stopwatch.Frequency / 20_000;
    private const int SpinLength = 8;

    private static readonly object s_owner = new();
    private static readonly object s_sleep = new();
    private static readonly ManualResetEventSlim s_drained = new(false, 200);

    private static int s_threads = Environment.ProcessorCount;
    private static int s_workers;
    private static int s_sleeping;

    // The loop in progress. s_state is Closed, or the number of workers inside it; the other fields may be read
    // only by a thread that has entered, and change only when none is inside.
    private static int s_state = Closed;
    private static int s_limit;
    private static int s_count;
    private static int s_next;
    private static void* s_body;
    private static delegate*<void*, int, void> s_run;
    private static Exception? s_failure;

    [ThreadStatic]
    private static bool t_inside;

    /// <summary>Threads a loop may use, the caller's included; at first one a logical processor.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public static int Threads
    {
        get => s_threads;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            s_threads = value;
        }
    }

    /// <summary>
    /// Runs <paramref name="body"/> for 0 to <paramref name="count"/> - 1, in any order, and returns when all are done.
    /// The first exception of a body is thrown here; indices not yet begun are then left out.
    /// </summary>
    public static void For<TBody>(int count, ref TBody body)
        where TBody : struct, IParallelBody
    {
        if (count <= 1 || s_threads == 1 || t_inside || !Monitor.TryEnter(s_owner))
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
            Monitor.Exit(s_owner);
        }
    }

    private static void Invoke<TBody>(void* body, int index)
        where TBody : struct, IParallelBody => Unsafe.AsRef<TBody>(body).Run(index);

    private static void Share(int count, void* body, delegate*<void*, int, void> run)
    {
        int helpers = Math.Min(s_threads, count) - 1;
        StartWorkers(helpers);
        s_limit = helpers;
        s_count = count;
        s_next = 0;
        s_body = body;
        s_run = run;
        s_failure = null;
        s_drained.Reset();
        Interlocked.Exchange(ref s_state, 0);
        if (Volatile.Read(ref s_sleeping) > 0)
            Wake(helpers);

        RunIndices();

        // Workers that have not come by now need not: only those inside are waited for.
        if (Interlocked.Or(ref s_state, Closed) != 0)
            s_drained.Wait();
        s_body = null;
        if (s_failure is { } failure)
        {
            s_failure = null;
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    private static void RunIndices()
    {
        try
        {
            for (int i = Interlocked.Increment(ref s_next) - 1; i < s_count; i = Interlocked.Increment(ref s_next) - 1)
                s_run(s_body, i);
        }
        catch (Exception failure)
        {
            Interlocked.CompareExchange(ref s_failure, failure, null);
            // Far enough below the limit that the increments of other threads cannot wrap around.
            Interlocked.Exchange(ref s_next, int.MaxValue / 2);
        }
    }

    private static void StartWorkers(int helpers)
    {
        for (; s_workers < helpers; s_workers++)
        {
            var thread = new Thread(Work) { IsBackground = true, Name = $"compute {s_workers + 1}" };
            thread.Start();
        }
    }

    private static void Wake(int helpers)
    {
        lock (s_sleep)
        {
            for (int i = Math.Min(helpers, s_sleeping); i > 0; i--)
                Monitor.Pulse(s_sleep);
        }
    }

    private static void Work()
    {
        t_inside = true;
        while (true)
        {
            WaitForLoop();
            if (!TryEnter())
                continue;
            RunIndices();
            if (Interlocked.Decrement(ref s_state) == Closed)
                s_drained.Set();
        }
    }

    private static bool TryEnter()
    {
        int state = Volatile.Read(ref s_state);
        while (state < Volatile.Read(ref s_limit))
        {
            int seen = Interlocked.CompareExchange(ref s_state, state + 1, state);
            if (seen == state)
                return true;
            state = seen;
        }
        return false;
    }

    private static bool HasWork =>
        Volatile.Read(ref s_state) < Volatile.Read(ref s_limit) && Volatile.Read(ref s_next) < Volatile.Read(ref s_count);

    private static void WaitForLoop()
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetTimestamp() - start < s_idleTicks)
        {
            if (HasWork)
                return;
            Thread.SpinWait(SpinLength);
        }
        lock (s_sleep)
        {
            Interlocked.Increment(ref s_sleeping);
            while (!HasWork)
                Monitor.Wait(s_sleep);
            Interlocked.Decrement(ref s_sleeping);
        }
    }
}
