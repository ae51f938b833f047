using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using PerturbedForgetting.Tensors;

namespace Benchmarks;

/// <summary>
/// A process that makes training steps and ends: the peer's, or this program's own, which the hidden command <c>step MODEL BATCH PIXELS
/// STEPS</c> is. What is read of it is the time of a step, which it prints as <c>X s/step</c>, and the most memory it ever had.
/// </summary>
static partial class StepProcess
{
    const int SampleMilliseconds = 20;

    /// <summary>What a process was seen to need; not a number for what it did not say.</summary>
    /// <param name="Seconds">Of a step.</param>
    /// <param name="Mebibytes">Its largest resident set.</param>
    public readonly record struct Cost(double Seconds, double Mebibytes);

    /// <summary>Runs another program with MODEL BATCH PIXELS STEPS.</summary>
    /// <param name="environment">Variables that it gets beside our own.</param>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    public static Cost Measure(IReadOnlyDictionary<string, string> environment, string program, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        string complaint = "";
        process.ErrorDataReceived += (_, line) => complaint = line.Data is { Length: > 0 } text ? text : complaint;
        process.BeginErrorReadLine();
        var reading = process.StandardOutput.ReadToEndAsync();
        long peak = 0;
        // The system keeps the highest mark, so only the last moments of the process can be missed.
        while (!process.WaitForExit(SampleMilliseconds))
            peak = Math.Max(peak, Peak(process));
        process.WaitForExit();
        var match = StepTime().Match(reading.Result);
        if (process.ExitCode != 0 || !match.Success)
        {
            Console.Error.WriteLine($"{program} {string.Join(' ', arguments)} failed with exit code {process.ExitCode} and printed no "
                + $"'s/step': {complaint}");
            return new(double.NaN, double.NaN);
        }
        return new(double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture), peak > 0 ? peak / 1048576.0 : double.NaN);
    }

    /// <summary>Runs SAM steps of a workload in a process of its own.</summary>
    public static Cost MeasureOwn(StepWorkload workload, int steps)
    {
        string program = Environment.ProcessPath!, first = Environment.GetCommandLineArgs()[0];
        // Started as "dotnet Benchmarks.dll".
        string[] self = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [first] : [];
        return Measure(new Dictionary<string, string>(), program, [.. self, "step", workload.Model, Text(workload.Batch),
            Text(workload.Pixels), Text(steps), workload.Optimizer, "--threads", Text(Cpu.Threads)]);
    }

    /// <summary>The hidden command.</summary>
    public static Command Command(TextWriter output)
    {
        Argument<string> model = new("MODEL"), optimizer = new("OPTIMIZER");
        Argument<int> batch = new("BATCH"), pixels = new("PIXELS"), steps = new("STEPS");
        Option<int> threads = new("--threads") { DefaultValueFactory = _ => Cpu.Threads };
        Command command = new("step") { model, batch, pixels, steps, optimizer, threads };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            Cpu.Threads = parsed.GetValue(threads);
            StepWorkload workload = new(parsed.GetValue(model)!, "", parsed.GetValue(batch), parsed.GetValue(pixels),
                parsed.GetValue(optimizer)!);
            using var step = new StepCase(workload, StepKind.Sam);
            double[] seconds = [.. Enumerable.Range(0, parsed.GetValue(steps) + StepCase.WarmUp).Select(_ => step.Time(StepKind.Sam))
                .Skip(StepCase.WarmUp).Order()];
            var memory = Device.Cpu.Memory;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{workload.Name}: {seconds[seconds.Length / 2]:F4} s/step, tensors {memory.Peak / 1048576.0:F0} MiB at most, "
                + $"{memory.Live / 1048576.0:F0} live and {memory.Cached / 1048576.0:F0} cached now, managed heap "
                + $"{GC.GetTotalMemory(false) / 1048576.0:F0}"));
        });
        return command;
    }

    static long Peak(Process process)
    {
        try
        {
            process.Refresh();
            return process.PeakWorkingSet64;
        }
        catch (InvalidOperationException)
        {
            // It has just ended.
            return 0;
        }
    }

    static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"([0-9.]+) s/step")]
    private static partial Regex StepTime();
}
