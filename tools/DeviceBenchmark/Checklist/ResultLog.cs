using System.Globalization;
using System.Text;
using System.Text.Json;

namespace DeviceBenchmark.Checklist;

/// <summary>A part as <see cref="ResultLog"/> has it.</summary>
/// <param name="Part">Its name.</param>
/// <param name="State">What became of it.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Note">Why, where the state alone does not say it.</param>
/// <param name="Result">What it measured; null for nothing.</param>
sealed record PartResult(string Part, PartState State, double Seconds, string Note, JsonElement? Result);

/// <summary>
/// The results of a checklist, one JSON object a line, each written when its part ends: whatever happens afterwards, it is there. The first
/// line says what ran on what; of a part that ran again the last line counts.
/// </summary>
sealed class ResultLog
{
    const string Name = "results.jsonl";

    readonly string path;
    readonly Dictionary<string, PartResult> results = [];

    ResultLog(string folder) => path = Path.Combine(folder, Name);

    /// <summary>The device, its name, and when the first part began.</summary>
    public IReadOnlyDictionary<string, string> Facts { get; private set; } = new Dictionary<string, string>();

    /// <summary>The parts, in the order in which they ran.</summary>
    public IReadOnlyCollection<PartResult> Results => results.Values;

    /// <summary>Goes on with the results of a folder, or begins anew.</summary>
    /// <exception cref="UsageException">The folder has the results of another device.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static ResultLog Open(string folder, string device)
    {
        Directory.CreateDirectory(folder);
        var log = new ResultLog(folder);
        if (File.Exists(log.path))
            log.Read();
        if (log.Facts.Count == 0)
        {
            log.Facts = new Dictionary<string, string>
            {
                ["device"] = device,
                ["date"] = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mmZ", CultureInfo.InvariantCulture),
            };
            log.Line(json =>
            {
                foreach ((string name, string value) in log.Facts)
                    json.WriteString(name, value);
            });
        }
        return log.Facts["device"] == device ? log
            : throw new UsageException($"'{folder}' has results of --device {log.Facts["device"]}; name another folder with --output.");
    }

    /// <summary>The results of a folder.</summary>
    /// <exception cref="IOException">There are none.</exception>
    public static ResultLog Load(string folder)
    {
        var log = new ResultLog(folder);
        log.Read();
        return log;
    }

    /// <summary>Whether a part ran to its end, so that it need not run again.</summary>
    public bool IsDone(string part) =>
        results.TryGetValue(part, out PartResult? result) && result.State is PartState.Ok or PartState.Failed;

    /// <summary>Writes what became of a part.</summary>
    public void Add(PartResult result)
    {
        results[result.Part] = result;
        Line(json =>
        {
            json.WriteString("part", result.Part);
            json.WriteString("state", result.State.ToString());
            json.WriteNumber("seconds", Math.Round(result.Seconds, 1));
            if (result.Note.Length > 0)
                json.WriteString("note", result.Note);
            if (result.Result is { } measured)
            {
                json.WritePropertyName("result");
                measured.WriteTo(json);
            }
        });
    }

    void Read()
    {
        foreach (string line in File.ReadLines(path))
        {
            try
            {
                using var document = JsonDocument.Parse(line);
                JsonElement json = document.RootElement;
                if (json.TryGetProperty("part", out JsonElement part))
                    results[part.GetString()!] = new(part.GetString()!, Enum.Parse<PartState>(json.GetProperty("state").GetString()!),
                        json.GetProperty("seconds").GetDouble(), json.TryGetProperty("note", out JsonElement note) ? note.GetString()! : "",
                        json.TryGetProperty("result", out JsonElement result) ? result.Clone() : null);
                else
                    Facts = json.EnumerateObject().ToDictionary(m => m.Name, m => m.Value.GetString()!);
            }
            // The end of a line was lost with the machine: the part runs again.
            catch (JsonException)
            {
            }
        }
    }

    void Line(Action<Utf8JsonWriter> members)
    {
        using MemoryStream line = new();
        using (Utf8JsonWriter json = new(line))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }
        // Its own line, also behind one that was cut short.
        bool isCut = File.Exists(path) && new FileInfo(path).Length > 0 && !File.ReadAllText(path).EndsWith('\n');
        File.AppendAllText(path, $"{(isCut ? "\n" : "")}{Encoding.UTF8.GetString(line.ToArray())}\n");
    }
}
