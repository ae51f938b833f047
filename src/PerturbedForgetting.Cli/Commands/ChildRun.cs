using System.Diagnostics;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Runs.Sweeping;

namespace PerturbedForgetting.Cli.Commands;

/// <summary>Runs of a sweep in processes of their own, one a device at a time.</summary>
static class ChildRun
{
    const string OptionsName = "start.json", LogName = "log.txt", InUse = "another run trains in this folder";

    /// <summary>How long a process has to say that it heard a signal.</summary>
    static readonly TimeSpan hearing = TimeSpan.FromSeconds(1);

    /// <summary>A place for runs.</summary>
    /// <param name="device">Name of its device.</param>
    public static SweepPlace On(string device) => (point, token) => Run(point, device, token);

    static (SweepState State, string Message) Run(SweepPoint point, string device, CancellationToken token)
    {
        string folder = Path.Combine(point.Options.Output, point.Name), options = Path.Combine(folder, OptionsName);
        Directory.CreateDirectory(folder);
        AtomicFile.WriteText(options, OptionsJson.Write(point.Options with { Resume = "", Device = device }));
        using StreamWriter log = new(new FileStream(Path.Combine(folder, LogName), FileMode.Append, FileAccess.Write, FileShare.ReadWrite));
        using Process process = Process.Start(OwnProgram.With(["train", "--config", options, "--resume", "auto"]))!;
        string last = "";
        bool isStopping = false;
        process.OutputDataReceived += (_, line) => Write(line.Data);
        process.ErrorDataReceived += (_, line) => Write(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            process.WaitForExitAsync(token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            Stop(process, () => Volatile.Read(ref isStopping));
            process.WaitForExit();
            throw;
        }
        // Ctrl-C reaches it as soon as this program.
        if (process.ExitCode is ExitCodes.Interrupted or ExitCodes.Terminated or ExitCodes.HungUp && token.WaitHandle.WaitOne(hearing))
            token.ThrowIfCancellationRequested();
        return process.ExitCode switch
        {
            ExitCodes.Success => (SweepState.Finished, ""),
            _ when last.Contains(InUse, StringComparison.Ordinal) => (SweepState.InUse, ""),
            _ => (SweepState.Failed, last),
        };

        void Write(string? line)
        {
            if (line is null)
                return;
            lock (log)
            {
                log.WriteLine(line);
                log.Flush();
                last = line.Length > 0 ? line : last;
            }
            if (line.StartsWith(Interruption.Announcement, StringComparison.Ordinal))
                Volatile.Write(ref isStopping, true);
        }
    }

    /// <summary>Asks a process to stop where it can be continued. Ctrl-C reaches all processes of a terminal, and a second signal would end
    /// them at once: so only those are asked that have not said that they heard.</summary>
    static void Stop(Process process, Func<bool> hasHeard)
    {
        if (process.WaitForExit(hearing) || hasHeard())
            return;
        if (OperatingSystem.IsWindows())
            process.Kill();
        else
            Process.Start("/bin/sh", ["-c", FormattableString.Invariant($"kill -TERM {process.Id}")]).Dispose();
    }
}
