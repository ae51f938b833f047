using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Options;

/// <summary>A value that differs between two runs.</summary>
/// <param name="Option">The option as typed.</param>
/// <param name="Old">Old value as text.</param>
/// <param name="New">New value as text.</param>
public sealed record OptionChange(string Option, string Old, string New)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Option}: {Old} -> {New}";
}

/// <summary>Options as JSON, one member an option under its own name, and the comparison of two sets of options.</summary>
public static class OptionsJson
{
    /// <summary>All options, given or not, as indented JSON that <see cref="Apply"/> reads back to equal values.</summary>
    public static string Write(RunOptions options)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter json = new(buffer,
            new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            foreach (OptionSpec spec in OptionTables.For(options).Specs)
            {
                json.WritePropertyName(spec.Name);
                WriteValue(json, spec.Get(options));
            }
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    /// <summary>The same as an object, for checkpoints.</summary>
    internal static JsonObject Object(RunOptions options) => JsonNode.Parse(Write(options))!.AsObject();

    /// <summary>Sets the options that a JSON text names; the others keep their values.</summary>
    /// <param name="options">Changed in place.</param>
    /// <param name="json">An object of option names (dashes or underscores) and values; comments and trailing commas are allowed.</param>
    /// <param name="source">Where the text comes from, for messages.</param>
    /// <returns>The options that were named.</returns>
    /// <exception cref="OptionException">The text is not JSON, or a name or value is wrong. All problems are reported at once.</exception>
    public static IReadOnlyList<OptionSpec> Apply(RunOptions options, string json, string source)
    {
        OptionTable table = OptionTables.For(options);
        List<OptionProblem> problems = [];
        List<OptionSpec> named = [];
        try
        {
            using JsonDocument document = JsonDocument
                .Parse(json, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new OptionException(new OptionProblem(source, "holds no JSON object of options, such as {\"batch-size\": 64}."));
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (table.Find(property.Name) is not { } spec)
                    problems.Add(new OptionProblem(source,
                        $"there is no option '{property.Name}'.{Suggestions.DidYouMean(property.Name, table.Specs.Select(s => s.Name))}"));
                else if (named.Contains(spec))
                    problems.Add(new OptionProblem(source, $"the option '{property.Name}' occurs twice."));
                else if (TryRead(spec, property.Value, out object? value))
                {
                    spec.Set(options, value);
                    named.Add(spec);
                }
                else
                    problems.Add(new OptionProblem(source,
                        $"'{property.Name}' takes {Describe(spec)}, got {property.Value.GetRawText()}."));
            }
        }
        // The latter where half a character is to be a text.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            problems.Add(new OptionProblem(source, $"is not valid JSON: {e.Message}"));
        }
        return problems.Count == 0 ? named : throw new OptionException(problems);
    }

    /// <summary>The options whose values differ, in the order of the table.</summary>
    public static IReadOnlyList<OptionChange> Diff<T>(T old, T current) where T : RunOptions =>
        OptionTables.For(old).Specs
            .Select(s => new OptionChange(s.Flag, OptionValue.Format(s.Get(old)), OptionValue.Format(s.Get(current))))
            .Where(c => c.Old != c.New)
            .ToArray();

    static void WriteValue(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case string text: json.WriteStringValue(text); break;
            case bool flag: json.WriteBooleanValue(flag); break;
            case int whole: json.WriteNumberValue(whole); break;
            case long whole: json.WriteNumberValue(whole); break;
            // Written so that it is not read back as a whole number.
            case double number: json.WriteRawValue(PythonLiteral.Format(number)); break;
            case double[] numbers: WriteArray(json, numbers.Cast<object?>()); break;
            case object?[] items: WriteArray(json, items); break;
            case IReadOnlyDictionary<string, object?> pairs:
                json.WriteStartObject();
                foreach ((string key, object? item) in pairs)
                {
                    json.WritePropertyName(key);
                    WriteValue(json, item);
                }
                json.WriteEndObject();
                break;
            default: throw new ArgumentException($"A value of {value.GetType()} cannot be an option.", nameof(value));
        }
    }

    static void WriteArray(Utf8JsonWriter json, IEnumerable<object?> items)
    {
        json.WriteStartArray();
        foreach (object? item in items)
            WriteValue(json, item);
        json.WriteEndArray();
    }

    static bool TryRead(OptionSpec spec, JsonElement json, out object? value)
    {
        value = null;
        switch (spec.Kind)
        {
            case var _ when json.ValueKind == JsonValueKind.Null:
                return spec.IsNullable;
            case OptionKind.Text when json.ValueKind == JsonValueKind.String:
                value = json.GetString();
                return true;
            case OptionKind.Switch when json.ValueKind is JsonValueKind.True or JsonValueKind.False:
                value = json.GetBoolean();
                return true;
            case OptionKind.Integer when json.ValueKind == JsonValueKind.Number && json.TryGetInt32(out int whole):
                value = whole;
                return true;
            case OptionKind.Number when TryNumber(json, out double number):
                value = number;
                return true;
            case OptionKind.Numbers when TryNumber(json, out double single):
                value = new[] { single };
                return true;
            case OptionKind.Numbers when json.ValueKind == JsonValueKind.Array && json.EnumerateArray().All(e => TryNumber(e, out _)):
                value = json.EnumerateArray().Select(e => e.GetDouble()).ToArray();
                return true;
            case OptionKind.Pairs when json.ValueKind == JsonValueKind.Object:
                Dictionary<string, object?> pairs = new(StringComparer.Ordinal);
                foreach (JsonProperty property in json.EnumerateObject())
                    pairs[property.Name] = ReadItem(property.Value);
                value = pairs;
                return true;
            default:
                return false;
        }
    }

    static bool TryNumber(JsonElement json, out double number)
    {
        number = 0;
        return json.ValueKind == JsonValueKind.Number && json.TryGetDouble(out number) && double.IsFinite(number);
    }

    static object? ReadItem(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.String => json.GetString(),
        // 1.0 and 1E+16 are numbers that happen to be whole.
        JsonValueKind.Number => json.GetRawText().AsSpan().IndexOfAny('.', 'e', 'E') < 0 && json.TryGetInt64(out long whole)
            ? (object)whole
            : TryNumber(json, out double number) ? number : throw new JsonException($"{json.GetRawText()} is too large a number"),
        JsonValueKind.Array => json.EnumerateArray().Select(ReadItem).ToArray(),
        _ => json.GetRawText(),
    };

    static string Describe(OptionSpec spec) => spec.Kind switch
    {
        OptionKind.Text => "a text in quotes",
        OptionKind.Switch => "true or false",
        OptionKind.Integer => $"a whole number from {int.MinValue.ToString(CultureInfo.InvariantCulture)} to "
            + $"{int.MaxValue.ToString(CultureInfo.InvariantCulture)}",
        OptionKind.Number => "a number",
        OptionKind.Numbers => "a list of numbers",
        _ => "an object of names and values",
    };
}
