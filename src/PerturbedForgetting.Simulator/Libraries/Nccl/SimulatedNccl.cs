using System.Collections.Frozen;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Cuda.Nccl;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Simulator.Libraries.Nccl;

/// <summary>
/// NCCL between software GPUs, of one process or of several, also on several machines: refuses what the real library refuses, and what it
/// would only do wrong (NCCL documentation, "In-place Operations", "Using NCCL with CUDA Graphs", "Error handling"). A member that is gone
/// is <c>ncclRemoteError</c> for the others, whose work waits until it is aborted, as there.
/// </summary>
sealed unsafe class SimulatedNccl
{
    const int MostBytes = 0x7FFF_0000;

    static readonly LibraryEntry<NcclResult> entry = new("nccl", static result => result switch
    {
        CudaResult.Unknown => NcclResult.InternalError,
        CudaResult.InvalidValue => NcclResult.InvalidArgument,
        _ => NcclResult.UnhandledCudaError,
    });

    // Pointers to these strings are handed out and must stay valid.
    static readonly FrozenDictionary<NcclResult, nint> texts = Enum.GetValues<NcclResult>()
        .ToFrozenDictionary(static r => r, static r => Marshal.StringToCoTaskMemUTF8(r == NcclResult.Success ? "no error" : r.ToString()));

    [ThreadStatic] static nint lastError;

    // Held so that the pointer made of it stays valid: it knows no handle by which its library could be found.
    readonly VersionFunction version;

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate NcclResult VersionFunction(int* number);

    /// <summary>Makes the library.</summary>
    /// <param name="version">Its version; null makes none.</param>
    public SimulatedNccl(Version? version)
    {
        this.version = number => entry.Free(() =>
        {
            Require(number is not null, "the version's place is null");
            *number = (int)PackedVersion.Number(version!, NcclApi.FiveDigits);
        }, nameof(NcclTable.GetVersion));
        Api = version is null ? NcclApi.Absent("this software GPU has none") : new() { Entries = Table(), Origin = SimulatedDriver.Name };
    }

    /// <summary>The table of entry points.</summary>
    public NcclApi Api { get; }

    NcclTable Table() => new()
    {
        GetVersion = (delegate* unmanaged<int*, NcclResult>)Marshal.GetFunctionPointerForDelegate(version),
        GetErrorString = &GetErrorString,
        GetLastError = &GetLastError,
        GetUniqueId = &GetUniqueId,
        CommInitRank = &CommInitRank,
        CommDestroy = &CommDestroy,
        CommAbort = &CommAbort,
        CommGetAsyncError = &CommGetAsyncError,
        AllReduce = &AllReduce,
        Broadcast = &Broadcast,
        AllGather = &AllGather,
    };

    [UnmanagedCallersOnly]
    static byte* GetErrorString(NcclResult result) => (byte*)texts.GetValueOrDefault(result);

    [UnmanagedCallersOnly]
    static byte* GetLastError(nint communicator)
    {
        string text = Entry.Finding ?? "";
        entry.Free(() => text = Handles.Find<NcclMember>(communicator) is { Failure.Text.Length: > 0 } member ? member.Failure.Text : text);
        Marshal.FreeCoTaskMem(lastError);
        return (byte*)(lastError = Marshal.StringToCoTaskMemUTF8(text));
    }

    [UnmanagedCallersOnly]
    static NcclResult GetUniqueId(NcclUniqueId* id) => entry.Free(() =>
    {
        Require(id is not null, "the id's place is null");
        try
        {
            *id = NcclHub.Open(NcclAddress.OfThisMachine(Environment.GetEnvironmentVariable("NCCL_SOCKET_IFNAME"))).Address.ToId();
        }
        catch (SocketException e)
        {
            throw Refuse(NcclResult.SystemError, $"no socket for the group to meet at: {e.Message}");
        }
    });

    [UnmanagedCallersOnly]
    static NcclResult CommInitRank(nint* communicator, int size, NcclUniqueId id, int rank) => entry.Run(context =>
    {
        Require(communicator is not null, "the communicator's place is null");
        *communicator = 0;
        Require(size > 0 && rank >= 0 && rank < size, $"rank {rank} of {size}");
        NcclAddress address = NcclAddress.Of(in id)
            ?? throw Refuse(NcclResult.InvalidArgument, "the id was not made by ncclGetUniqueId, or was changed on its way");
        context.Captures.RefuseUnsafe("joining a group of NCCL");
        NcclMember member = new(context, rank, size);
        nint handle = context.Register(member);
        member.Join(address);
        while (!member.HasJoined && member.Failure.Result == NcclResult.Success && !member.IsAborted)
        {
            Entry.AwaitChange();
            context.CheckAlive();
        }
        if (!member.HasJoined)
        {
            context.Unregister(handle, member);
            throw Refuse(member.Failure.Result == NcclResult.Success ? NcclResult.InternalError : member.Failure.Result,
                member.Failure.Text);
        }
        context.Drive();
        *communicator = handle;
    });

    [UnmanagedCallersOnly]
    static NcclResult CommDestroy(nint communicator) => entry.Run(context =>
    {
        NcclMember member = Find(context, communicator);
        context.Captures.RefuseUnsafe("destroying a communicator of NCCL");
        // The real library waits for the graphs to be destroyed, for ever.
        if (context.Objects<SimulatedGraphExecutable>().Any(graph => graph.Holds(member))
            || context.Objects<SimulatedGraph>().Any(graph => graph.Holds(member)))
            throw Refuse(NcclResult.InvalidUsage, "a graph holds work of the communicator: destroy the graph first");
        if (member.Failure.Result == NcclResult.Success)
            context.Scheduler.HostWaitsForAll();
        NcclResult failure = member.Failure.Result;
        member.Leave();
        if (failure != NcclResult.Success)
            member.Abort();
        context.Unregister(communicator, member);
        if (failure != NcclResult.Success)
            throw Refuse(failure, member.Failure.Text);
    });

    [UnmanagedCallersOnly]
    static NcclResult CommAbort(nint communicator) => entry.Free(() =>
    {
        NcclMember member = LibraryEntry<NcclResult>.Object<NcclMember>(communicator, "communicator of NCCL", NcclResult.InvalidArgument);
        member.Abort();
        member.Context.Unregister(communicator, member);
    });

    [UnmanagedCallersOnly]
    static NcclResult CommGetAsyncError(nint communicator, NcclResult* result) => entry.Free(() =>
    {
        Require(result is not null, "the status's place is null");
        *result = LibraryEntry<NcclResult>.Object<NcclMember>(communicator, "communicator of NCCL", NcclResult.InvalidArgument)
            .Failure.Result;
    });

    [UnmanagedCallersOnly]
    static NcclResult AllReduce(ulong send, ulong receive, nuint count, NcclDataType type, NcclOperation operation, nint communicator,
        nint stream) => entry.Run(context =>
    {
        Require(Enum.IsDefined(operation), $"{(int)operation} is no operation");
        NcclCall call = new(NcclCollective.AllReduce, (long)count, type, operation, 0);
        Require(NcclReduction.Knows(type), $"the software GPU adds no {type}");
        Enqueue(NcclGroup.AllReduceName, context, communicator, call, send, receive, stream);
    });

    [UnmanagedCallersOnly]
    static NcclResult Broadcast(ulong send, ulong receive, nuint count, NcclDataType type, int root, nint communicator, nint stream) =>
        entry.Run(context =>
    {
        NcclCall call = new(NcclCollective.Broadcast, (long)count, type, 0, root);
        Enqueue(NcclGroup.BroadcastName, context, communicator, call, send, receive, stream);
    });

    [UnmanagedCallersOnly]
    static NcclResult AllGather(ulong send, ulong receive, nuint count, NcclDataType type, nint communicator, nint stream) =>
        entry.Run(context =>
    {
        NcclCall call = new(NcclCollective.AllGather, (long)count, type, 0, 0);
        Enqueue(NcclGroup.AllGatherName, context, communicator, call, send, receive, stream);
    });

    static void Enqueue(string name, SimulatedContext context, nint communicator, NcclCall call, ulong send, ulong receive, nint stream)
    {
        NcclMember member = Find(context, communicator);
        Require(Enum.IsDefined(call.Type), $"{(int)call.Type} is no data type");
        Require(call.Root >= 0 && call.Root < member.Size, $"root {call.Root} of {member.Size} ranks");
        if (member.Failure.Result != NcclResult.Success)
            throw Refuse(member.Failure.Result, member.Failure.Text);
        SimulatedStream found = Driver.Entry.Stream(context, stream);
        if (call.Count == 0)
            return;
        Require(call.Count is > 0 and <= MostBytes, $"the software GPU sends at most {MostBytes} bytes in one call");
        long part = call.Bytes, all = call.Collective == NcclCollective.AllGather ? member.Size * part : part;
        Require(all <= MostBytes, $"the software GPU sends at most {MostBytes} bytes in one call, not {all}");
        bool isSender = call.Collective != NcclCollective.Broadcast || call.Root == member.Rank;
        MemoryRegion sent = new("what is sent", send, isSender ? part : 0), received = new("what is received", receive, all);
        foreach (MemoryRegion region in isSender ? [sent, received] : new[] { received })
            RequireMemory(context, region, NcclGroup.SizeOf(call.Type));
        ulong inPlace = receive + (call.Collective == NcclCollective.AllGather ? (ulong)(member.Rank * part) : 0);
        Require(!isSender || send == inPlace || !sent.Overlaps(received),
            $"what is sent, at 0x{send:x}, and what is received, at 0x{receive:x}, overlap; in place it is sent from 0x{inPlace:x}");
        found.Enqueue(name, () => new NcclWork(member, member.Next(), call, sent, received), member);
    }

    static void RequireMemory(SimulatedContext context, MemoryRegion region, int alignment)
    {
        Require(region.Address != 0, $"{region.What} is null");
        Require(region.Address % (ulong)alignment == 0,
            $"{region.What} is at 0x{region.Address:x}, which is not a multiple of {alignment}");
        if (context.Memory.Find(region.Address) is not { } allocation || !allocation.Contains(region.Address, region.Bytes))
            throw Refuse(NcclResult.InvalidArgument, $"{region.What}: {context.Memory.Explain(region.Address, region.Bytes).Text}");
    }

    static NcclMember Find(SimulatedContext context, nint communicator)
    {
        NcclMember member = LibraryEntry<NcclResult>.Object<NcclMember>(communicator, "communicator of NCCL", NcclResult.InvalidArgument);
        return member.Context == context
            ? member
            : throw Refuse(NcclResult.InvalidArgument, "the communicator belongs to another GPU than the current one");
    }

    static void Require(bool isRight, string text)
    {
        if (!isRight)
            throw Refuse(NcclResult.InvalidArgument, text);
    }

    static LibraryError<NcclResult> Refuse(NcclResult result, string text) => new(result, text);
}
