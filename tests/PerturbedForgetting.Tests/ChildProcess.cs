using System.Diagnostics;

namespace PerturbedForgetting.Tests;

/// <summary>Runs a program to its end.</summary>
static class ChildProcess
{
    /// <summary>Runs it; a test that waits longer than this fails.</summary>
    /// <returns>Its exit code, and what it wrote to its outputs, the usual one first.</returns>
    public static (int ExitCode, string Output) Run(ProcessStartInfo start, TimeSpan limit)
    {
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{start.FileName} is not done within {limit}");
        }
        return (process.ExitCode, output.Result + error.Result);
    }
}
