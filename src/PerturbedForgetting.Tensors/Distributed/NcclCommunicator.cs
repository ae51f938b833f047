using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Cuda.Nccl;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors.Distributed;

/// <summary>
/// A group of GPUs, one a process, by NCCL. Its work runs on a stream of its own beside the computation, which events order; it may be
/// recorded into a graph (<see cref="Device.Capture"/>), and graphs that hold some of it are disposed before it. The mean of floating-point
/// numbers is the sum of what each is times 1/N. Min and Max pass over NaN.
/// </summary>
/// <remarks>
/// The host waits for a member that is gone where it reads what was reduced, for ever, as NCCL does, until <see cref="Abort"/>; reading throws
/// then, and so does everything else. NCCL's own errors are looked for ten times a second, and end the group when nobody who can name
/// the member has done so within <see cref="Grace"/>.
/// </remarks>
/// <example><code>
/// byte[] id = isFirst ? NcclCommunicator.CreateId(device) : …;      // carried to the others by other means
/// using NcclCommunicator group = new(device, id, rank, size);
/// group.Join();
/// group.AllReduce(gradients, ReduceOperation.Mean);
/// </code></example>
public sealed class NcclCommunicator : Communicator
{
    static readonly TimeSpan watchInterval = TimeSpan.FromMilliseconds(100), patience = TimeSpan.FromSeconds(1);

    readonly Device device;
    readonly CudaWorkplace workplace;
    readonly NcclApi api;
    readonly CudaStream stream;
    readonly CudaEvent begun, done;
    readonly StreamIntervals busy, waited;
    readonly Tensor barrier;
    readonly object gate = new();
    readonly ManualResetEventSlim settled = new(), ended = new();
    readonly List<NcclCommunicator> parts = [];
    NcclGroup? group;
    Exception? failure;
    volatile string? reason;
    bool isPending;
    int isDisposed;

    /// <summary>Begins to join a group; <see cref="Join"/>, or the first call, waits for the others.</summary>
    /// <param name="device">A GPU, which no other member uses.</param>
    /// <param name="id">The group's id (<see cref="CreateId"/>), 128 bytes.</param>
    /// <param name="rank">Number of this process in the group, from 0.</param>
    /// <param name="size">Processes in the group.</param>
    /// <exception cref="NotSupportedException">The device is no GPU.</exception>
    public NcclCommunicator(Device device, ReadOnlySpan<byte> id, int rank, int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rank, size);
        (this.device, workplace, Rank, Size) = (device, WorkplaceOf(device), rank, size);
        api = workplace.Libraries.Nccl.Value;
        NcclUniqueId group = new(id);
        CudaContext context = workplace.Context;
        stream = context.CreateStream();
        (begun, done) = (context.CreateEvent(), context.CreateEvent());
        (busy, waited) = (new(context), new(context));
        barrier = Tensor.Persistent([1], DType.Int32, device).Fill(0);
        workplace.Communications.Add(stream);
        // A thread of its own, because nothing ends the call while another member stays away.
        new Thread(() => Enter(group)) { IsBackground = true, Name = "NCCL" }.Start();
    }

    /// <summary>How long NCCL's own error waits for an <see cref="Abort"/> that names the member.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public override string Name => $"NCCL {api.Version}";

    /// <inheritdoc/>
    public override int Rank { get; }

    /// <inheritdoc/>
    public override int Size { get; }

    /// <summary>Why a device cannot be in such a group, what that costs and what to do about it; null where it can.</summary>
    /// <exception cref="CudaLibraryException">NCCL was named by its variable and cannot be used.</exception>
    public static string? WhyUnusable(Device device)
    {
        if (device.Backend is not CudaBackend { Workplace: var workplace })
            return $"NCCL works between GPUs, and {device} is none.";
        LibraryStatus status = workplace.Libraries.NcclStatus;
        int driverVersion = workplace.Context.Device.DriverVersion;
        return status.WhyUnusable is null ? null
            : status.IsProblem ? throw CudaLibraries.Unusable(status, driverVersion)
            : CudaLibraries.Note(status, driverVersion);
    }

    /// <summary>Makes the id of a new group, of 128 bytes. The process that makes it lives until all have joined.</summary>
    /// <exception cref="CudaLibraryException">NCCL cannot be used, or finds no network.</exception>
    public static byte[] CreateId(Device device) => WorkplaceOf(device).Libraries.Nccl.Value.CreateUniqueId().ToArray();

    /// <summary>Waits until all members have come.</summary>
    /// <exception cref="CudaLibraryException">NCCL cannot be used.</exception>
    /// <exception cref="CommunicationException">The members do not find each other, or one is gone.</exception>
    public void Join() => Use();

    /// <inheritdoc/>
    public override void BeginAllReduce(Tensor values, ReduceOperation operation)
    {
        Check(values, "reduced");
        if (values.DType == DType.UInt8 || (operation == ReduceOperation.Mean && !values.DType.IsFloating()))
            throw new ArgumentException($"{values} has no {operation} over a group.", nameof(values));
        NcclOperation made = operation switch
        {
            ReduceOperation.Mean => NcclOperation.Average,
            ReduceOperation.Min => NcclOperation.Min,
            ReduceOperation.Max => NcclOperation.Max,
            _ => NcclOperation.Sum,
        };
        Begin("all-reduce", values, joined => joined.AllReduce(CudaBackend.Pointer(values), values.Count, TypeOf(values), made, stream));
    }

    /// <inheritdoc/>
    public override void Complete()
    {
        Use();
        if (!isPending)
            return;
        isPending = false;
        Guard(() =>
        {
            done.Record(stream);
            CudaEvent start = waited.Begin(workplace.Stream, workplace.Recording);
            workplace.Stream.Wait(done);
            waited.End(start, workplace.Stream, workplace.Recording, 0);
        });
    }

    /// <inheritdoc/>
    public override void Broadcast(Tensor values, int root)
    {
        Check(values, "sent");
        ArgumentOutOfRangeException.ThrowIfNegative(root);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(root, Size);
        Begin("broadcast", values, joined => joined.Broadcast(CudaBackend.Pointer(values), values.Count, TypeOf(values), root, stream));
        Complete();
    }

    /// <inheritdoc/>
    public override void AllGather(Tensor part, Tensor all)
    {
        Check(part, "gathered");
        Check(all, "filled");
        if (part.DType != all.DType || all.Count != Size * part.Count)
            throw new ArgumentException($"{Size} parts like {part} do not fill {all}.", nameof(all));
        Begin("all-gather", all, joined =>
            joined.AllGather(CudaBackend.Pointer(part), CudaBackend.Pointer(all), part.Count, TypeOf(part), stream));
        Complete();
    }

    /// <inheritdoc/>
    public override void Barrier()
    {
        AllReduce(barrier, ReduceOperation.Sum);
        device.Synchronize();
    }

    /// <inheritdoc/>
    public override Communicator Split(int color)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(color);
        int[] colors = Gather<int>([color]);
        int[] members = [.. Enumerable.Range(0, Size).Where(rank => colors[rank] == color)];
        byte[] ids = Gather<byte>(members[0] == Rank ? CreateId(device) : new byte[NcclUniqueId.Bytes]);
        NcclCommunicator made = new(device, ids.AsSpan(members[0] * NcclUniqueId.Bytes, NcclUniqueId.Bytes), Array.IndexOf(members, Rank),
            members.Length) { Grace = Grace };
        lock (parts)
            parts.Add(made);
        if (reason is { } said)
            made.Abort(said);
        made.Join();
        return made;
    }

    /// <inheritdoc/>
    public override CommunicationTimes Times
    {
        get
        {
            device.Synchronize();
            ((TimeSpan time, long bytes), (TimeSpan idle, _)) = (busy.Total, waited.Total);
            return new(bytes, time, idle);
        }
    }

    /// <inheritdoc/>
    public override void Abort(string reason)
    {
        if (Interlocked.CompareExchange(ref this.reason, reason, null) is not null)
            return;
        workplace.Interruption = reason;
        settled.Set();
        lock (parts)
        {
            foreach (NcclCommunicator part in parts)
                part.Abort(reason);
        }
        // A call that is being put on the stream is let through; one that hangs is what this ends.
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
    public override void Dispose()
    {
        if (Interlocked.Exchange(ref isDisposed, 1) != 0)
            return;
        ended.Set();
        // Who goes before all have come leaves nothing that could be destroyed in order.
        if (!settled.IsSet)
            Abort("The group was left before all had joined.");
        workplace.Communications.Remove(stream);
        group?.Dispose();
        barrier.Dispose();
        busy.Dispose();
        waited.Dispose();
        begun.Dispose();
        done.Dispose();
        stream.Dispose();
        if (workplace.Interruption == reason)
            workplace.Interruption = null;
    }

    void Enter(NcclUniqueId id)
    {
        try
        {
            NcclGroup made = new(workplace.Context, api, id, Rank, Size);
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
            Watch();
    }

    // Who finds out by other means can name the member, and comes first as a rule.
    void Watch()
    {
        while (!ended.Wait(watchInterval))
        {
            if (reason is not null)
                return;
            NcclResult state = group!.AsyncError;
            if (state is NcclResult.Success or NcclResult.InProgress)
                continue;
            string text = group.LastError;
            ended.Wait(Grace);
            Abort($"A process of the group is gone: {NcclErrors.NameOf(state)}{(text.Length > 0 ? ", " + text : "")}. "
                + NcclErrors.RemedyFor(state));
        }
    }

    NcclGroup Use()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref isDisposed) != 0, this);
        settled.Wait();
        if (reason is { } said)
            throw new CommunicationException(said);
        return failure is null ? group! : throw Explained(failure);
    }

    // Begins after what the device was given so far.
    void Begin(string name, Tensor values, Action<NcclGroup> call)
    {
        NcclGroup joined = Use();
        if (values.Count == 0)
            return;
        using Ranges.Range range = Ranges.Operation(name);
        Guard(() =>
        {
            begun.Record(workplace.Stream);
            stream.Wait(begun);
            CudaEvent start = busy.Begin(stream, workplace.Recording);
            call(joined);
            busy.End(start, stream, workplace.Recording, values.Count * values.DType.Size());
        });
        isPending = true;
    }

    void Guard(Action work)
    {
        try
        {
            lock (gate)
                work();
        }
        catch (Exception e) when (e is CudaException or CudaLibraryException)
        {
            throw Explained(e);
        }
    }

    // What a member that is gone looks like here is told by who knows which it is.
    Exception Explained(Exception cause)
    {
        if (cause is CudaLibraryException { Status: var status }
            && (NcclResult)status is NcclResult.RemoteError or NcclResult.SystemError or NcclResult.Timeout)
        {
            DateTime limit = DateTime.UtcNow + Grace;
            while (reason is null && DateTime.UtcNow < limit)
                Thread.Sleep(watchInterval);
            return new CommunicationException(reason ?? cause.Message, cause);
        }
        return reason is { } said ? new CommunicationException(said, cause) : cause;
    }

    T[] Gather<T>(ReadOnlySpan<T> part) where T : unmanaged
    {
        using Tensor mine = Tensor.Persistent([part.Length], DTypes.Of<T>(), device).CopyFrom(part);
        using Tensor all = Tensor.Persistent([Size * part.Length], DTypes.Of<T>(), device);
        AllGather(mine, all);
        return all.ToArray<T>();
    }

    void Check(Tensor values, string what)
    {
        if (values.Device != device)
            throw new ArgumentException($"{values} cannot be {what} by a group of {device}.", nameof(values));
    }

    static NcclDataType TypeOf(Tensor values) => values.DType switch
    {
        DType.Float32 => NcclDataType.Float32,
        DType.Float64 => NcclDataType.Float64,
        DType.Int32 => NcclDataType.Int32,
        DType.Int64 => NcclDataType.Int64,
        _ => NcclDataType.UInt8,
    };

    static CudaWorkplace WorkplaceOf(Device device) => device.Backend is CudaBackend { Workplace: var workplace }
        ? workplace
        : throw new NotSupportedException($"NCCL works between GPUs, and {device} is none.");
}
