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
/// Of what is reduced as bfloat16 each member's values are rounded, then NCCL rounds each of the N - 1 sums, to 2^-9 of what they are.
/// </summary>
/// <remarks>
/// The host waits for a member that is gone where it reads what was reduced, for ever, as NCCL does, until <see cref="Abort"/>; reading
/// throws then, and so does everything else. NCCL's own errors are looked for ten times a second, and end the group when nobody who can
/// name the member has done so within <see cref="Grace"/>.
/// </remarks>
/// <example><code>
/// byte[] id = isFirst ? NcclCommunicator.CreateId(device) : …;      // carried to the others by other means
/// using NcclCommunicator group = new(device, id, rank, size);
/// group.Join();
/// group.AllReduce(gradients, ReduceOperation.Mean);
/// </code></example>
public sealed class NcclCommunicator : Communicator
{
    readonly Device device;
    readonly CudaWorkplace workplace;
    readonly NcclMembership membership;
    readonly CudaStream stream;
    readonly CudaEvent begun, done;
    readonly StreamIntervals busy, waited;
    readonly RoundedCopy rounded;
    readonly Tensor barrier;
    readonly List<NcclCommunicator> parts = [];
    readonly List<GraphLaunches> recorded = [];
    bool isPending;
    long called, over;
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
        NcclUniqueId group = new(id);
        CudaContext context = workplace.Context;
        stream = context.CreateStream();
        (begun, done) = (context.CreateEvent(), context.CreateEvent());
        (busy, waited) = (new(context), new(context));
        rounded = new RoundedCopy(workplace, stream);
        barrier = Tensor.Persistent([1], DType.Int32, device).Fill(0);
        workplace.Communications.Add(stream);
        workplace.Idle += AreDone;
        membership = new NcclMembership(workplace, group, rank, size) { Grace = TimeSpan.FromSeconds(10) };
    }

    /// <summary>How long NCCL's own error waits for an <see cref="Abort"/> that names the member.</summary>
    public TimeSpan Grace
    {
        get => membership.Grace;
        init => membership.Grace = value;
    }

    /// <inheritdoc/>
    public override string Name => $"NCCL {workplace.Libraries.Nccl.Value.Version}";

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
    public void Join() => membership.Use();

    /// <inheritdoc/>
    public override void BeginAllReduce(Tensor values, ReduceOperation operation)
    {
        CheckReduction(values, operation);
        NcclOperation made = operation switch
        {
            ReduceOperation.Mean => NcclOperation.Average,
            ReduceOperation.Min => NcclOperation.Min,
            ReduceOperation.Max => NcclOperation.Max,
            _ => NcclOperation.Sum,
        };
        Begin("all-reduce", Bytes(values), joined =>
            joined.AllReduce(CudaBackend.Pointer(values), values.Count, TypeOf(values), made, stream));
    }

    /// <inheritdoc/>
    public override void BeginAllReduceRounded(Tensor values, ReduceOperation operation)
    {
        CheckReduction(values, operation);
        if (values.DType != DType.Float32 || operation is not (ReduceOperation.Sum or ReduceOperation.Mean))
        {
            BeginAllReduce(values, operation);
            return;
        }
        // The mean is made in float32: 1/3 rounded to bfloat16 would be wrong by a part in five hundred.
        float factor = operation == ReduceOperation.Mean ? 1f / Size : 1;
        Begin("all-reduce", values.Count * sizeof(ushort), joined =>
        {
            DevicePointer narrow = rounded.Round(values);
            joined.AllReduce(narrow, values.Count, NcclDataType.BFloat16, NcclOperation.Sum, stream);
            rounded.Widen(values, factor);
        });
    }

    /// <inheritdoc/>
    public override void Complete()
    {
        membership.Use();
        if (!isPending)
            return;
        isPending = false;
        membership.Run(_ =>
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
        Begin("broadcast", Bytes(values), joined =>
            joined.Broadcast(CudaBackend.Pointer(values), values.Count, TypeOf(values), root, stream));
        Complete();
    }

    /// <inheritdoc/>
    public override void AllGather(Tensor part, Tensor all)
    {
        Check(part, "gathered");
        Check(all, "filled");
        if (part.DType != all.DType || all.Count != Size * part.Count)
            throw new ArgumentException($"{Size} parts like {part} do not fill {all}.", nameof(all));
        Begin("all-gather", Bytes(all), joined =>
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
        ReadOnlySpan<byte> id = ids.AsSpan(members[0] * NcclUniqueId.Bytes, NcclUniqueId.Bytes);
        NcclCommunicator made = new(device, id, Array.IndexOf(members, Rank), members.Length)
        {
            Grace = Grace,
        };
        lock (parts)
            parts.Add(made);
        if (membership.Reason is { } said)
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

    /// <summary>How far this process has come: calls within a graph count at each launch of it. They are known to be over once the host has
    /// waited for the device, and going on while it does.</summary>
    public override CommunicationProgress Progress
    {
        get
        {
            long begun = Called, done = Volatile.Read(ref over);
            return new(begun, done, begun > done ? workplace.Waiting : TimeSpan.Zero);
        }
    }

    /// <inheritdoc/>
    public override void Abort(string reason)
    {
        membership.Abort(reason);
        lock (parts)
        {
            foreach (NcclCommunicator part in parts)
                part.Abort(reason);
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (Interlocked.Exchange(ref isDisposed, 1) != 0)
            return;
        workplace.Communications.Remove(stream);
        workplace.Idle -= AreDone;
        membership.Dispose();
        barrier.Dispose();
        busy.Dispose();
        waited.Dispose();
        rounded.Dispose();
        begun.Dispose();
        done.Dispose();
        stream.Dispose();
    }

    long Called
    {
        get
        {
            lock (recorded)
            {
                // A call that was recorded has not been made by that.
                return Volatile.Read(ref called) + recorded.Sum(static launches => launches.Count - 1);
            }
        }
    }

    void AreDone()
    {
        if (!isPending)
            Volatile.Write(ref over, Called);
    }

    // Begins after what the device was given so far.
    void Begin(string name, long bytes, Action<NcclGroup> call)
    {
        membership.Use();
        if (bytes == 0)
            return;
        using Ranges.Range range = Ranges.Operation(name);
        membership.Run(joined =>
        {
            begun.Record(workplace.Stream);
            stream.Wait(begun);
            CudaEvent start = busy.Begin(stream, workplace.Recording);
            call(joined);
            busy.End(start, stream, workplace.Recording, bytes);
        });
        isPending = true;
        Interlocked.Increment(ref called);
        if (workplace.Recording is { } launches)
        {
            lock (recorded)
                recorded.Add(launches);
        }
    }

    T[] Gather<T>(ReadOnlySpan<T> part) where T : unmanaged
    {
        using Tensor mine = Tensor.Persistent([part.Length], DTypes.Of<T>(), device).CopyFrom(part);
        using Tensor all = Tensor.Persistent([Size * part.Length], DTypes.Of<T>(), device);
        AllGather(mine, all);
        return all.ToArray<T>();
    }

    void CheckReduction(Tensor values, ReduceOperation operation)
    {
        Check(values, "reduced");
        if (values.DType == DType.UInt8 || (operation == ReduceOperation.Mean && !values.DType.IsFloating()))
            throw new ArgumentException($"{values} has no {operation} over a group.", nameof(values));
    }

    void Check(Tensor values, string what)
    {
        if (values.Device != device)
            throw new ArgumentException($"{values} cannot be {what} by a group of {device}.", nameof(values));
    }

    static long Bytes(Tensor values) => values.Count * values.DType.Size();

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
