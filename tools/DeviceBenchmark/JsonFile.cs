using System.Text.Json;

namespace DeviceBenchmark;

/// <summary>Writes and reads a JSON file.</summary>
static class JsonFile
{
    /// <summary>One object, whose members are what is written. A file that was there is replaced when the new one is whole.</summary>
    public static void Write(string path, Action<Utf8JsonWriter> members)
    {
        string whole = path + ".new";
        using (FileStream stream = File.Create(whole))
            Write(stream, members);
        File.Move(whole, path, overwrite: true);
    }

    /// <summary>The object in memory.</summary>
    public static JsonElement Element(Action<Utf8JsonWriter> members)
    {
        using MemoryStream stream = new();
        Write(stream, members);
        using var document = JsonDocument.Parse(stream.ToArray());
        return document.RootElement.Clone();
    }

    /// <summary>What a file has; null where there is none, or half of one.</summary>
    public static JsonElement? Read(string path)
    {
        if (!File.Exists(path))
            return null;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }

    static void Write(Stream stream, Action<Utf8JsonWriter> members)
    {
        using Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true });
        writer.WriteStartObject();
        members(writer);
        writer.WriteEndObject();
    }
}
