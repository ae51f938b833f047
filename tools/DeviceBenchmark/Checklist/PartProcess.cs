using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace DeviceBenchmark.Checklist;

/// <summary>Runs a part as a process for a limited time; what it writes is shown and kept.</summary>
static class PartProcess
{
    /// <summary>Exit codes that the programs have: of tests, and of this program.</summary>
    public const int Failed = 1, Sticky = 3, OutOfTime = 4;

    /// <summary>Time in which a part that was told when to stop has to stop.</summary>
    public const double Grace = 4;

    /// <summary>Runs it.</summary>
    /// <param name="part">The part.</param>
    /// <param name="seconds">When it is ended.</param>
    /// <param name="log">File for what it writes; one that is there is continued.</param>
    /// <param name="output">Shows the same.</param>
    /// <param name="token">Ends it at once.</param>
    /// <returns>What became of it, and why where its name does not say that.</returns>
    public static (PartState State, string Note) Run(Part part, double seconds, string log, TextWriter output, CancellationToken token)
    {
        string[] command = part.Command(Math.Max(1, seconds - Grace));
        using StreamWriter file = new(log, append: true) { AutoFlush = true };
        Lock gate = new();
        ProcessStartInfo start = new(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = new() { StartInfo = start };
        process.OutputDataReceived += (_, e) => Write(e.Data);
        process.ErrorDataReceived += (_, e) => Write(e.Data);
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            Write(e.Message);
            return (PartState.Died, e.Message);
        }
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        bool ended = Wait(process, seconds, token);
        if (!ended)
            process.Kill(entireProcessTree: true);
        process.WaitForExit();
        return ended ? StateOf(process.ExitCode)
            : (PartState.Killed, token.IsCancellationRequested ? "interrupted" : string.Create(CultureInfo.InvariantCulture,
                $"not done after {seconds:0} s"));

        void Write(string? line)
        {
            if (line is null)
                return;
            lock (gate)
            {
                file.WriteLine(line);
                output.WriteLine(line);
            }
        }
    }

    static bool Wait(Process process, double seconds, CancellationToken token)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(token);
        limit.CancelAfter(TimeSpan.FromSeconds(seconds));
        try
        {
            process.WaitForExitAsync(limit.Token).GetAwaiter().GetResult();
            return true;
        }
        catch (OperationCanceledException)
        {
            return process.HasExited;
        }
    }

    // A program of a shell ends with 128 and the signal's number.
    static (PartState State, string Note) StateOf(int exitCode) => exitCode switch
    {
        0 => (PartState.Ok, ""),
        Sticky => (PartState.Sticky, ""),
        OutOfTime => (PartState.OutOfTime, ""),
        > 128 and < 160 => (PartState.Died, string.Create(CultureInfo.InvariantCulture, $"ended by signal {exitCode - 128}")),
        _ => (PartState.Failed, exitCode == Failed ? "" : string.Create(CultureInfo.InvariantCulture, $"exit code {exitCode}")),
    };
}
