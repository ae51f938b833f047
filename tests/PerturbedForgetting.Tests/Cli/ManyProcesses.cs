using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using PerturbedForgetting.Cli;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>The program, started as many processes as whoever sets RANK and WORLD_SIZE does.</summary>
sealed class ManyProcesses : IDisposable
{
    /// <summary>How long an end may take on a machine with much else to do.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    readonly Process[] processes;
    readonly StringBuilder[] outputs;

    /// <summary>Starts them.</summary>
    /// <param name="count">How many.</param>
    /// <param name="args">Arguments of each, by rank.</param>
    public ManyProcesses(int count, Func<int, string[]> args)
    {
        string port = FreePort().ToString(CultureInfo.InvariantCulture), token = Guid.NewGuid().ToString();
        outputs = [.. Enumerable.Range(0, count).Select(static _ => new StringBuilder())];
        processes = [.. Enumerable.Range(0, count).Select(rank =>
        {
            // Tests that run in the background of a shell ignore SIGINT, and so would what they start.
            ProcessStartInfo start = new("env",
                ["--default-signal=HUP,INT,TERM", "dotnet", typeof(CommandLineApp).Assembly.Location, .. args(rank)])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                Environment =
                {
                    ["RANK"] = rank.ToString(CultureInfo.InvariantCulture),
                    ["WORLD_SIZE"] = count.ToString(CultureInfo.InvariantCulture),
                    ["MASTER_ADDR"] = "localhost",
                    ["MASTER_PORT"] = port,
                    ["PERTURBED_FORGETTING_TOKEN"] = token,
                },
            };
            var process = Process.Start(start)!;
            process.OutputDataReceived += (_, line) => Append(rank, line.Data);
            process.ErrorDataReceived += (_, line) => Append(rank, line.Data);
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            return process;
        })];
    }

    /// <summary>A process.</summary>
    public Process this[int rank] => processes[rank];

    /// <summary>Waits until the first has written something.</summary>
    public void WaitFor(string words)
    {
        for (long began = Stopwatch.GetTimestamp(); !OutputOf(0).Contains(words, StringComparison.Ordinal); Thread.Sleep(10))
            if (processes[0].HasExited || Stopwatch.GetElapsedTime(began) > Limit)
                Assert.Fail($"'{words}' did not come: {OutputOf(0)}");
    }

    /// <summary>Sends a signal to one (not on Windows).</summary>
    public void Signal(string name, int rank) =>
        Process.Start("/bin/sh", ["-c", FormattableString.Invariant($"kill -{name} {processes[rank].Id}")]).WaitForExit();

    /// <summary>Waits for the end of all but some.</summary>
    /// <returns>Exit code and what was written, by rank.</returns>
    public (int ExitCode, string Output)[] End(params int[] butThese)
    {
        for (int rank = 0; rank < processes.Length; rank++)
        {
            if (butThese.Contains(rank))
                continue;
            Assert.That(processes[rank].WaitForExit(Limit), $"rank {rank} does not end: {OutputOf(rank)}");
            processes[rank].WaitForExit();
        }
        return [.. processes.Select((p, rank) => (butThese.Contains(rank) ? -1 : p.ExitCode, OutputOf(rank)))];
    }

    public void Dispose()
    {
        foreach (var process in processes)
        {
            if (!process.HasExited)
                process.Kill();
            process.Dispose();
        }
    }

    string OutputOf(int rank)
    {
        lock (outputs[rank])
            return outputs[rank].ToString();
    }

    void Append(int rank, string? line)
    {
        lock (outputs[rank])
            outputs[rank].Append(line is null ? "" : line + "\n");
    }

    static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
