using System.Runtime.InteropServices;

namespace PerturbedForgetting.Cli.Processes;

/// <summary>The end of a process in which something hangs that an orderly end would wait for.</summary>
static partial class HardExit
{
    /// <summary>Ends this process at once, with nothing done beforehand.</summary>
    public static void Now(int exitCode)
    {
        if (OperatingSystem.IsWindows())
            TerminateProcess(GetCurrentProcess(), (uint)exitCode);
        else
            Exit(exitCode);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int status);

    [LibraryImport("kernel32")]
    private static partial nint GetCurrentProcess();

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool TerminateProcess(nint process, uint exitCode);
}
