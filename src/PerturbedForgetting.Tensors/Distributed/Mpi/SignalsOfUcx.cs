using System.Runtime.InteropServices;

namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>
/// UCX, through which MPICH and Open MPI reach networks, takes the signals of faults of the processor for itself and ends the process. .NET
/// lives on them: a null reference or a division by zero is an exception only where the runtime sees the signal.
/// </summary>
static partial class SignalsOfUcx
{
    /// <summary>The variable that UCX reads when it is loaded. A person who has set it knows why.</summary>
    public const string Variable = "UCX_ERROR_SIGNALS";

    /// <summary>Lets UCX have none of them; before it is loaded.</summary>
    public static void LeaveToRuntime()
    {
        // The runtime's own copy of the environment is not what a library reads.
        if (!OperatingSystem.IsWindows())
            _ = SetVariable(Variable, "", overwrite: 0);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
