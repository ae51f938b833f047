using System.Text.Json;
using System.Text.Json.Serialization;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Loading;

/// <summary>What a <see cref="DatasetCheck"/> has counted: that of one thread or process, added up at the end.</summary>
sealed class DatasetTally
{
    const int MostExamples = 20;

    /// <summary>Findings by kind.</summary>
    public SortedDictionary<string, Finding> Findings { get; set; } = new(StringComparer.Ordinal);

    /// <summary>Images by file format.</summary>
    public SortedDictionary<string, int> Formats { get; set; } = new(StringComparer.Ordinal);

    public Extent Width { get; set; } = Extent.None;

    public Extent Height { get; set; } = Extent.None;

    public int Readable { get; set; }

    public int Grey { get; set; }

    public int Cmyk { get; set; }

    public int Rotated { get; set; }

    /// <summary>Images by class.</summary>
    [JsonIgnore]
    public int[] ImagesPerClass { get; set; } = [];

    /// <summary>The sum of what several processes have counted.</summary>
    /// <param name="parts">What <see cref="ToBytes"/> made of each.</param>
    public static DatasetTally Sum(IReadOnlyList<byte[]> parts)
    {
        DatasetTally sum = new();
        foreach (byte[] part in parts)
            sum.Add(JsonSerializer.Deserialize(part, DatasetTallyJson.Default.DatasetTally)!);
        return sum;
    }

    /// <summary>It as another process reads it.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, DatasetTallyJson.Default.DatasetTally);

    public void Find(string kind, bool isError, string example) => Find(kind, new(isError, 1, [example]));

    public void Count(ImageInfo image)
    {
        Readable++;
        Formats[image.Format] = Formats.GetValueOrDefault(image.Format) + 1;
        Grey += image.Color == ImageColor.Grey ? 1 : 0;
        Cmyk += image.Color == ImageColor.Cmyk ? 1 : 0;
        Rotated += image.Orientation != 1 ? 1 : 0;
        Width = Width.With(image.Width);
        Height = Height.With(image.Height);
    }

    public void Add(DatasetTally other)
    {
        foreach ((string kind, Finding finding) in other.Findings)
            Find(kind, finding);
        foreach ((string format, int count) in other.Formats)
            Formats[format] = Formats.GetValueOrDefault(format) + count;
        (Readable, Grey, Cmyk) = (Readable + other.Readable, Grey + other.Grey, Cmyk + other.Cmyk);
        Rotated += other.Rotated;
        Width = Width.With(other.Width);
        Height = Height.With(other.Height);
    }

    public DatasetReport Report(Dataset dataset) => new(
        dataset.Name, dataset.Count, dataset.Classes.Names, dataset.Classes.Hash, ImagesPerClass, Formats, Range(Width), Range(Height),
        Grey, Cmyk, Rotated,
        [.. Findings.Select(f => new DatasetFinding(f.Key, f.Value.IsError, f.Value.Count,
            [.. f.Value.Examples.Order(StringComparer.Ordinal).Take(MostExamples)])).OrderBy(f => !f.IsError)],
        dataset.Notes);

    void Find(string kind, Finding found)
    {
        Finding before = Findings.GetValueOrDefault(kind) ?? new(found.IsError, 0, []);
        IEnumerable<string> examples = before.Examples.Concat(found.Examples);
        if (before.Examples.Count + found.Examples.Count > 4 * MostExamples)
            examples = examples.Order(StringComparer.Ordinal).Take(MostExamples);
        Findings[kind] = new(before.IsError, before.Count + found.Count, [.. examples]);
    }

    SizeRange Range(Extent extent) =>
        Readable == 0 ? default : new(extent.Min, extent.Max, (double)extent.Sum / Readable);

    /// <summary>One kind of finding.</summary>
    internal sealed record Finding(bool IsError, int Count, List<string> Examples);

    /// <summary>Smallest, largest and sum of an extent.</summary>
    internal readonly record struct Extent(int Min, int Max, long Sum)
    {
        public static readonly Extent None = new(int.MaxValue, 0, 0);

        public Extent With(int value) => With(new Extent(value, value, value));

        public Extent With(Extent other) => new(Math.Min(Min, other.Min), Math.Max(Max, other.Max), Sum + other.Sum);
    }
}

[JsonSerializable(typeof(DatasetTally))]
sealed partial class DatasetTallyJson : JsonSerializerContext;
