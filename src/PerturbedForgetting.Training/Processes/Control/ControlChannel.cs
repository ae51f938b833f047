using System.Buffers.Binary;
using PerturbedForgetting.Tensors.Distributed;

namespace PerturbedForgetting.Training.Processes.Control;

/// <summary>
/// What the processes of a run tell each other beside their tensors: small messages that are gathered, when to stop, and that one is gone.
/// All talk to the first, the hub. A thread of its own listens, gives signs of life, and finds out who gives none.
/// </summary>
abstract class ControlChannel : IDisposable
{
    /// <summary>How long the thread sleeps where nothing comes.</summary>
    private protected const int TickMilliseconds = 50;

    const string FailureKey = nameof(ControlFailure);

    readonly CancellationTokenSource stopRequested = new();
    readonly ManualResetEventSlim ended = new();
    readonly Thread thread;
    byte[]? answer;
    long exchanges, updates, lastUpdate = long.MaxValue, calls, tensors, waitingSince, lastBeat, lastTick = Environment.TickCount64;
    bool isStopping, hasToldOfFailure, isParting;
    volatile ControlFailure? failure;

    private protected ControlChannel(TimeSpan timeout, int rank)
    {
        Timeout = timeout;
        thread = new Thread(Loop) { IsBackground = true, Name = FormattableString.Invariant($"control {rank}") };
    }

    /// <summary>How long a process may be silent, or keep the others waiting.</summary>
    public TimeSpan Timeout { get; }

    /// <summary>All processes, by rank; empty before all are there.</summary>
    public IReadOnlyList<Member> Members { get; private protected set; } = [];

    /// <summary>Why the processes cannot go on together; null while they can.</summary>
    public ControlFailure? Failure => failure;

    /// <summary>Cancelled when somebody, this process or another, has asked to stop.</summary>
    public CancellationToken StopRequested => stopRequested.Token;

    /// <summary>With what the first asked who asked to stop.</summary>
    public int StopCode { get; private set; }

    /// <summary>Called once on the channel's thread, as soon as the processes cannot go on together.</summary>
    public Action<ControlFailure>? Failed { get; set; }

    /// <summary>Guards everything that several threads look at.</summary>
    private protected object Gate { get; } = new();

    /// <summary>How far this process is.</summary>
    private protected ControlProgress Progress
    {
        get
        {
            long since = Volatile.Read(ref waitingSince);
            return new(Volatile.Read(ref calls), Volatile.Read(ref tensors), since == 0 ? 0 : Environment.TickCount64 - since);
        }
    }

    /// <summary>Where nobody is heard for so long, he is gone: at least several signs of life.</summary>
    private protected long SilenceMilliseconds => (long)Timeout.TotalMilliseconds;

    /// <summary>Whether the training thread waits for an answer.</summary>
    private protected bool IsWaiting { get; private set; }

    /// <summary>Begins to listen.</summary>
    private protected void Start() => thread.Start();

    /// <summary>Gives a message to the hub, and waits for what it makes of those of all.</summary>
    /// <param name="kind">What is to be made: <see cref="ControlKind.Gather"/> or <see cref="ControlKind.Sum"/>.</param>
    /// <param name="message">What this process gives.</param>
    /// <exception cref="CommunicationException">A member is gone.</exception>
    /// <exception cref="OperationCanceledException">A member has left because the run is to stop.</exception>
    public byte[] Exchange(ControlKind kind, ReadOnlySpan<byte> message)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(message.Length, ControlConnection.LongestOfMembers / 2);
        byte[] numbered = new byte[sizeof(long) + message.Length];
        message.CopyTo(numbered.AsSpan(sizeof(long)));
        lock (Gate)
        {
            ThrowIfFailed();
            BinaryPrimitives.WriteInt64LittleEndian(numbered, exchanges++);
            (answer, tensors) = (null, 0);
            calls++;
            Tell(kind, numbered);
            WaitUntil(() => answer is not null);
            return answer!;
        }
    }

    /// <summary>Asks whether to begin the next update; see <see cref="World.MayBegin"/>.</summary>
    public bool MayBegin()
    {
        lock (Gate)
        {
            ThrowIfFailed();
            if (isStopping)
                WaitUntil(() => lastUpdate < long.MaxValue);
            if (updates >= lastUpdate)
                return false;
            updates++;
            calls++;
            tensors = 0;
            return true;
        }
    }

    /// <summary>Asks all to stop; the first who asks counts.</summary>
    /// <param name="code">Passed on to all.</param>
    public void RequestStop(int code)
    {
        lock (Gate)
            if (!isStopping && failure is null)
                Tell(ControlKind.StopRequest, BitConverter.GetBytes(code));
    }

    /// <summary>Tells all that this process ends because of an error.</summary>
    public abstract void Leave(string reason);

    /// <summary>A call of the communicator begins; until <see cref="EndTensors"/> the training thread may wait in it.</summary>
    public void BeginTensors()
    {
        Volatile.Write(ref tensors, tensors + 1);
        Volatile.Write(ref waitingSince, Environment.TickCount64);
    }

    /// <summary>The call is over.</summary>
    public void EndTensors() => Volatile.Write(ref waitingSince, 0);

    /// <summary>Waits a little for the failure behind something that has just gone wrong elsewhere.</summary>
    public void AwaitFailure(TimeSpan patience)
    {
        long end = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        lock (Gate)
            while (failure is null && end - Environment.TickCount64 is > 0 and var left)
                Monitor.Wait(Gate, (int)left);
    }

    /// <summary>Throws where the processes cannot go on together.</summary>
    public void ThrowIfFailed()
    {
        if (failure is not { } f)
            return;
        // The token follows on another thread.
        if (f.IsDeparture && isStopping)
            throw new OperationCanceledException("The run was stopped.", stopRequested.Token);
        CommunicationException exception = new(f.Reason);
        exception.Data[FailureKey] = f;
        throw exception;
    }

    /// <summary>What an exception of this class is about; null for others.</summary>
    public static ControlFailure? FailureOf(Exception exception) => exception.Data[FailureKey] as ControlFailure;

    void WaitUntil(Func<bool> isDone)
    {
        IsWaiting = true;
        try
        {
            while (!isDone())
            {
                ThrowIfFailed();
                Monitor.Wait(Gate);
            }
        }
        finally
        {
            IsWaiting = false;
        }
    }

    /// <summary>Gives a message to the hub. Called under <see cref="Gate"/>.</summary>
    private protected abstract void Tell(ControlKind kind, ReadOnlySpan<byte> payload);

    /// <summary>Waits for what comes, at most so long, and takes it.</summary>
    private protected abstract void Listen(int milliseconds);

    /// <summary>Gives a sign of life.</summary>
    private protected abstract void Beat();

    /// <summary>Finds out who is gone. Called under <see cref="Gate"/>.</summary>
    /// <param name="now">As <see cref="Environment.TickCount64"/>.</param>
    /// <param name="gap">Milliseconds that this process itself was not running, and could not hear.</param>
    private protected abstract void Watch(long now, long gap);

    /// <summary>Says good-bye where that is called for, and closes.</summary>
    private protected abstract void Close(bool inPeace);

    /// <summary>A message of the hub. Called under <see cref="Gate"/>.</summary>
    private protected void Receive(ControlKind kind, ReadOnlySpan<byte> payload)
    {
        switch (kind)
        {
            case ControlKind.Answer when payload.Length >= sizeof(long):
                if (BinaryPrimitives.ReadInt64LittleEndian(payload) == exchanges - 1)
                    answer = payload[sizeof(long)..].ToArray();
                Monitor.PulseAll(Gate);
                break;
            case ControlKind.StopAsked when payload.Length == sizeof(int) && !isStopping:
                (isStopping, StopCode) = (true, BitConverter.ToInt32(payload));
                Tell(ControlKind.Position, BitConverter.GetBytes(updates));
                // What hangs on it is not to run in the middle of this.
                ThreadPool.QueueUserWorkItem(static source => Cancel(source), stopRequested, preferLocal: false);
                break;
            case ControlKind.StopAfter when payload.Length == sizeof(long):
                lastUpdate = BinaryPrimitives.ReadInt64LittleEndian(payload);
                Monitor.PulseAll(Gate);
                break;
            case ControlKind.Failed:
                Fail(ControlFailure.Read(payload));
                break;
        }
    }

    /// <summary>The processes cannot go on together; the first reason counts.</summary>
    private protected void Fail(ControlFailure why)
    {
        lock (Gate)
        {
            if (failure is not null || isParting)
                return;
            failure = why;
            OnFailure(why);
            Monitor.PulseAll(Gate);
        }
    }

    /// <summary>Passes a failure on. Called under <see cref="Gate"/>.</summary>
    private protected virtual void OnFailure(ControlFailure why)
    {
    }

    static void Cancel(CancellationTokenSource source)
    {
        try { source.Cancel(); }
        catch (ObjectDisposedException) { }
    }

    void Loop()
    {
        // Several signs of life before one is missed.
        long interval = Math.Clamp(SilenceMilliseconds / 10, 20, 300);
        while (!ended.IsSet)
        {
            try
            {
                Turn(interval);
            }
            // Whatever it is: without this thread nobody would ever hear of anybody.
            catch (Exception e)
            {
                Fail(new(-1, $"the processes of the run cannot talk any more: {e.Message} ({e.GetType().Name})"));
            }
            TellOfFailure();
        }
    }

    void Turn(long interval)
    {
        Listen((int)Math.Min(TickMilliseconds, interval));
        long now = Environment.TickCount64, gap = now - lastTick;
        lastTick = now;
        if (now - lastBeat >= interval)
        {
            lastBeat = now;
            Beat();
        }
        lock (Gate)
            if (failure is null && !isParting)
                Watch(now, gap > interval + SilenceMilliseconds / 4 ? gap : 0);
    }

    void TellOfFailure()
    {
        if (failure is not { } why || hasToldOfFailure)
            return;
        hasToldOfFailure = true;
        Failed?.Invoke(why);
    }

    /// <summary>Parts: in peace where nothing has failed. Others hear of a failure in any case.</summary>
    public void Dispose()
    {
        bool inPeace;
        lock (Gate)
        {
            if (isParting)
                return;
            (isParting, inPeace) = (true, failure is null);
        }
        ended.Set();
        // It may be busy for long with giving up what cannot be completed.
        if (thread.IsAlive && Thread.CurrentThread != thread)
            thread.Join(TimeSpan.FromSeconds(5));
        Close(inPeace);
        ended.Dispose();
        stopRequested.Dispose();
    }
}
