using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Runtime.ExceptionServices;
using System.Security;
using NUnit.Framework.Api;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tests;

/// <summary>Runs tests in this process, through NUnit's own runner: no SDK, no test host.</summary>
/// <param name="output">Receives failures and counts.</param>
/// <param name="log">Receives every test as it ends; what is in it is not run again. Null for none.</param>
/// <param name="limit">No test begins after so long.</param>
sealed class TestRun(TextWriter output, TestLog? log, TimeSpan limit) : ITestListener, IDisposable
{
    /// <summary>Exit codes beside 0 (tests ran, all passed) and 1 (a test failed, or there is none).</summary>
    public const int ExitCodeOfUsage = 2, ExitCodeOfSticky = 3, ExitCodeOfTime = 4;

    const string Usage = "usage: [--filter REGEX of the full name] [--log FILE] [--seconds N]";

    const int LinesOfAStack = 6, TestsOfALine = 200;

    readonly NUnitTestAssemblyRunner runner = new(new DefaultTestAssemblyBuilder());
    readonly Stopwatch clock = Stopwatch.StartNew();
    readonly List<ITestResult> failures = [];
    // Some fixtures run beside each other.
    readonly Lock gate = new();
    CudaResult? sticky;
    int passed, skipped, exitCodeOfStop;

    /// <summary>The instructions that a run is made with, its first line.</summary>
    internal static string Describe(SimdKind kernels, int vectorBits) => $"{kernels} kernels, vectors of {vectorBits} bits";

    /// <summary>Runs a command line; 0 when something ran and nothing failed.</summary>
    public static int Execute(IReadOnlyList<string> arguments, TextWriter output)
    {
        string filter = ".", file = "";
        double seconds = TimeSpan.FromDays(1).TotalSeconds;
        for (int i = 0; i < arguments.Count; i += 2)
        {
            bool isKnown = i + 1 < arguments.Count && arguments[i] switch
            {
                "--filter" => (filter = arguments[i + 1]).Length > 0,
                "--log" => (file = arguments[i + 1]).Length > 0,
                "--seconds" => double.TryParse(arguments[i + 1], NumberStyles.Float, CultureInfo.InvariantCulture, out seconds)
                    && seconds > 0,
                _ => false,
            };
            if (!isKnown)
            {
                output.WriteLine($"'{arguments[i]}' is no option, or needs another value.\n{Usage}");
                return ExitCodeOfUsage;
            }
        }
        using TestLog? log = file.Length > 0 ? new TestLog(file) : null;
        using var run = new TestRun(output, log, TimeSpan.FromSeconds(seconds));
        return run.Run(filter);
    }

    int Run(string filter)
    {
        output.WriteLine(Describe(SimdLevel.Current, 8 * Vector<byte>.Count));
        runner.Load(typeof(TestRun).Assembly, new Dictionary<string, object>());
        string chosen = $"<test re='1'>{SecurityElement.Escape(filter)}</test>";
        int planned = runner.CountTestCases(TestFilter.FromXml($"<filter>{chosen}</filter>"));
        log?.Planned(planned);
        string others = log is { Ended.Count: > 0 }
            ? $"<not><or>{string.Concat(log.Ended.Select(n => $"<test>{SecurityElement.Escape(n)}</test>"))}</or></not>"
            : "";
        AppDomain.CurrentDomain.FirstChanceException += Notice;
        runner.Run(this, TestFilter.FromXml($"<filter><and>{chosen}{others}</and></filter>"));
        foreach (ITestResult failure in failures)
            Describe(failure);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{passed} passed, {failures.Count} failed, {skipped} skipped, {clock.Elapsed.TotalSeconds:0} "
            + $"s{(planned == 0 ? $": no test matches '{filter}'" : "")}"));
        // What an earlier run of the group has done is good or bad as it was then.
        bool isGood = planned > 0 && (log is null ? failures.Count == 0 && passed > 0 : log is { Failures: 0, Ended.Count: > 0 });
        return exitCodeOfStop > 0 ? exitCodeOfStop : isGood ? 0 : 1;
    }

    /// <inheritdoc/>
    public void TestFinished(ITestResult result)
    {
        lock (gate)
        {
            if (!result.Test.IsSuite)
                Count(result);
            // Tests pass, then the end of their fixture fails.
            else if (result.ResultState.Status == TestStatus.Failed && result.ResultState.Site == FailureSite.TearDown)
                Fail(result);
        }
    }

    void Count(ITestResult result)
    {
        switch (result.ResultState.Status)
        {
            case TestStatus.Failed:
                Fail(result);
                break;
            case TestStatus.Passed or TestStatus.Warning:
                passed++;
                log?.End(result.FullName, TestLog.Passed, null);
                break;
            default:
                skipped++;
                log?.End(result.FullName, TestLog.Skipped, result.Message);
                break;
        }
        sticky = null;
        if ((passed + skipped + failures.Count) % TestsOfALine == 0)
            output.WriteLine($"{passed + skipped + failures.Count} tests, {failures.Count} failed");
        if (clock.Elapsed > limit)
            Stop(ExitCodeOfTime, string.Create(CultureInfo.InvariantCulture, $"the {limit.TotalSeconds:0.#} s of this group are over"));
    }

    void Fail(ITestResult result)
    {
        failures.Add(result);
        log?.End(result.FullName, TestLog.Failed, result.Message);
        if (sticky is { } code)
            Stop(ExitCodeOfSticky, $"{CudaErrors.NameOf(code)} ({(int)code}): nothing works in this process any more");
    }

    void Stop(int exitCode, string why)
    {
        if (exitCodeOfStop > 0)
            return;
        exitCodeOfStop = exitCode;
        output.WriteLine($"stopped: {why}");
        log?.Stop(why);
        runner.StopRun(force: false);
    }

    // After such a code every call on the device fails: what runs afterwards says nothing. A test may expect one, of a software GPU of its
    // own; then it passes.
    void Notice(object? sender, FirstChanceExceptionEventArgs e)
    {
        if (e.Exception is CudaException { Result: var code } && CudaErrors.IsSticky(code))
            sticky ??= code;
    }

    void Describe(ITestResult failure)
    {
        output.WriteLine($"FAILED {failure.FullName}");
        output.WriteLine(failure.Message);
        foreach (string line in (failure.StackTrace ?? "").Split('\n').Take(LinesOfAStack))
            output.WriteLine(line);
    }

    public void Dispose() => AppDomain.CurrentDomain.FirstChanceException -= Notice;

    /// <inheritdoc/>
    public void TestStarted(ITest test)
    {
        if (test.IsSuite)
            return;
        lock (gate)
            log?.Begin(test.FullName);
    }

    /// <inheritdoc/>
    public void TestOutput(TestOutput output)
    {
    }

    /// <inheritdoc/>
    public void SendMessage(TestMessage message)
    {
    }
}
