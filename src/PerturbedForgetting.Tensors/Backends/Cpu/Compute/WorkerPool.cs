using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>The work of one index of a parallel loop.</summary>
interface IParallelBody
{
    void Run(int index);
}

/// <summary>
/// Parallel loops over a fixed set of threads, with no allocation a loop. The calling thread takes part.
/// A loop started inside a loop, or while another thread's loop has the workers, runs on its own thread alone.
/// Indices are handed out while the loop runs (<see cref="LoopParts"/>), so that a slow processor takes fewer of them;
/// give each enough work (10 microseconds or more).
/// </summary>
static unsafe class WorkerPool
{
    const int Closed = 1 << 30;

    // Bridges the gap between two operations of a step, then the thread sleeps.
    static readonly long idleTicks = Stopwatch.Frequency / 20_000;
    const int SpinLength = 8, SpinsPerYield = 16;

    static readonly object owner = new();
    static readonly ManualResetEventSlim drained = new(false, 200);

    static int threads = Environment.ProcessorCount;
    static int workers;

    // The loop in progress: read only by a thread that has entered, and changed only when none is inside.
    static readonly LoopParts parts = new();
    static int limit;
    static void* body;
    static delegate*<void*, int, void> run;
    static Exception? failure;

    static Counters counters = new() { State = Closed };

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

    /// <summary>Notes what loops cost instead of sharing them out; null but in measurements.</summary>
    public static LoopTrace? Trace { get; set; }

    /// <summary>Threads started so far, callers not included.</summary>
    public static int Workers => workers;

    /// <summary>
    /// Runs <paramref name="body"/> for 0 to <paramref name="count"/> - 1, in any order, and returns when all are done.
    /// The first exception of a body is thrown here; indices that no thread has taken by then are left out.
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
            if (Trace is { } trace)
                trace.Run(count, Unsafe.AsPointer(ref local), &Invoke<TBody>);
            else
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
        parts.Deal(count, helpers + 1);
        WorkerPool.body = body;
        WorkerPool.run = run;
        WorkerPool.failure = null;
        Volatile.Write(ref counters.AllTaken, false);
        // Those who spin come by themselves.
        counters.Wanted = helpers - Volatile.Read(ref counters.Spinning);
        drained.Reset();
        Interlocked.Exchange(ref counters.State, 0);

        WakeSome();
        RunIndices(0);

        // Workers that have not come by now need not: only those inside are waited for.
        if (Interlocked.Or(ref counters.State, Closed) != 0)
            drained.Wait();
        WorkerPool.body = null;
        if (WorkerPool.failure is { } failure)
        {
            WorkerPool.failure = null;
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    static void RunIndices(int thread)
    {
        try
        {
            while (parts.Take(thread, out int index, out int end))
            {
                for (; index < end; index++)
                    run(body, index);
            }
        }
        catch (Exception failure)
        {
            Interlocked.CompareExchange(ref WorkerPool.failure, failure, null);
            parts.Clear();
        }
        Volatile.Write(ref counters.AllTaken, true);
    }

    static void StartWorkers(int helpers)
    {
        while (workers < helpers)
        {
            int number = ++workers;
            new Thread(() => Work(number)) { IsBackground = true, Name = $"compute {number}" }.Start();
        }
    }

    /// <summary>Wakes two workers, if so many are wanted and sleep. Each that comes does the same, so that all are awake after a few
    /// rounds.</summary>
    static void WakeSome()
    {
        for (int i = 0; i < 2 && SleepingWorker.Count > 0 && HasWork && Interlocked.Decrement(ref counters.Wanted) >= 0; i++)
            SleepingWorker.WakeOne();
    }

    static void Work(int number)
    {
        t_inside = true;
        var sleeping = new SleepingWorker();
        while (true)
        {
            if (!SpinForLoop())
                sleeping.Sleep();
            if (!TryEnter())
                continue;
            WakeSome();
            RunIndices(number);
            if (Interlocked.Decrement(ref counters.State) == Closed)
                drained.Set();
        }
    }

    static bool TryEnter()
    {
        int state = Volatile.Read(ref counters.State);
        while (state < Volatile.Read(ref limit))
        {
            int seen = Interlocked.CompareExchange(ref counters.State, state + 1, state);
            if (seen == state)
                return true;
            state = seen;
        }
        return false;
    }

    /// <summary>Whether a loop is open to a further worker and has indices that nobody has taken.</summary>
    internal static bool HasWork =>
        Volatile.Read(ref counters.State) < Volatile.Read(ref limit) && !Volatile.Read(ref counters.AllTaken);

    /// <summary>Waits a moment for the next loop; false if none came.</summary>
    static bool SpinForLoop()
    {
        bool found = false;
        int busy = (Volatile.Read(ref counters.State) & (Closed - 1)) + 1;
        // With more threads than processors, a thread that waits awake takes a processor from one that works.
        if (Interlocked.Increment(ref counters.Spinning) + busy <= Environment.ProcessorCount)
        {
            long start = Stopwatch.GetTimestamp();
            for (int spin = 1; !(found = HasWork) && Stopwatch.GetTimestamp() - start < idleTicks; spin++)
            {
                if (spin % SpinsPerYield == 0)
                    Thread.Yield();
                else
                    Thread.SpinWait(SpinLength);
            }
        }
        Interlocked.Decrement(ref counters.Spinning);
        return found;
    }

    /// <summary>What all threads write, each on lines of its own (two, since processors fetch them in pairs).</summary>
    [StructLayout(LayoutKind.Explicit, Size = 5 * Line)]
    struct Counters
    {
        const int Line = 128;

        /// <summary>Closed, plus the number of workers inside the loop.</summary>
        [FieldOffset(Line)]
        public int State;

        /// <summary>No index is left that no thread has taken, as some thread has seen.</summary>
        [FieldOffset(2 * Line)]
        public bool AllTaken;

        /// <summary>Workers that may still be woken for the loop.</summary>
        [FieldOffset(3 * Line)]
        public int Wanted;

        /// <summary>Workers that wait for a loop awake.</summary>
        [FieldOffset((3 * Line) + sizeof(int))]
        public int Spinning;
    }
}
