using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Distributed;

namespace PerturbedForgetting.Cli.Processes;

/// <summary>The other processes of <c>--gpus</c>, which this one has started with its own arguments. None outlives it: they end when the
/// connection to it closes, and what still runs in the end is killed.</summary>
sealed class LocalProcesses : IDisposable
{
    readonly List<Process> processes = [];
    readonly Action<int, string> ended;
    readonly TimeSpan patience;

    /// <summary>Starts them.</summary>
    /// <param name="count">Processes in all, this one among them.</param>
    /// <param name="port">Where this one listens.</param>
    /// <param name="token">Lets them in.</param>
    /// <param name="patience">How long they have to end by themselves.</param>
    /// <param name="ended">Told the rank of one that has ended, and how.</param>
    /// <exception cref="CommunicationException">One cannot be started.</exception>
    public LocalProcesses(int count, int port, string token, TimeSpan patience, Action<int, string> ended)
    {
        (this.ended, this.patience) = (ended, patience);
        try
        {
            for (int rank = 1; rank < count; rank++)
                processes.Add(Start(rank, count, port, token));
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException)
        {
            Kill();
            throw new CommunicationException(string.Create(CultureInfo.InvariantCulture,
                $"process {processes.Count + 1} of {count} cannot be started: {e.Message}"), e);
        }
    }

    Process Start(int rank, int count, int port, string token)
    {
        ProcessStartInfo start = OwnProgram.With(Environment.GetCommandLineArgs().Skip(1));
        // Nobody types for them.
        start.RedirectStandardInput = true;
        foreach ((string name, string value) in new[]
        {
            ("RANK", Text(rank)), ("LOCAL_RANK", Text(rank)), ("WORLD_SIZE", Text(count)), ("LOCAL_WORLD_SIZE", Text(count)),
            ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", Text(port)),
            (EnvironmentVariables.Token.Name, token), (EnvironmentVariables.Parent.Name, Text(Environment.ProcessId)),
        })
            start.Environment[name] = value;
        Process process = new() { StartInfo = start, EnableRaisingEvents = true };
        string last = "";
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += (_, line) => last = line.Data is { Length: > 0 } said ? said : last;
        process.Exited += (_, _) =>
        {
            // What it said last comes behind its end.
            process.WaitForExit(TimeSpan.FromMilliseconds(200));
            ended(rank, Describe(process.ExitCode) + (last.Length > 0 ? $", with '{last}'" : ""));
        };
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;

        static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Waits a little for those who still run, and kills them then.</summary>
    public void Dispose()
    {
        long end = Stopwatch.GetTimestamp() + (long)(patience.TotalSeconds * Stopwatch.Frequency);
        foreach (Process process in processes)
        {
            TimeSpan left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), end);
            process.WaitForExit(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        }
        Kill();
        foreach (Process process in processes)
            process.Dispose();
    }

    /// <summary>Ends them all at once.</summary>
    public void Kill()
    {
        foreach (Process process in processes)
        {
            try
            {
                if (!process.HasExited)
                    process.Kill(entireProcessTree: true);
            }
            catch (Exception e) when (e is InvalidOperationException or Win32Exception)
            {
                // It has just ended by itself.
            }
        }
    }

    static string Describe(int exitCode)
    {
        const int Signals = 128, LastSignal = 31;
        return exitCode is > Signals and <= Signals + LastSignal && !OperatingSystem.IsWindows()
            ? string.Create(CultureInfo.InvariantCulture, $"by signal {exitCode - Signals}")
            : string.Create(CultureInfo.InvariantCulture, $"with exit code {exitCode}");
    }
}
