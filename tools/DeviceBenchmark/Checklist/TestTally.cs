using System.Text.Json;

namespace DeviceBenchmark.Checklist;

/// <summary>What the log of a group of tests says so far.</summary>
static class TestTally
{
    /// <summary>Counts, names of what failed, and why the others did not run, as one JSON object; null where nothing is known.</summary>
    public static JsonElement? Read(string path)
    {
        int planned = 0, passed = 0, skipped = 0;
        List<string> failed = [];
        HashSet<string> running = [];
        string? stop = null;
        if (!File.Exists(path))
            return null;
        foreach (string line in File.ReadLines(path))
        {
            if (Parse(line) is not { } json)
                continue;
            if (json.TryGetProperty("planned", out JsonElement number))
                (planned, stop) = (number.GetInt32(), null);
            else if (json.TryGetProperty("begin", out JsonElement begin))
                running.Add(begin.GetString()!);
            else if (json.TryGetProperty("stop", out JsonElement why))
                stop = why.GetString();
            else if (json.TryGetProperty("end", out JsonElement end))
            {
                running.Remove(end.GetString()!);
                switch (json.GetProperty("state").GetString())
                {
                    case "passed": passed++; break;
                    case "failed": failed.Add(end.GetString()!); break;
                    default: skipped++; break;
                }
            }
        }
        return JsonFile.Element(writer =>
        {
            writer.WriteNumber("passed", passed);
            writer.WriteNumber("skipped", skipped);
            writer.WriteNumber("not_run", Math.Max(0, planned - passed - skipped - failed.Count - running.Count));
            writer.WriteStartArray("failed");
            foreach (string name in failed)
                writer.WriteStringValue(name);
            writer.WriteEndArray();
            writer.WriteStartArray("unfinished");
            foreach (string name in running)
                writer.WriteStringValue(name);
            writer.WriteEndArray();
            if (stop is not null)
                writer.WriteString("stopped", stop);
        });
    }

    static JsonElement? Parse(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return document.RootElement.Clone();
        }
        // The last line of a process that was killed.
        catch (JsonException)
        {
            return null;
        }
    }
}
