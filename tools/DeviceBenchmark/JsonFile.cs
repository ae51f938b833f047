using System.Text.Json;

namespace DeviceBenchmark;

/// <summary>Writes a JSON file.</summary>
static class JsonFile
{
    /// <summary>One object, whose members are what is written.</summary>
    public static void Write(string path, Action<Utf8JsonWriter> members)
    {
        using FileStream stream = File.Create(path);
        using Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true });
        writer.WriteStartObject();
        members(writer);
        writer.WriteEndObject();
    }
}
