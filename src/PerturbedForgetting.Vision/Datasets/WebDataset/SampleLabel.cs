using System.Text;
using System.Text.Json;

namespace PerturbedForgetting.Vision.Datasets.WebDataset;

/// <summary>What a sample says of its class.</summary>
/// <param name="Text">Number or name of the class; empty where <paramref name="Problem"/> says why there is none.</param>
/// <param name="Name">Name of the class beside a number; empty where the sample does not tell.</param>
/// <param name="Problem">Why there is no label; empty where there is one.</param>
readonly record struct SampleLabel(string Text, string Name = "", string Problem = "")
{
    /// <summary>Longest label that is read; more is another kind of file.</summary>
    public const int LongestFile = 1 << 20;

    const int LongestText = 256;

    static readonly string[] kinds = ["cls", "cls.txt", "class", "label", "json", "txt"];

    static readonly string[] jsonLabels = ["label", "cls", "class", "class_id", "class_idx", "class_index", "target"],
        jsonNames = ["class_name", "label_name", "class_label"];

    static readonly UTF8Encoding strictly = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>How much a kind of file is believed: the lowest first; negative for one that holds no label.</summary>
    public static int Rank(string kind) => Array.IndexOf(kinds, kind);

    /// <summary>A label that cannot be used.</summary>
    public static SampleLabel Bad(string problem) => new("", Problem: problem);

    /// <summary>Reads a file of a sample.</summary>
    /// <param name="kind">Its extension.</param>
    /// <param name="data">Its contents.</param>
    public static SampleLabel Read(string kind, ReadOnlyMemory<byte> data)
    {
        try
        {
            return kind == "json" ? ReadJson(data) : Plain(strictly.GetString(data.Span).Trim().TrimEnd('\0'));
        }
        catch (JsonException e)
        {
            return Bad($"its label (.json) is damaged: {e.Message}");
        }
        catch (ArgumentException)
        {
            return Bad($"its label (.{kind}) is no text");
        }
    }

    static SampleLabel Plain(string text) => text.Length switch
    {
        0 => Bad("its label is empty"),
        > LongestText => Bad($"its label has {text.Length} characters: it is a text, not a class"),
        _ => new SampleLabel(text),
    };

    static SampleLabel ReadJson(ReadOnlyMemory<byte> data)
    {
        using var document = JsonDocument.Parse(data);
        JsonElement root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
            return Value(root) is { } alone ? Plain(alone) : Bad("its label (.json) is neither a number nor a name");
        string? label = First(root, jsonLabels), name = First(root, jsonNames);
        if ((label ?? name) is not { } text)
            return Bad($"its .json has no member {string.Join(", ", jsonLabels)} with a number or a name");
        SampleLabel plain = Plain(text);
        bool hasBoth = label is not null && plain.Problem.Length == 0 && name is { Length: > 0 and <= LongestText };
        return hasBoth ? plain with { Name = name! } : plain;
    }

    static string? First(JsonElement root, string[] members)
    {
        foreach (string member in members)
        {
            if (root.TryGetProperty(member, out JsonElement value) && Value(value) is { } text)
                return text;
        }
        return null;
    }

    static string? Value(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Number => element.GetRawText(),
        JsonValueKind.String => element.GetString()!.Trim(),
        _ => null,
    };
}
