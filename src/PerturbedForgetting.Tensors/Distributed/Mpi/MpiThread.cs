using System.Diagnostics;

namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>
/// The one thread of a process that calls MPI, in the order in which it is asked. It is left to itself after <see cref="Abort"/>: a call
/// that waits for a member that is gone may never return, and MPI can do nothing more.
/// </summary>
sealed class MpiThread
{
    readonly object gate = new();
    readonly Queue<MpiWork> works = new();
    long begun, done, started;
    string? reason;
    Exception? cause;
    bool isEnding;

    public MpiThread() => new Thread(Run) { IsBackground = true, Name = "MPI" }.Start();

    /// <summary>Whether it was aborted or has failed.</summary>
    public bool IsAborted => Volatile.Read(ref reason) is not null;

    /// <summary>How far it has come.</summary>
    public CommunicationProgress Progress
    {
        get
        {
            lock (gate)
                return new(begun, done, begun > done && started != 0 ? Stopwatch.GetElapsedTime(started) : TimeSpan.Zero);
        }
    }

    /// <summary>Asks for a call.</summary>
    /// <returns>What to <see cref="Wait(long)"/> for.</returns>
    /// <exception cref="CommunicationException">It was aborted.</exception>
    public long Begin(in MpiWork work)
    {
        lock (gate)
        {
            ThrowIfAborted();
            ObjectDisposedException.ThrowIf(isEnding, this);
            works.Enqueue(work);
            begun++;
            Monitor.PulseAll(gate);
            return begun;
        }
    }

    /// <summary>Waits until a call is over, and those before it.</summary>
    /// <exception cref="CommunicationException">It was aborted, or a call failed.</exception>
    public void Wait(long ticket)
    {
        lock (gate)
        {
            while (done < ticket && reason is null)
                Monitor.Wait(gate);
            ThrowIfAborted();
        }
    }

    /// <summary>Waits so long at most.</summary>
    /// <returns>Whether the call is over.</returns>
    public bool Wait(long ticket, TimeSpan limit)
    {
        long start = Stopwatch.GetTimestamp();
        lock (gate)
        {
            while (done < ticket && reason is null)
            {
                TimeSpan left = limit - Stopwatch.GetElapsedTime(start);
                if (left <= TimeSpan.Zero || !Monitor.Wait(gate, left))
                    return done >= ticket;
            }
            ThrowIfAborted();
            return true;
        }
    }

    /// <summary>Makes a call and waits for it.</summary>
    /// <exception cref="CommunicationException">It was aborted, or the call failed.</exception>
    public void Do(Action body) => Wait(Begin(new(MpiCall.Body, null, Body: body)));

    /// <summary>Ends what waits. The first reason is the one that is given.</summary>
    public void Abort(string reason, Exception? cause = null)
    {
        lock (gate)
        {
            if (this.reason is null)
                (this.cause, this.reason) = (cause, reason);
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Lets it end after what it was asked for.</summary>
    public void End()
    {
        lock (gate)
        {
            isEnding = true;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Fails where it was aborted.</summary>
    /// <exception cref="CommunicationException">It was.</exception>
    public void ThrowIfAborted()
    {
        if (Volatile.Read(ref reason) is { } text)
            throw new CommunicationException(text, cause);
    }

    void Run()
    {
        while (Next(out MpiWork work))
        {
            try
            {
                work.Run();
            }
            catch (Exception e)
            {
                // Whoever waits is told; one that does not fit the others' calls cannot be made up for.
                Abort(e.Message, e);
                return;
            }
            lock (gate)
            {
                done++;
                Monitor.PulseAll(gate);
            }
        }
    }

    bool Next(out MpiWork work)
    {
        lock (gate)
        {
            started = 0;
            while (works.Count == 0 && !isEnding && reason is null)
                Monitor.Wait(gate);
            if (reason is not null || !works.TryDequeue(out work))
            {
                work = default;
                return false;
            }
            started = Stopwatch.GetTimestamp();
            return true;
        }
    }
}
