using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Nccl;

/// <summary>The entry points of NCCL. One that the library lacks returns <see cref="NcclResult.InternalError"/>, and so do all where there
/// is no library; what returns a text returns none.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct NcclTable : INativeTable
{
    static CudaLibrary INativeTable.Library => CudaLibrary.Nccl;

    static string INativeTable.Prefix => "nccl";

    static string[] INativeTable.Exports { get; } =
    [
        "ncclGetVersion", "ncclGetErrorString", "ncclGetLastError", "ncclGetUniqueId", "ncclCommInitRank", "ncclCommDestroy",
        "ncclCommAbort", "ncclCommGetAsyncError", "ncclAllReduce", "ncclBroadcast", "ncclAllGather",
    ];

    static nint INativeTable.StandIn(string export, bool isSupported) => export is "ncclGetErrorString" or "ncclGetLastError"
        ? (nint)(delegate* unmanaged<nint>)&Nothing
        : (nint)(delegate* unmanaged<NcclResult>)&NotThere;

    [UnmanagedCallersOnly]
    static NcclResult NotThere() => NcclResult.InternalError;

    [UnmanagedCallersOnly]
    static nint Nothing() => 0;

    // Version, errors.
    /// <summary>(version): 10000·major + 100·minor + patch since 2.9; 1000·major + … before.</summary>
    public delegate* unmanaged<int*, NcclResult> GetVersion;
    /// <summary>(status): its text.</summary>
    public delegate* unmanaged<NcclResult, byte*> GetErrorString;
    /// <summary>(communicator): the last warning of the library, also of another communicator, which may be 0. Since 2.13.</summary>
    public delegate* unmanaged<nint, byte*> GetLastError;

    // Communicators.
    /// <summary>(id)</summary>
    public delegate* unmanaged<NcclUniqueId*, NcclResult> GetUniqueId;
    /// <summary>(communicator, ranks, id, rank): waits for all ranks.</summary>
    public delegate* unmanaged<nint*, int, NcclUniqueId, int, NcclResult> CommInitRank;
    /// <summary>(communicator): waits for its work, and for graphs that hold some of it to be destroyed.</summary>
    public delegate* unmanaged<nint, NcclResult> CommDestroy;
    /// <summary>(communicator): ends its work, and destroys it.</summary>
    public delegate* unmanaged<nint, NcclResult> CommAbort;
    /// <summary>(communicator, status): what has gone wrong since it was made.</summary>
    public delegate* unmanaged<nint, NcclResult*, NcclResult> CommGetAsyncError;

    // Collectives. Counts are of elements of one rank.
    /// <summary>(send, receive, count, type, operation, communicator, stream): in place where the two are the same.</summary>
    public delegate* unmanaged<ulong, ulong, nuint, NcclDataType, NcclOperation, nint, nint, NcclResult> AllReduce;
    /// <summary>(send, receive, count, type, root, communicator, stream): in place where the two are the same.</summary>
    public delegate* unmanaged<ulong, ulong, nuint, NcclDataType, int, nint, nint, NcclResult> Broadcast;
    /// <summary>(send, receive, count, type, communicator, stream): in place where what is sent lies at this rank's place in what is
    /// received.</summary>
    public delegate* unmanaged<ulong, ulong, nuint, NcclDataType, nint, nint, NcclResult> AllGather;
}
