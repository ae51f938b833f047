using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Security;
using System.Text.Json;
using NUnit.Framework.Api;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tests;

/// <summary>Runs tests in this process, through NUnit's own runner: no SDK, no test host. Also what the assembly does when run as a
/// program.</summary>
sealed class TestRun(TextWriter output) : ITestListener
{
    const string Usage = "usage: [--filter REGEX of the full name] [--json FILE]";

    const int LinesOfAStack = 6, TestsOfALine = 200;

    readonly List<ITestResult> failures = [];
    int passed, skipped;

    /// <summary>The instructions that a run is made with, its first line.</summary>
    internal static string Describe(SimdKind kernels, int vectorBits) => $"{kernels} kernels, vectors of {vectorBits} bits";

    static int Main(string[] arguments) => Execute(arguments, Console.Out);

    /// <summary>Runs a command line; 0 when something ran and nothing failed.</summary>
    public static int Execute(IReadOnlyList<string> arguments, TextWriter output)
    {
        string filter = ".", json = "";
        for (int i = 0; i < arguments.Count; i += 2)
        {
            if (i + 1 == arguments.Count || arguments[i] is not ("--filter" or "--json"))
            {
                output.WriteLine($"'{arguments[i]}' is no option, or needs a value.\n{Usage}");
                return ExitCodeOfUsage;
            }
            _ = arguments[i] == "--filter" ? filter = arguments[i + 1] : json = arguments[i + 1];
        }
        return new TestRun(output).Run(filter, json);
    }

    const int ExitCodeOfUsage = 2;

    int Run(string filter, string json)
    {
        var clock = Stopwatch.StartNew();
        output.WriteLine(Describe(SimdLevel.Current, 8 * Vector<byte>.Count));
        var runner = new NUnitTestAssemblyRunner(new DefaultTestAssemblyBuilder());
        runner.Load(typeof(TestRun).Assembly, new Dictionary<string, object>());
        runner.Run(this, TestFilter.FromXml($"<filter><test re='1'>{SecurityElement.Escape(filter)}</test></filter>"));
        foreach (ITestResult failure in failures)
            Describe(failure);
        bool isGood = failures.Count == 0 && passed > 0;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{passed} passed, {failures.Count} failed, {skipped} skipped, {clock.Elapsed.TotalSeconds:0} "
            + $"s{(passed + failures.Count == 0 ? $": no test matches '{filter}'" : "")}"));
        if (json.Length > 0)
            Write(json, clock.Elapsed.TotalSeconds);
        return isGood ? 0 : 1;
    }

    /// <inheritdoc/>
    public void TestFinished(ITestResult result)
    {
        if (result.Test.IsSuite)
        {
            // Tests pass, then the end of their fixture fails.
            if (result.ResultState.Status == TestStatus.Failed && result.ResultState.Site == FailureSite.TearDown)
                failures.Add(result);
            return;
        }
        switch (result.ResultState.Status)
        {
            case TestStatus.Failed:
                failures.Add(result);
                break;
            case TestStatus.Passed or TestStatus.Warning:
                passed++;
                break;
            default:
                skipped++;
                break;
        }
        if ((passed + skipped + failures.Count) % TestsOfALine == 0)
            output.WriteLine($"{passed + skipped + failures.Count} tests, {failures.Count} failed");
    }

    void Describe(ITestResult failure)
    {
        output.WriteLine($"FAILED {failure.FullName}");
        output.WriteLine(failure.Message);
        foreach (string line in (failure.StackTrace ?? "").Split('\n').Take(LinesOfAStack))
            output.WriteLine(line);
    }

    void Write(string file, double seconds)
    {
        using FileStream stream = File.Create(file);
        using Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true });
        writer.WriteStartObject();
        writer.WriteNumber("passed", passed);
        writer.WriteNumber("skipped", skipped);
        writer.WriteNumber("seconds", Math.Round(seconds, 1));
        writer.WriteStartArray("failed");
        foreach (ITestResult failure in failures)
            writer.WriteStringValue(failure.FullName);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    public void TestStarted(ITest test)
    {
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
