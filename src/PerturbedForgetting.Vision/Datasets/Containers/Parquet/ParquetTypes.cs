namespace PerturbedForgetting.Vision.Datasets.Containers.Parquet;

/// <summary>How values are stored.</summary>
enum ParquetType
{
    Boolean,
    Int32,
    Int64,
    Int96,
    Float,
    Double,
    ByteArray,
    FixedLengthByteArray,
}

/// <summary>How pages are packed.</summary>
enum ParquetCodec
{
    Uncompressed,
    Snappy,
    Gzip,
    Lzo,
    Brotli,
    Lz4,
    Zstd,
    Lz4Raw,
}

/// <summary>How values are written in a page.</summary>
enum ParquetEncoding
{
    Plain = 0,
    PlainDictionary = 2,
    Rle = 3,
    BitPacked = 4,
    DeltaBinaryPacked = 5,
    DeltaLengthByteArray = 6,
    DeltaByteArray = 7,
    RleDictionary = 8,
    ByteStreamSplit = 9,
}

/// <summary>What a page holds.</summary>
enum ParquetPageKind
{
    Data,
    Index,
    Dictionary,
    DataV2,
}

/// <summary>A column of values.</summary>
/// <param name="Path">Names of the groups that it is in, and its own.</param>
/// <param name="Number">Its number among the columns.</param>
/// <param name="Type">How values are stored.</param>
/// <param name="TypeLength">Length of values of fixed length.</param>
/// <param name="IsText">Whether bytes are text.</param>
/// <param name="Definition">The level at which a value is there: so many groups above it may be absent, itself included.</param>
/// <param name="IsRepeated">Whether a row may have several values.</param>
sealed record ParquetColumn(IReadOnlyList<string> Path, int Number, ParquetType Type, int TypeLength, bool IsText, int Definition,
    bool IsRepeated)
{
    /// <summary>Its path as people write it.</summary>
    public string Name => string.Join('.', Path);

    /// <summary>Whether values are bytes.</summary>
    public bool IsBytes => Type is ParquetType.ByteArray or ParquetType.FixedLengthByteArray;

    /// <summary>Bits that a plain value takes at least.</summary>
    public long LeastBits => Type switch
    {
        ParquetType.Boolean => 1,
        ParquetType.Int64 or ParquetType.Double => 64,
        ParquetType.Int96 => 96,
        ParquetType.FixedLengthByteArray => Math.Max(1, 8L * TypeLength),
        _ => 32,
    };

    /// <summary>Whether values are whole numbers.</summary>
    public bool IsWhole => Type is ParquetType.Int32 or ParquetType.Int64 or ParquetType.Boolean;
}

/// <summary>The pages of a column in a row group.</summary>
/// <param name="Codec">How they are packed.</param>
/// <param name="Offset">Where the first begins.</param>
/// <param name="Length">Bytes of all.</param>
/// <param name="Values">Values of all.</param>
readonly record struct ParquetChunk(ParquetCodec Codec, long Offset, long Length, long Values);
