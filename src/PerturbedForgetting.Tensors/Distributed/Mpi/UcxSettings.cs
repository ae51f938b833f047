using System.Runtime.InteropServices;

namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>
/// What UCX, through which MPICH and Open MPI reach networks and each other, is told before it is loaded. It would end this process where
/// .NET, or a run that outlives one of its processes, goes on. A person who has set a variable knows why.
/// </summary>
static partial class UcxSettings
{
    /// <summary>It takes the signals of faults of the processor for itself. .NET lives on them: a null reference or a division by zero is
    /// an exception only where the runtime sees the signal.</summary>
    const string Signals = "UCX_ERROR_SIGNALS";

    /// <summary>It reads the memory of another process of the machine directly, and aborts if that one dies meanwhile. Shared memory, which
    /// both copy to and from, has no such moment.</summary>
    const string Transports = "UCX_TLS", AllButForeignMemory = "^cma";

    /// <summary>Sets them.</summary>
    public static void Set()
    {
        // The runtime's own copy of the environment is not what a library reads.
        if (OperatingSystem.IsWindows())
            return;
        _ = SetVariable(Signals, "", overwrite: 0);
        _ = SetVariable(Transports, AllButForeignMemory, overwrite: 0);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
