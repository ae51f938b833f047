using System.Text.Json;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Training.Profiling;

/// <summary>A profile as a trace for Perfetto (ui.perfetto.dev) or chrome://tracing, in the Trace Event Format: the host's ranges as nested
/// slices of one track, and a track for each stream of the device.</summary>
static class ChromeTrace
{
    const int Host = 1, Device = 2;

    /// <summary>Writes the trace.</summary>
    public static void Write(Profile profile, Stream stream)
    {
        using var json = new Utf8JsonWriter(stream);
        json.WriteStartObject();
        json.WriteString("displayTimeUnit", "ms");
        json.WriteStartArray("traceEvents");
        Name(json, "process_name", Host, 0, "host");
        Name(json, "thread_name", Host, 1, "training");
        foreach (var range in profile.Ranges)
            Slice(json, range.Name, Category(range.Kind), Host, 1, range.Start, range.Duration);
        if (profile.Streams.Count > 0)
            Name(json, "process_name", Device, 0, profile.IsInterpreted
                ? $"{profile.Device} (time of the interpretation)"
                : profile.Device);
        for (int i = 0; i < profile.Streams.Count; i++)
            Name(json, "thread_name", Device, i + 1, profile.Streams[i]);
        foreach (var launch in profile.Launches)
            Slice(json, launch.Name, "launch", Device, launch.Stream + 1, launch.Start, launch.Duration, launch.Cost.Bytes,
                launch.Cost.Operations);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    static string Category(RangeKind kind) => kind switch
    {
        RangeKind.Step => "step",
        RangeKind.Pass => "pass",
        RangeKind.Module => "module",
        _ => "operation",
    };

    static void Name(Utf8JsonWriter json, string what, int process, int thread, string name)
    {
        json.WriteStartObject();
        json.WriteString("ph", "M");
        json.WriteString("name", what);
        json.WriteNumber("pid", process);
        json.WriteNumber("tid", thread);
        json.WriteStartObject("args");
        json.WriteString("name", name);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    static void Slice(Utf8JsonWriter json, string name, string category, int process, int thread, double start, double duration,
        long bytes = 0, long operations = 0)
    {
        json.WriteStartObject();
        json.WriteString("ph", "X");
        json.WriteString("name", name);
        json.WriteString("cat", category);
        json.WriteNumber("pid", process);
        json.WriteNumber("tid", thread);
        // In microseconds; to the nanosecond, so that slices of one track do not overlap by rounding.
        json.WriteNumber("ts", Math.Round((decimal)start, 3));
        json.WriteNumber("dur", Math.Round((decimal)(start + duration), 3) - Math.Round((decimal)start, 3));
        if (bytes > 0 || operations > 0)
        {
            json.WriteStartObject("args");
            if (bytes > 0)
                json.WriteNumber("bytes", bytes);
            if (operations > 0)
                json.WriteNumber("operations", operations);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }
}
