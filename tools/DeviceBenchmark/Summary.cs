using System.Globalization;
using System.Text.Json;
using DeviceBenchmark.Checklist;

namespace DeviceBenchmark;

/// <summary>Brings together what the parts of the checklist left in a folder, as far as they came: writes <c>on-device.json</c> and a short
/// table.</summary>
static class Summary
{
    const int NameWidth = 31, StateWidth = 13, SecondsWidth = 7, Worst = 3, RatesOfALine = 5, NamedTests = 3;

    const string Ratio = "measured_over_least";

    /// <summary>Writes both; 1 when a part failed.</summary>
    /// <exception cref="IOException">There are no results.</exception>
    public static int Write(string folder, TextWriter output)
    {
        var log = ResultLog.Load(folder);
        string file = Path.Combine(folder, "on-device.json"), card = CardOf(folder, log.Facts["device"]);
        JsonFile.Write(file, writer =>
        {
            writer.WriteString("card", card);
            foreach ((string name, string value) in log.Facts)
                writer.WriteString(name, value);
            writer.WriteStartObject("parts");
            foreach (PartResult part in log.Results)
                WritePart(writer, part);
            writer.WriteEndObject();
        });
        output.WriteLine();
        output.WriteLine($"{card}, {log.Facts["date"]}");
        foreach (PartResult part in log.Results)
            WriteLines(output, part, log);
        output.WriteLine($"Written to {file}.");
        return log.Results.Any(p => p.State is not (PartState.Ok or PartState.OutOfTime or PartState.Cut or PartState.LeftOut)) ? 1 : 0;
    }

    /// <summary>The name that the driver says, where the part <c>devices</c> has run.</summary>
    static string CardOf(string folder, string device)
    {
        string path = Path.Combine(folder, "devices.log");
        string[] lines = File.Exists(path) ? File.ReadAllLines(path) : [];
        int at = Array.FindIndex(lines, l => l.StartsWith(device, StringComparison.Ordinal));
        return lines.Skip(at + 1).TakeWhile(l => l.StartsWith(' ')).Select(l => l.Trim().Split("  ", 2))
            .FirstOrDefault(f => f is ["processor", _])?[1].Trim() ?? device;
    }

    static void WriteLines(TextWriter output, PartResult part, ResultLog log)
    {
        string seconds = part.Seconds > 0 ? string.Create(CultureInfo.InvariantCulture, $"{part.Seconds:0} s") : "";
        string[] lines = [.. Result(part, log)];
        output.WriteLine($"{part.Part,-NameWidth}{State(part),-StateWidth}{seconds,SecondsWidth}  {lines.FirstOrDefault()}".TrimEnd());
        foreach (string line in lines.Skip(1))
            output.WriteLine(new string(' ', NameWidth + StateWidth + SecondsWidth + 2) + line);
    }

    static string State(PartResult part) => part.State switch
    {
        PartState.Ok => "ok",
        PartState.Failed => "FAILED",
        PartState.Sticky => "STICKY ERROR",
        PartState.OutOfTime => "time over",
        PartState.Killed => "KILLED",
        PartState.Died => "DIED",
        PartState.Cut => "cut",
        _ => "left out",
    };

    static void WritePart(Utf8JsonWriter writer, PartResult part)
    {
        writer.WriteStartObject(part.Part);
        writer.WriteString("state", State(part).ToLowerInvariant());
        writer.WriteNumber("seconds", Math.Round(part.Seconds, 1));
        if (part.Note.Length > 0)
            writer.WriteString("reason", part.Note);
        if (part.Result is { } result)
        {
            writer.WritePropertyName("result");
            result.WriteTo(writer);
        }
        writer.WriteEndObject();
    }

    /// <summary>A part in a few lines.</summary>
    static IEnumerable<string> Result(PartResult part, ResultLog log)
    {
        string[] note = part.Note.Length > 0 ? [part.Note] : [];
        if (part.Result is not { } result)
            return note.Length > 0 || part.State is PartState.Ok ? note : [$"see {part.Part}.log"];
        return part.Part.Split('.')[0] switch
        {
            "tests" or "sanitizer" => [.. note, .. Tests(result)],
            "smoke" or "losses" => [.. note, .. result.GetProperty("losses").EnumerateArray().Select(Losses)],
            "kernels" => [.. note, .. Kernels(result)],
            "steps" or "plain" => [.. note, .. result.GetProperty("steps").EnumerateArray().GroupBy(Name).Select(Steps)],
            "torch" => [.. note, .. result.GetProperty("steps").EnumerateArray().Select(s => Torch(s, log))],
            _ => note,
        };
    }

    static IEnumerable<string> Tests(JsonElement result)
    {
        string[] failed = Names(result, "failed"), unfinished = Names(result, "unfinished");
        int left = result.GetProperty("not_run").GetInt32();
        string counts = string.Create(CultureInfo.InvariantCulture,
            $"{result.GetProperty("passed").GetInt32()} passed, {failed.Length} failed");
        if (left > 0)
            counts += string.Create(CultureInfo.InvariantCulture, $", {left} not run")
                + (result.TryGetProperty("stopped", out JsonElement why) ? $" after {why.GetString()}" : "");
        yield return counts;
        foreach (string name in failed.Take(NamedTests))
            yield return $"failed: {name}";
        if (failed.Length > NamedTests)
            yield return string.Create(CultureInfo.InvariantCulture, $"… and {failed.Length - NamedTests} more, see the log");
        foreach (string name in unfinished.Take(NamedTests))
            yield return $"under way when the process ended: {name}";
    }

    static string[] Names(JsonElement result, string list) => [.. result.GetProperty(list).EnumerateArray().Select(n => n.GetString()!)];

    static string Losses(JsonElement row) =>
        $"{Text(row, "model")}: " + string.Join(", ", row.GetProperty("drift").EnumerateArray().Select(d =>
        string.Create(CultureInfo.InvariantCulture, $"{d.GetProperty("steps").GetInt32()} steps {Number(d, "relative"):0e+0}")));

    static IEnumerable<string> Kernels(JsonElement result)
    {
        JsonElement[] kernels = [.. result.GetProperty("kernels").EnumerateArray()];
        if (!result.TryGetProperty("copy_gigabytes_per_second", out JsonElement copy))
        {
            yield return $"{kernels.Length} kernels counted";
            yield break;
        }
        JsonElement[] bound = [.. kernels.Where(k => k.TryGetProperty("ratio_to_copy", out _)).OrderBy(k => Number(k, "ratio_to_copy"))];
        if (bound.Length > 0)
            yield return string.Create(CultureInfo.InvariantCulture,
                $"copy {copy.GetDouble():0} GB/s; {bound.Length} kernels bound by memory: median {Percent(bound[bound.Length / 2])} of "
                + $"it, ")
                + $"least {string.Join(", ", bound.Take(Worst).Select(k => $"{Text(k, "kernel")} {Percent(k)}"))}";
        JsonElement[] least = [.. kernels.Where(k => k.TryGetProperty(Ratio, out _)).OrderBy(k => Number(k, Ratio))];
        if (least.Length > 0)
            yield return string.Create(CultureInfo.InvariantCulture,
                $"measured over computed on {Text(result, "roofline")}: median {Number(least[least.Length / 2], Ratio):0.00}, most ")
                + string.Join(", ", least.Reverse().Take(Worst).Select(k =>
                    string.Create(CultureInfo.InvariantCulture, $"{Text(k, "kernel")} {Number(k, Ratio):0.00}")));
        foreach (JsonElement[] row in kernels.Where(k => k.TryGetProperty("teraflops", out _)).Chunk(RatesOfALine))
            yield return "TFLOP/s: " + string.Join(", ",
                row.Select(k => string.Create(CultureInfo.InvariantCulture, $"{Text(k, "kernel")} {Number(k, "teraflops"):0.0}")));

        static string Percent(JsonElement kernel) =>
            string.Create(CultureInfo.InvariantCulture, $"{100 * Number(kernel, "ratio_to_copy"):0}%");
    }

    /// <summary>A model with an optimizer, without and with graph.</summary>
    static string Steps(IGrouping<string, JsonElement> rows) => rows.Key + ": " + string.Join(", ", rows.Select(row =>
        (row.GetProperty("graph").GetBoolean() ? "graph " : "") + (row.TryGetProperty("error", out _) ? "failed"
            : row.TryGetProperty("kernels", out JsonElement kernels) ? $"{kernels.GetInt64()} kernels"
            : string.Create(CultureInfo.InvariantCulture, $"{Number(row, "seconds"):0.0000} s")
            + (row.TryGetProperty(Ratio, out JsonElement ratio)
                ? string.Create(CultureInfo.InvariantCulture, $" ({ratio.GetDouble():0.00} of the least)") : ""))));

    /// <summary>How many times our fastest step of the same model is faster.</summary>
    static string Torch(JsonElement row, ResultLog log)
    {
        double[] ours = [.. log.Results.Where(p => p.Part.Split('.')[0] is "steps" or "plain" && p.Result is not null)
            .SelectMany(p => p.Result!.Value.GetProperty("steps").EnumerateArray())
            .Where(o => Name(o) == Name(row) && o.TryGetProperty("seconds", out _)).Select(o => Number(o, "seconds"))];
        double theirs = Number(row, "seconds");
        return string.Create(CultureInfo.InvariantCulture, $"{Name(row)}: {theirs:0.0000} s")
            + (ours.Length == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", ratio {theirs / ours.Min():0.00}"));
    }

    static string Name(JsonElement row) => $"{Text(row, "model")} {Text(row, "optimizer")}";

    static string Text(JsonElement row, string name) => row.GetProperty(name).GetString()!;

    static double Number(JsonElement row, string name) =>
        row.TryGetProperty(name, out JsonElement number) && number.ValueKind == JsonValueKind.Number ? number.GetDouble() : double.NaN;
}
