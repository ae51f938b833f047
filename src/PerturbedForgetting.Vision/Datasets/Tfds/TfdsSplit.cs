using System.Globalization;

namespace PerturbedForgetting.Vision.Datasets.Tfds;

/// <summary>A split of a prepared TFDS set.</summary>
/// <param name="Name">Its name: "train".</param>
/// <param name="ShardLengths">How many records each of its files has.</param>
/// <param name="Bytes">Bytes of its images; 0 where it is not told.</param>
/// <param name="Template">How its files are called.</param>
sealed record TfdsSplit(string Name, IReadOnlyList<int> ShardLengths, long Bytes = 0, string Template = TfdsSplit.UsualTemplate)
{
    /// <summary>How files are called where nothing else is told.</summary>
    public const string UsualTemplate = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}";

    /// <summary>Records of all files.</summary>
    public long Count => ShardLengths.Sum(static l => (long)l);

    /// <summary>Name of one of the files.</summary>
    /// <param name="dataset">Name of the set.</param>
    /// <param name="shard">Number of the file, from 0.</param>
    public string FileName(string dataset, int shard)
    {
        string index = Digits(shard), count = Digits(ShardLengths.Count);
        return Template.Replace("{DATASET}", dataset, StringComparison.Ordinal)
            .Replace("{SPLIT}", Name, StringComparison.Ordinal)
            .Replace("{FILEFORMAT}", TfdsInfo.FileFormat, StringComparison.Ordinal)
            .Replace("{SHARD_X_OF_Y}", $"{index}-of-{count}", StringComparison.Ordinal)
            .Replace("{SHARD_INDEX}", index, StringComparison.Ordinal)
            .Replace("{NUM_SHARDS}", count, StringComparison.Ordinal);
    }

    // Both numbers have the digits of the count, five at least.
    string Digits(int number) =>
        number.ToString($"D{Math.Max(5, ShardLengths.Count.ToString(CultureInfo.InvariantCulture).Length)}", CultureInfo.InvariantCulture);
}
