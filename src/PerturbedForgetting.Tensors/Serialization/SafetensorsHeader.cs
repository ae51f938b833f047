using System.Text.Json;

namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>Parses and checks the JSON header; knows nothing of the file beyond its bytes and the length of the data section.</summary>
sealed class SafetensorsHeader
{
    public const string MetadataKey = "__metadata__";

    readonly string path;

    SafetensorsHeader(string path)
    {
        this.path = path;
    }

    public readonly record struct TensorInfo(string Name, SafetensorsDType DType, long[] Shape, long Begin, long End);

    /// <summary>Tensors by offset.</summary>
    public List<TensorInfo> Tensors { get; } = [];

    public Dictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    /// <summary>Where the text of the checksum begins in the header's JSON; -1 when there is none.</summary>
    public int ChecksumPosition { get; private set; } = -1;

    public static SafetensorsHeader Parse(string path, ReadOnlySpan<byte> json, long dataLength)
    {
        SafetensorsHeader header = new(path);
        if (json.IsEmpty || json[0] != (byte)'{')
            throw header.Defect("the header does not begin with '{'.");
        try
        {
            header.ParseObject(json);
        }
        // The reader reports bad text escapes as an invalid operation.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new SafetensorsException(path, $"the header is not valid JSON: {e.Message}", e);
        }
        header.CheckOffsets(dataLength);
        return header;
    }

    SafetensorsException Defect(string defect) => new(path, defect);

    void ParseObject(ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = 4 });
        HashSet<string> names = new(StringComparer.Ordinal);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            if (!names.Add(name))
                throw Defect($"the name '{name}' occurs twice in the header.");
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
                throw Defect($"the header's entry '{name}' is not an object.");
            if (name == MetadataKey)
                ParseMetadata(ref reader);
            else
                Tensors.Add(ParseTensor(ref reader, name));
        }
        // Reads over the padding; anything else is a JsonException.
        reader.Read();
    }

    void ParseMetadata(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw Defect($"the metadata value of '{key}' is not a string.");
            if (!Metadata.TryAdd(key, reader.GetString()!))
                throw Defect($"the metadata key '{key}' occurs twice.");
            if (key == SafetensorsFile.ChecksumKey)
            {
                if (reader.ValueIsEscaped || reader.ValueSpan.Length != SafetensorsFile.ChecksumLength)
                    throw Defect($"the checksum '{Metadata[key]}' is not {SafetensorsFile.ChecksumLength} hexadecimal digits.");
                ChecksumPosition = (int)reader.TokenStartIndex + 1;
            }
        }
    }

    TensorInfo ParseTensor(ref Utf8JsonReader reader, string name)
    {
        string? dtypeName = null;
        long[]? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            bool repeated = key switch
            {
                "dtype" => dtypeName is not null,
                "shape" => shape is not null,
                "data_offsets" => offsets is not null,
                _ => throw Defect($"tensor '{name}' has an unknown field '{key}'."),
            };
            if (repeated)
                throw Defect($"tensor '{name}' has the field '{key}' twice.");
            if (key == "dtype")
                dtypeName = reader.TokenType == JsonTokenType.String ? reader.GetString() : "(not a string)";
            else if (key == "shape")
                shape = ParseSizes(ref reader, name, key);
            else
                offsets = ParseSizes(ref reader, name, key);
        }
        if (dtypeName is null || shape is null || offsets is null)
            throw Defect($"tensor '{name}' lacks one of dtype, shape, data_offsets.");
        if (!SafetensorsDTypes.TryParse(dtypeName, out SafetensorsDType dtype))
            throw Defect($"tensor '{name}' has the type '{dtypeName}'; supported are {SafetensorsDTypes.AllNames}.");
        if (offsets.Length != 2 || offsets[0] > offsets[1])
            throw Defect($"tensor '{name}' has data_offsets [{string.Join(", ", offsets)}], expected [begin, end].");
        long bytes = dtype.ByteLength(shape);
        if (bytes < 0)
            throw Defect($"tensor '{name}' with shape [{string.Join(", ", shape)}] is larger than any file.");
        if (bytes != offsets[1] - offsets[0])
            throw Defect($"tensor '{name}' of {dtype.Name()} [{string.Join(", ", shape)}] takes {bytes} bytes, but data_offsets span "
                + $"{offsets[1] - offsets[0]}.");
        return new TensorInfo(name, dtype, shape, offsets[0], offsets[1]);
    }

    long[] ParseSizes(ref Utf8JsonReader reader, string name, string key)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw Defect($"tensor '{name}': {key} is not an array.");
        List<long> sizes = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long size) || size < 0)
                throw Defect($"tensor '{name}': {key} holds something other than whole numbers from 0 to 2^63-1.");
            sizes.Add(size);
        }
        return [.. sizes];
    }

    void CheckOffsets(long dataLength)
    {
        Tensors.Sort(static (a, b) => a.Begin != b.Begin ? a.Begin.CompareTo(b.Begin) : a.End.CompareTo(b.End));
        long position = 0;
        foreach (TensorInfo tensor in Tensors)
        {
            if (tensor.End > dataLength)
                throw Defect($"tensor '{tensor.Name}' ends at byte {tensor.End} of the data, but the file holds only {dataLength}: the "
                    + "file is truncated or damaged.");
            if (tensor.Begin < position)
                throw Defect($"tensor '{tensor.Name}' begins at byte {tensor.Begin} of the data and overlaps the one before, which ends at "
                    + $"{position}.");
            if (tensor.Begin > position)
                throw Defect($"there is a gap of {tensor.Begin - position} bytes in the data before tensor '{tensor.Name}'.");
            position = tensor.End;
        }
        if (position != dataLength)
            throw Defect($"{dataLength - position} bytes follow the last tensor.");
    }
}
