using System.Diagnostics;
using System.Text;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>A .NET program with the processes that it starts, as a terminal has them: one signal can reach all of them (Linux).</summary>
sealed class ProcessGroup : IDisposable
{
    /// <summary>How long anything may take on a machine with much else to do.</summary>
    static readonly TimeSpan limit = TimeSpan.FromMinutes(2);

    readonly StringBuilder output = new();
    readonly Process process;

    /// <summary>Starts it.</summary>
    /// <param name="args">The assembly and its arguments.</param>
    public ProcessGroup(IEnumerable<string> args)
    {
        // Tests that run in the background of a shell ignore SIGINT, and so would what they start.
        ProcessStartInfo start = new("setsid", ["env", "--default-signal=HUP,INT,TERM", "dotnet", .. args])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => Append(line.Data);
        process.ErrorDataReceived += (_, line) => Append(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Waits for something; fails when it does not come, or when the program ends before.</summary>
    public void WaitUntil(Func<bool> condition)
    {
        for (long began = Stopwatch.GetTimestamp(); !condition(); Thread.Sleep(20))
            if (process.HasExited || Stopwatch.GetElapsedTime(began) > limit)
                Assert.Fail($"what was waited for did not come: {Output}");
    }

    /// <summary>Sends a signal.</summary>
    /// <param name="signal">Its name.</param>
    /// <param name="whom">Empty: to the program; a dash: to all its processes.</param>
    public void Signal(string signal, string whom) => Process.Start("/bin/sh", ["-c", $"kill -{signal} {whom}{process.Id}"]).WaitForExit();

    /// <summary>Waits for its end.</summary>
    /// <returns>Its exit code and what it wrote.</returns>
    public (int ExitCode, string Output) End()
    {
        Assert.That(process.WaitForExit(limit), Output);
        process.WaitForExit();
        return (process.ExitCode, Output);
    }

    /// <summary>Ends what still runs.</summary>
    public void Dispose()
    {
        if (!process.HasExited)
            Signal("KILL", "-");
        process.Dispose();
    }

    string Output
    {
        get
        {
            lock (output)
                return output.ToString();
        }
    }

    void Append(string? line)
    {
        lock (output)
            output.AppendLine(line);
    }
}
