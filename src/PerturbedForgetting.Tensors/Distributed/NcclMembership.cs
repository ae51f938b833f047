using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Nccl;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace PerturbedForgetting.Tensors.Distributed;

/// <summary>
/// How a GPU joins a group of NCCL and how the group ends: on a thread of its own, because nothing ends the joining while another member
/// stays away; by <see cref="Abort"/> at any time; or by an error of NCCL's own, which is looked for ten times a second and waits for an
/// abort that names the member.
/// </summary>
sealed class NcclMembership : IDisposable
{
    static readonly TimeSpan watchInterval = TimeSpan.FromMilliseconds(100), patience = TimeSpan.FromSeconds(1);

    readonly CudaWorkplace workplace;
    readonly object gate = new();
    readonly ManualResetEventSlim settled = new(), ended = new();
    NcclGroup? group;
    Exception? failure;
    volatile string? reason;

    /// <summary>Begins to join.</summary>
    public NcclMembership(CudaWorkplace workplace, NcclUniqueId id, int rank, int size)
    {
        this.workplace = workplace;
        new Thread(() => Join(id, rank, size)) { IsBackground = true, Name = "NCCL" }.Start();
    }

    /// <summary>How long an error of NCCL's own waits for an abort.</summary>
    public TimeSpan Grace { get; set; }

    /// <summary>Why the group was ended; null while it was not.</summary>
    public string? Reason => reason;

    /// <summary>The group, when all members have come.</summary>
    /// <exception cref="CommunicationException">The group was ended, or the members do not find each other.</exception>
    public NcclGroup Use()
    {
        ObjectDisposedException.ThrowIf(ended.IsSet, typeof(NcclCommunicator));
        settled.Wait();
        if (reason is { } said)
            throw new CommunicationException(said);
        return failure is null ? group! : throw Explained(failure);
    }

    /// <summary>Puts work of the group on streams.</summary>
    /// <exception cref="CommunicationException">The group was ended, or has failed.</exception>
    public void Run(Action<NcclGroup> work)
    {
        NcclGroup joined = Use();
        try
        {
            lock (gate)
                work(joined);
        }
        catch (Exception e) when (e is CudaException or CudaLibraryException)
        {
            throw Explained(e);
        }
    }

    /// <summary>Ends the group; the first reason counts. Any thread.</summary>
    public void Abort(string said)
    {
        if (Interlocked.CompareExchange(ref reason, said, null) is not null)
            return;
        workplace.Interruption = said;
        settled.Set();
        // A call that is being put on a stream is let through; one that hangs is what this ends.
        bool isQuiet = Monitor.TryEnter(gate, patience);
        try
        {
            Volatile.Read(ref group)?.Abort();
        }
        finally
        {
            if (isQuiet)
                Monitor.Exit(gate);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ended.Set();
        // Who goes before all have come leaves nothing that could be ended in order.
        if (!settled.IsSet)
            Abort("The group was left before all had joined.");
        group?.Dispose();
        if (workplace.Interruption == reason)
            workplace.Interruption = null;
    }

    void Join(NcclUniqueId id, int rank, int size)
    {
        try
        {
            NcclGroup made = new(workplace.Context, workplace.Libraries.Nccl.Value, id, rank, size);
            lock (gate)
            {
                Volatile.Write(ref group, made);
                if (reason is not null)
                    made.Abort();
            }
        }
        catch (Exception e) when (e is CudaException or CudaLibraryException or ObjectDisposedException)
        {
            failure = e;
        }
        settled.Set();
        if (failure is null)
            Watch(group!);
    }

    // Who finds out by other means can name the member, and comes first as a rule.
    void Watch(NcclGroup watched)
    {
        while (reason is null && !ended.Wait(watchInterval))
        {
            NcclResult state = watched.AsyncError;
            if (state is NcclResult.Success or NcclResult.InProgress)
                continue;
            string text = watched.LastError;
            ended.Wait(Grace);
            Abort($"A process of the group is gone: {NcclErrors.NameOf(state)}{(text.Length > 0 ? ", " + text : "")}. "
                + NcclErrors.RemedyFor(state));
        }
    }

    // What a member that is gone looks like here is told by who knows which it is.
    Exception Explained(Exception cause)
    {
        if (cause is CudaLibraryException { Status: var status }
            && (NcclResult)status is NcclResult.RemoteError or NcclResult.SystemError or NcclResult.Timeout)
        {
            SpinWait.SpinUntil(() => reason is not null, Grace);
            return new CommunicationException(reason ?? cause.Message, cause);
        }
        return reason is { } said ? new CommunicationException(said, cause) : cause;
    }
}
