using System.ComponentModel;
using System.Diagnostics;

namespace DeviceBenchmark.Checklist;

/// <summary>What a machine has.</summary>
static class Machine
{
    static readonly TimeSpan patience = TimeSpan.FromSeconds(30);

    /// <summary>Whether a program is there and ends well.</summary>
    public static bool Runs(string program, params string[] arguments)
    {
        try
        {
            ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
            using var process = Process.Start(start)!;
            // Whoever writes much waits for a reader.
            process.OutputDataReceived += static (_, _) => { };
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            if (process.WaitForExit(patience))
                return process.ExitCode == 0;
            process.Kill(entireProcessTree: true);
            return false;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
