using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace DeviceBenchmark.Checklist;

/// <summary>Runs the parts of the checklist one after the other, within the time that there is.</summary>
static class ChecklistRun
{
    /// <summary>For the table at the end.</summary>
    const double Reserve = 1;

    /// <summary>Runs what is not finished yet, and shows the table of all.</summary>
    /// <returns>0 when nothing failed; parts that were left out or cut are told.</returns>
    public static int Run(ChecklistOptions options, TextWriter output)
    {
        var clock = Stopwatch.StartNew();
        var log = ResultLog.Open(options.Output, options.Device);
        using CancellationTokenSource stop = new();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        List<Part> left = [.. PartList.Of(options).Where(p => !log.IsDone(p.Name))];
        for (; left.Count > 0 && !stop.IsCancellationRequested; left.RemoveAt(0))
        {
            Part part = left[0];
            if (part.WhyLeftOut() is { } reason)
            {
                log.Add(new(part.Name, PartState.LeftOut, 0, reason, null));
                continue;
            }
            double remaining = (60 * options.Minutes) - clock.Elapsed.TotalSeconds - Reserve;
            double seconds = Schedule.SecondsOfNext(left, remaining);
            if (seconds == 0)
            {
                log.Add(new(part.Name, PartState.Cut, 0, string.Create(CultureInfo.InvariantCulture,
                    $"takes {part.Least:0} s at the least, {Math.Max(0, remaining):0} s were left"), ResultOf(options, part.Name)));
                continue;
            }
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"== {part.Name}, at most {seconds:0} s"));
            double start = clock.Elapsed.TotalSeconds;
            (PartState state, string note) = PartProcess.Run(part, seconds, Path.Combine(options.Output, part.Name + ".log"), output,
                stop.Token);
            log.Add(new(part.Name, state, clock.Elapsed.TotalSeconds - start, note, ResultOf(options, part.Name)));
        }
        return Summary.Write(options.Output, output);

        void End(PosixSignalContext context)
        {
            // First the table.
            context.Cancel = true;
            stop.Cancel();
        }
    }

    /// <summary>What a part has left, also one that did not come to its end.</summary>
    static JsonElement? ResultOf(ChecklistOptions options, string part) =>
        JsonFile.Read(PartList.JsonOf(options, part)) ?? TestTally.Read(PartList.LogOf(options, part));
}
