using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Logs;

/// <summary>
/// <c>log.jsonl</c>: an object a line, in the order of the run. <c>kind</c> says what it is: <c>run</c> (a start, with its options),
/// <c>update</c>, <c>epoch</c> (the columns of <c>summary.csv</c>) or <c>end</c>. Numbers that are not finite are null.
/// </summary>
sealed class JsonLinesLog : IRunLog
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "log.jsonl";

    static readonly JsonWriterOptions format = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    readonly AppendedFile file;
    readonly MemoryStream line = new();

    /// <summary>Opens the file of a run's folder at its end.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public JsonLinesLog(string folder) => file = new AppendedFile(Path.Combine(folder, FileName));

    /// <inheritdoc/>
    public string Name => FileName;

    /// <inheritdoc/>
    public void Started(in LogStart start)
    {
        using var json = Begin("run", start.Time);
        json.WriteString("run", start.Run);
        json.WriteBoolean("continued", start.IsContinued);
        json.WriteNumber("step", start.Step);
        json.WriteNumber("epoch", start.Epoch);
        json.WriteNumber("epochs", start.Options.Epochs);
        json.WriteNumber("updates_per_epoch", start.UpdatesPerEpoch);
        json.WriteString("model", start.Options.Model);
        json.WriteNumber("parameters", start.Parameters);
        json.WriteString("device", start.Device);
        json.WritePropertyName("options");
        JsonNode.Parse(OptionsJson.Write(start.Options))!.WriteTo(json);
        End(json);
    }

    /// <inheritdoc/>
    public void Add(in LogPoint point)
    {
        using var json = Begin(point.Kind == LogPointKind.Update ? "update" : "epoch", point.Time);
        json.WriteNumber("step", point.Step);
        json.WriteNumber("epoch", point.Epoch);
        json.WriteNumber("epochs_done", point.EpochsDone);
        foreach (var (name, value) in point.Scalars)
        {
            // JSON has no name for what is not a number.
            if (double.IsFinite(value))
                json.WriteNumber(name, value);
            else
                json.WriteNull(name);
        }
        End(json);
    }

    /// <inheritdoc/>
    public void Ended(LogEnd end, DateTimeOffset time)
    {
        using var json = Begin("end", time);
        json.WriteString("status", end switch
        {
            LogEnd.Completed => "completed",
            LogEnd.Interrupted => "interrupted",
            _ => "failed",
        });
        End(json);
    }

    /// <inheritdoc/>
    public long Flush() => file.Flush();

    public void Dispose() => file.Dispose();

    Utf8JsonWriter Begin(string kind, DateTimeOffset time)
    {
        line.SetLength(0);
        var json = new Utf8JsonWriter(line, format);
        json.WriteStartObject();
        json.WriteString("kind", kind);
        json.WriteString("time", time.UtcDateTime);
        return json;
    }

    void End(Utf8JsonWriter json)
    {
        json.WriteEndObject();
        json.Flush();
        line.WriteByte((byte)'\n');
        file.Add(line.GetBuffer().AsMemory(0, (int)line.Length));
    }
}
