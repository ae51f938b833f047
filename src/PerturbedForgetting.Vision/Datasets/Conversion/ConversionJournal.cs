using System.Text.Json;
using System.Text.Json.Serialization;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Vision.Datasets.Conversion;

/// <summary>A piece of a split that is written whole.</summary>
/// <param name="End">The first image of the source behind it.</param>
/// <param name="Count">Images in it; those that cannot be read are left out.</param>
/// <param name="Bytes">Bytes of these images.</param>
/// <param name="Digest">Sum over the images of a hash of bytes, label and, where order is kept, place.</param>
sealed record ConvertedShard(int End, int Count, long Bytes, ulong Digest);

/// <summary>How far a split is.</summary>
sealed record ConvertedSplit
{
    /// <summary>Name of the split.</summary>
    public required string Name { get; init; }

    /// <summary>Images of the source, its classes and labels: a conversion goes on with the same ones only.</summary>
    public required string Source { get; init; }

    /// <summary>What is written.</summary>
    public required List<ConvertedShard> Shards { get; init; }

    /// <summary>Images written.</summary>
    [JsonIgnore]
    public int Count => Shards.Sum(static s => s.Count);

    /// <summary>The first image of the source that is not done.</summary>
    [JsonIgnore]
    public int Next => Shards.Count == 0 ? 0 : Shards[^1].End;
}

/// <summary>How far a conversion is; kept in the folder that it fills, so that one that was ended goes on.</summary>
sealed record ConversionJournal
{
    const string FileName = ".convert.json";

    /// <summary>What is written, in which form: a conversion goes on with the same form only.</summary>
    public required string Form { get; init; }

    /// <summary>The splits in their order.</summary>
    public required List<ConvertedSplit> Splits { get; init; }

    /// <summary>Whether everything was read back.</summary>
    public bool IsVerified { get; init; }

    /// <summary>Reads the journal of a folder; null where there is none.</summary>
    /// <exception cref="DatasetException">It is damaged.</exception>
    public static ConversionJournal? Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return null;
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), ConversionJson.Default.ConversionJournal) is { } journal
                && journal.Splits.TrueForAll(static s => IsSound(s)) ? journal : throw new JsonException("it contradicts itself");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new DatasetException($"{path} tells how far a conversion was, and cannot be read: {e.Message}; remove {folder} and "
                + "convert again");
        }
    }

    /// <summary>Writes it.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(string folder) => AtomicFile.Write(Path.Combine(folder, FileName),
        stream => JsonSerializer.Serialize(stream, this, ConversionJson.Default.ConversionJournal));

    static bool IsSound(ConvertedSplit? split)
    {
        int end = 0;
        foreach (ConvertedShard? shard in split?.Shards ?? [])
        {
            if (shard is null || shard.End <= end || shard.Count < 0 || shard.Count > shard.End - end)
                return false;
            end = shard.End;
        }
        return split is { Name: not null, Source: not null, Shards: not null };
    }
}

[JsonSerializable(typeof(ConversionJournal))]
[JsonSourceGenerationOptions(WriteIndented = true)]
sealed partial class ConversionJson : JsonSerializerContext;
