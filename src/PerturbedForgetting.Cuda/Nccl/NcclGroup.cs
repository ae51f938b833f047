using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda.Nccl;

/// <summary>
/// A GPU's membership in a group of processes (<c>ncclComm_t</c>). All members make the same calls in the same order, with the same counts
/// and types; what they enqueue on streams may be captured. Belongs to one thread at a time, but for <see cref="Abort"/> and
/// <see cref="AsyncError"/>. A graph that holds some of its work is to be disposed before it.
/// </summary>
public sealed unsafe class NcclGroup : CudaResource
{
    /// <summary>What profiles call its operations.</summary>
    public const string AllReduceName = "nccl all-reduce", BroadcastName = "nccl broadcast", AllGatherName = "nccl all-gather";

    readonly NcclApi api;
    readonly nint handle;
    int isEnded;

    /// <summary>Joins a group; waits until all members have come.</summary>
    /// <param name="context">The GPU, which no other member uses.</param>
    /// <param name="api">The library.</param>
    /// <param name="id">The group's id.</param>
    /// <param name="rank">Number of this member, from 0.</param>
    /// <param name="size">Members.</param>
    /// <exception cref="CudaLibraryException">The library cannot be used, or the members do not find each other.</exception>
    public NcclGroup(CudaContext context, NcclApi api, in NcclUniqueId id, int rank, int size) : base(context)
    {
        this.api = api;
        api.RequireUsable();
        context.MakeCurrent();
        nint made;
        api.Check(api.Call.CommInitRank(&made, size, id, rank));
        handle = made;
        Size = size;
    }

    /// <summary>Members of the group.</summary>
    public int Size { get; }

    /// <summary>What has gone wrong with the group since it was made; <see cref="NcclResult.InProgress"/> while a call is still being
    /// put on a stream. Any thread.</summary>
    public NcclResult AsyncError
    {
        get
        {
            if (Volatile.Read(ref isEnded) != 0)
                return NcclResult.Success;
            NcclResult state;
            NcclResult result = api.Call.CommGetAsyncError(handle, &state);
            return result == NcclResult.Success ? state : result;
        }
    }

    /// <summary>What the library says of what went wrong, or empty. Any thread.</summary>
    public string LastError => Volatile.Read(ref isEnded) == 0 ? api.LastError(handle) : "";

    /// <summary>Replaces values by their sum, mean, smallest or largest over all members.</summary>
    public void AllReduce(DevicePointer values, long count, NcclDataType type, NcclOperation operation, CudaStream stream)
    {
        Use();
        Announce(stream, AllReduceName, count, count, type);
        api.Check(api.Call.AllReduce(values.Address, values.Address, (nuint)count, type, operation, handle, stream.Handle));
        stream.Observer?.Launched(stream, AllReduceName);
    }

    /// <summary>Replaces values by those of one member.</summary>
    public void Broadcast(DevicePointer values, long count, NcclDataType type, int root, CudaStream stream)
    {
        Use();
        Announce(stream, BroadcastName, count, count, type);
        api.Check(api.Call.Broadcast(values.Address, values.Address, (nuint)count, type, root, handle, stream.Handle));
        stream.Observer?.Launched(stream, BroadcastName);
    }

    /// <summary>Puts the parts of all members one after the other.</summary>
    /// <param name="part">The part of this member: memory of its own, or its place in <paramref name="all"/>.</param>
    /// <param name="all">Where they go, <see cref="Size"/> times as long.</param>
    /// <param name="count">Elements of a part.</param>
    /// <param name="type">Their type.</param>
    /// <param name="stream">The stream.</param>
    public void AllGather(DevicePointer part, DevicePointer all, long count, NcclDataType type, CudaStream stream)
    {
        Use();
        Announce(stream, AllGatherName, count, Size * count, type);
        api.Check(api.Call.AllGather(part.Address, all.Address, (nuint)count, type, handle, stream.Handle));
        stream.Observer?.Launched(stream, AllGatherName);
    }

    /// <summary>Ends what is under way, on the GPU too, and leaves the group without waiting for anybody. Any thread; a second call does
    /// nothing.</summary>
    public void Abort()
    {
        if (Interlocked.Exchange(ref isEnded, 1) == 0 && !Context.IsDisposed)
            api.Call.CommAbort(handle);
    }

    /// <inheritdoc/>
    protected override CudaResult Release()
    {
        if (Interlocked.Exchange(ref isEnded, 1) != 0)
            return CudaResult.Success;
        NcclResult result = api.Call.CommDestroy(handle);
        // A group that has failed cannot be ended in order; the fault was reported where it happened.
        if (result is NcclResult.InvalidUsage or NcclResult.InvalidArgument)
            api.Check(result, nameof(api.Call.CommDestroy));
        return CudaResult.Success;
    }

    static void Announce(CudaStream stream, string name, long read, long written, NcclDataType type)
    {
        if (stream.Observer is null)
            return;
        int bytes = SizeOf(type);
        stream.Moving(read * bytes, written * bytes).Observer!.Launching(stream, name);
    }

    /// <summary>Bytes of an element.</summary>
    public static int SizeOf(NcclDataType type) => type switch
    {
        NcclDataType.Int8 or NcclDataType.UInt8 => 1,
        NcclDataType.Float16 or NcclDataType.BFloat16 => 2,
        NcclDataType.Int64 or NcclDataType.UInt64 or NcclDataType.Float64 => 8,
        _ => 4,
    };
}
