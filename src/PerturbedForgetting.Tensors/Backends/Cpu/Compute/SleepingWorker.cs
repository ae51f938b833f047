namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// A worker's bed. Sleepers form a stack, so that the last to fall asleep, whose caches are the warmest, is woken first;
/// each waits on a lock of its own, so that those who are woken together do not queue for one.
/// </summary>
sealed class SleepingWorker
{
    static readonly object gate = new();
    static SleepingWorker? top;
    static int count;

    SleepingWorker? below;
    bool isAwake;

    /// <summary>How many sleep.</summary>
    public static int Count => Volatile.Read(ref count);

    /// <summary>Sleeps until woken; returns at once if there is work.</summary>
    public void Sleep()
    {
        lock (gate)
        {
            (isAwake, below, top) = (false, top, this);
            // Before it looks for work: a loop that is too late to be seen here sees this sleeper.
            Interlocked.Increment(ref count);
            if (WorkerPool.HasWork)
            {
                Pop();
                return;
            }
        }
        lock (this)
        {
            while (!isAwake)
                Monitor.Wait(this);
        }
    }

    /// <summary>Wakes the last to fall asleep, if any sleeps.</summary>
    public static void WakeOne()
    {
        SleepingWorker? worker;
        lock (gate)
            worker = Pop();
        if (worker is null)
            return;
        lock (worker)
        {
            worker.isAwake = true;
            Monitor.Pulse(worker);
        }
    }

    static SleepingWorker? Pop()
    {
        var worker = top;
        if (worker is null)
            return null;
        top = worker.below;
        Volatile.Write(ref count, count - 1);
        return worker;
    }
}
