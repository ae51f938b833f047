using System.Globalization;
using System.Text.Json;

namespace PerturbedForgetting.Vision.Datasets.Containers.Parquet;

/// <summary>Which columns of a set hold images and labels, and what its classes are called.</summary>
/// <param name="Image">The column of the encoded images.</param>
/// <param name="Label">The column of the labels.</param>
/// <param name="ClassNames">Names of the classes whose numbers are the labels; null where the set does not tell.</param>
sealed record ParquetChoice(ParquetColumn Image, ParquetColumn Label, IReadOnlyList<string>? ClassNames)
{
    static readonly string[] imageWords = ["image", "img", "jpg", "jpeg", "png", "webp", "picture", "photo", "image_bytes", "bytes"];

    static readonly string[] labelWords =
        ["label", "labels", "fine_label", "class", "cls", "target", "category", "class_id", "label_id", "class_name", "y"];

    /// <summary>Chooses: by the options, by what Hugging Face's library says of the columns, by their names and types.</summary>
    /// <exception cref="InvalidDataException">It cannot be told; the message lists the columns.</exception>
    public static ParquetChoice Of(ParquetFooter footer, string? imageColumn, string? labelColumn)
    {
        Dictionary<string, (string Type, string[]? Names)> features = Features(footer.HuggingFace);
        ParquetColumn[] images = [.. footer.Columns.Where(c => c is { IsBytes: true, IsText: false } && c.Path[^1] != "path")];
        ParquetColumn[] labels = [.. footer.Columns.Where(c => c.Path.Count == 1 && (c.IsWhole || c is { IsBytes: true, IsText: true }))];
        ParquetColumn image = Choose(footer, images, imageColumn, nameof(DatasetOptions.ImageColumn), "images",
            [.. features.Where(f => f.Value.Type == "Image").Select(f => f.Key)], imageWords);
        ParquetColumn label = Choose(footer, labels, labelColumn, nameof(DatasetOptions.LabelColumn), "labels",
            [.. features.Where(f => f.Value.Type == "ClassLabel").Select(f => f.Key)], labelWords);
        foreach (ParquetColumn column in (ParquetColumn[])[image, label])
        {
            if (column.IsRepeated)
                throw new InvalidDataException($"column '{column.Name}' has lists, and a row needs one image and one label");
        }
        return new(image, label, label.IsWhole && features.TryGetValue(label.Name, out var feature) ? feature.Names : null);
    }

    static ParquetColumn Choose(ParquetFooter footer, ParquetColumn[] candidates, string? given, string option, string what,
        string[] features, string[] words)
    {
        if (given is not null)
            return footer.Columns.FirstOrDefault(c => c.Name == given)
                ?? candidates.FirstOrDefault(c => c.Path[0] == given)
                ?? (int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
                    && number <= footer.Columns.Count ? footer.Columns[number - 1] : null)
                ?? throw new InvalidDataException($"`{option}` {given}: there is no such column; it has {Names(footer.Columns)}");
        ParquetColumn[] known = [.. candidates.Where(c => features.Contains(c.Path[0]))];
        if (known.Length == 0)
            known = candidates;
        if (known.Length == 1)
            return known[0];
        return words.Select(w => known.FirstOrDefault(c => c.Path[0].Equals(w, StringComparison.OrdinalIgnoreCase)))
            .FirstOrDefault(c => c is not null)
            ?? throw new InvalidDataException((known.Length == 0 ? $"it has no column that could hold {what}"
                : $"it cannot be told which column holds the {what}; say so with `{option}` NAME") + $"; it has {Names(footer.Columns)}");
    }

    static string Names(IReadOnlyList<ParquetColumn> columns) =>
        string.Join(", ", columns.Take(20).Select(c => $"'{c.Name}'")) + (columns.Count > 20 ? ", …" : "");

    /// <summary>What Hugging Face's library says: the type of each column, and the names of classes.</summary>
    static Dictionary<string, (string Type, string[]? Names)> Features(ReadOnlyMemory<byte>? json)
    {
        var features = new Dictionary<string, (string, string[]?)>(StringComparer.Ordinal);
        if (json is not { } text)
            return features;
        try
        {
            using var document = JsonDocument.Parse(text);
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("info", out JsonElement info) || info.ValueKind != JsonValueKind.Object
                || !info.TryGetProperty("features", out JsonElement all) || all.ValueKind != JsonValueKind.Object)
                return features;
            foreach (JsonProperty feature in all.EnumerateObject().Where(f => f.Value.ValueKind == JsonValueKind.Object))
            {
                string? type = feature.Value.TryGetProperty("_type", out JsonElement named) && named.ValueKind == JsonValueKind.String
                    ? named.GetString() : null;
                string[]? names = feature.Value.TryGetProperty("names", out JsonElement list) && list.ValueKind == JsonValueKind.Array
                    && list.EnumerateArray().All(n => n.ValueKind == JsonValueKind.String)
                    ? [.. list.EnumerateArray().Select(n => n.GetString()!)] : null;
                features[feature.Name] = (type ?? "", names);
            }
        }
        // The columns are read all the same; what they mean is found by their names then.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
        }
        return features;
    }
}
