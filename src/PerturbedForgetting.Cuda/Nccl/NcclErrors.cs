namespace PerturbedForgetting.Cuda.Nccl;

/// <summary>The statuses of NCCL: their names in C, and what a user can do about each.</summary>
public static class NcclErrors
{
    /// <summary>A status as the header calls it: <c>ncclRemoteError</c>.</summary>
    public static string NameOf(NcclResult result) => Enum.IsDefined(result) ? "nccl" + result : "ncclResult";

    /// <summary>What a user can do about a status; empty when nothing is known.</summary>
    public static string RemedyFor(NcclResult result) => result switch
    {
        NcclResult.UnhandledCudaError =>
            "CUDA failed, here or in an earlier call: look for an earlier error of the GPU, whether its memory is full, and whether the "
            + "driver is as new as NCCL's CUDA version. NCCL_DEBUG=INFO shows more.",
        NcclResult.SystemError =>
            "A socket, shared memory or a library of the network failed. NCCL_DEBUG=INFO shows which; NCCL_SOCKET_IFNAME names the network "
            + "interface that the machines reach each other by; in a container, give it more shared memory (--shm-size=1g).",
        NcclResult.InternalError => "NCCL itself failed: install another version of it. NCCL_DEBUG=INFO shows more.",
        NcclResult.InvalidArgument => "An argument is wrong; this is a fault of the caller.",
        NcclResult.InvalidUsage =>
            "The processes do not make the same calls, or two of them use one GPU: start one process a GPU, all with the same options.",
        NcclResult.RemoteError or NcclResult.Timeout =>
            "Another process has ended, or the network between the machines failed: look at what the others said.",
        _ => "",
    };
}
