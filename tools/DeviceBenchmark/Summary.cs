using System.Globalization;
using System.Text.Json;

namespace DeviceBenchmark;

/// <summary>
/// Brings together what the parts of <c>tools/on-device.sh</c> left in a folder: <c>parts.tsv</c> (name, exit code, seconds, a line each;
/// an exit code of <c>-</c> for a part that was left out) and a JSON file a part. Writes <c>on-device.json</c> and a short table.
/// </summary>
static class Summary
{
    const int NameWidth = 11, StateWidth = 9, SecondsWidth = 7, Worst = 3, RatesOfALine = 5;

    /// <summary>One part.</summary>
    /// <param name="Name">Its name, also that of its JSON file.</param>
    /// <param name="Code">Exit code, or <c>-</c> when it was left out.</param>
    /// <param name="Note">Seconds, or why it was left out.</param>
    sealed record Part(string Name, string Code, string Note);

    public static int Write(string folder, TextWriter output)
    {
        Part[] parts = [.. File.ReadLines(Path.Combine(folder, "parts.tsv")).Select(line => line.Split('\t'))
            .Select(f => new Part(f[0], f[1], f[2]))];
        string file = Path.Combine(folder, "on-device.json");
        string[] head = [.. File.ReadLines(Path.Combine(folder, "machine.tsv"))];
        JsonFile.Write(file, writer =>
        {
            foreach (string[] fact in head.Select(line => line.Split('\t', 2)))
                writer.WriteString(fact[0], fact[1]);
            writer.WriteStartObject("parts");
            foreach (Part part in parts)
                WritePart(writer, folder, part);
            writer.WriteEndObject();
        });
        output.WriteLine();
        output.WriteLine(string.Join(", ", head.Select(line => line.Split('\t', 2)[1])));
        foreach (Part part in parts)
            WriteLines(output, folder, part);
        output.WriteLine($"Written to {file}.");
        return Array.TrueForAll(parts, p => p.Code is "0" or "-") ? 0 : 1;
    }

    static void WriteLines(TextWriter output, string folder, Part part)
    {
        string seconds = part.Code == "-" ? "" : part.Note + " s";
        string[] lines = [.. Result(folder, part)];
        output.WriteLine($"{part.Name,-NameWidth}{State(part),-StateWidth}{seconds,SecondsWidth}  {lines.FirstOrDefault()}");
        foreach (string line in lines.Skip(1))
            output.WriteLine(new string(' ', NameWidth + StateWidth + SecondsWidth + 2) + line);
    }

    static string State(Part part) => part.Code switch { "0" => "ok", "-" => "left out", "124" => "timeout", _ => "FAILED" };

    static void WritePart(Utf8JsonWriter writer, string folder, Part part)
    {
        writer.WriteStartObject(part.Name);
        writer.WriteString("state", State(part));
        writer.WriteString(part.Code == "-" ? "reason" : "seconds", part.Note);
        if (Read(folder, part.Name) is { } result)
        {
            writer.WritePropertyName("result");
            result.WriteTo(writer);
        }
        writer.WriteEndObject();
    }

    static JsonElement? Read(string folder, string name)
    {
        string path = Path.Combine(folder, name + ".json");
        if (!File.Exists(path) || new FileInfo(path).Length == 0)
            return null;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.Clone();
        }
        // A part that was killed leaves half a file.
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>A part in a few lines.</summary>
    static IEnumerable<string> Result(string folder, Part part)
    {
        if (part.Code == "-")
            return [part.Note];
        if (Read(folder, part.Name) is not { } result)
            return part.Code == "0" ? [] : [$"see {part.Name}.log"];
        return part.Name switch
        {
            "tests" or "sanitizer" => [Tests(result)],
            "losses" => result.GetProperty("losses").EnumerateArray().Select(Losses),
            "kernels" => Kernels(result),
            "steps" => result.GetProperty("steps").EnumerateArray().GroupBy(Name).Select(Steps),
            "torch" => result.GetProperty("steps").EnumerateArray().Select(s => Torch(s, Read(folder, "steps"))),
            _ => [],
        };
    }

    static string Tests(JsonElement result) => string.Create(CultureInfo.InvariantCulture,
        $"{result.GetProperty("passed").GetInt32()} passed, {result.GetProperty("failed").GetArrayLength()} failed");

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
            : string.Create(CultureInfo.InvariantCulture, $"{Number(row, "seconds"):0.0000} s"))));

    /// <summary>How many times our fastest step of the same model is faster.</summary>
    static string Torch(JsonElement row, JsonElement? steps)
    {
        double[] ours = steps is not { } s ? [] : [.. s.GetProperty("steps").EnumerateArray()
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
