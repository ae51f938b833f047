using System.Text.Json;

namespace PerturbedForgetting.Vision.Datasets.Tfds;

/// <summary>Reads the JSON files of a prepared TFDS set.</summary>
static class TfdsJson
{
    /// <summary>The largest that TFDS writes have a few hundred kilobytes, of statistics.</summary>
    const int LargestFile = 1 << 24;

    /// <summary>Reads a file whose outermost value is an object.</summary>
    /// <param name="path">The file.</param>
    /// <param name="read">Takes from the object what is wanted.</param>
    /// <exception cref="DatasetException">It cannot be read; the message names it.</exception>
    public static T Read<T>(string path, Func<JsonElement, T> read)
    {
        try
        {
            if (FileStatus.IsSpecial(path))
                throw new IOException("it is not a regular file");
            using FileStream stream = File.OpenRead(path);
            if (stream.Length > LargestFile)
                throw new DatasetException($"{path} has {stream.Length} bytes, which no such file of TFDS has; it is another file");
            using var document = JsonDocument.Parse(stream);
            RequireTexts(document.RootElement);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? read(document.RootElement)
                : throw Damaged(path, "it does not hold an object");
        }
        // The second is what text throws that is no Unicode.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Damaged(path, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException($"{path} cannot be read: {e.Message}");
        }
    }

    /// <summary>Reads all texts once, so that none fails later.</summary>
    /// <exception cref="JsonException">One is made of bytes that are no text, or of half a character.</exception>
    public static void RequireTexts(JsonElement element)
    {
        try
        {
            ReadTexts(element);
        }
        catch (InvalidOperationException e)
        {
            throw new JsonException(e.Message, e);
        }
    }

    static void ReadTexts(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                element.GetString();
                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray())
                    ReadTexts(item);
                break;
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    _ = property.Name;
                    ReadTexts(property.Value);
                }
                break;
        }
    }

    /// <summary>The member of a name, where the element is an object and has it.</summary>
    public static JsonElement? Member(this JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value) ? value : null;

    /// <summary>The text of a member.</summary>
    public static string? Text(this JsonElement element, string name) =>
        element.Member(name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    /// <summary>A number, which protocol buffers write as text where it has 64 bits.</summary>
    public static int? Number(this JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Number when element.TryGetInt32(out int number) && number >= 0 => number,
        JsonValueKind.String when int.TryParse(element.GetString(), System.Globalization.NumberStyles.None,
            System.Globalization.CultureInfo.InvariantCulture, out int number) => number,
        _ => null,
    };

    /// <summary>The file is no JSON, or not what TFDS writes.</summary>
    public static DatasetException Damaged(string path, string why) =>
        new($"{path} is damaged: {why}; prepare the set again, or copy the file again from where it was prepared");
}
