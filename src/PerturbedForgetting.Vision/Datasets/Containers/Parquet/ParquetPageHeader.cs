namespace PerturbedForgetting.Vision.Datasets.Containers.Parquet;

/// <summary>What stands before a page.</summary>
struct ParquetPageHeader
{
    public ParquetPageKind Kind;

    /// <summary>Bytes of the page unpacked, and in the file.</summary>
    public int Unpacked, Packed;

    /// <summary>Check sum of the page's bytes in the file; null where there is none.</summary>
    public uint? Sum;

    /// <summary>Values, absent ones included.</summary>
    public int Values;

    public ParquetEncoding Encoding, LevelEncoding;

    /// <summary>Bytes of the levels of a page of version 2.</summary>
    public int DefinitionBytes, RepetitionBytes;

    /// <summary>Whether the values of a page of version 2 are packed.</summary>
    public bool IsPacked;

    /// <summary>Reads a header.</summary>
    /// <param name="data">It begins here.</param>
    /// <param name="length">Its length.</param>
    /// <exception cref="EndOfStreamException">It goes on behind the data.</exception>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static ParquetPageHeader Read(ReadOnlySpan<byte> data, out int length)
    {
        var header = new ParquetPageHeader { IsPacked = true, Values = -1, LevelEncoding = ParquetEncoding.Rle };
        var reader = new ThriftReader(data);
        while (reader.Next(out int field, out ThriftReader.Kind kind))
        {
            switch (field, kind)
            {
                case (1, ThriftReader.Kind.Int32):
                    header.Kind = (ParquetPageKind)reader.Number(3, "the kind of a page");
                    break;
                case (2, ThriftReader.Kind.Int32):
                    header.Unpacked = (int)reader.Number(Array.MaxLength, "the length of a page");
                    break;
                case (3, ThriftReader.Kind.Int32):
                    header.Packed = (int)reader.Number(Array.MaxLength, "the length of a page");
                    break;
                case (4, ThriftReader.Kind.Int32):
                    header.Sum = (uint)reader.Number();
                    break;
                case (5 or 7 or 8, ThriftReader.Kind.Struct):
                    header.ReadKind(ref reader, isSecond: field == 8);
                    break;
                default:
                    reader.Skip(kind);
                    break;
            }
        }
        length = reader.Position;
        return header;
    }

    void ReadKind(ref ThriftReader reader, bool isSecond)
    {
        int outer = reader.Begin();
        while (reader.Next(out int field, out ThriftReader.Kind kind))
        {
            switch (field, kind, isSecond)
            {
                case (1, ThriftReader.Kind.Int32, _):
                    Values = (int)reader.Number(int.MaxValue, "the number of values of a page");
                    break;
                case (2, ThriftReader.Kind.Int32, false) or (4, ThriftReader.Kind.Int32, true):
                    Encoding = (ParquetEncoding)reader.Number(100, "the encoding of a page");
                    break;
                case (3, ThriftReader.Kind.Int32, false):
                    LevelEncoding = (ParquetEncoding)reader.Number(100, "the encoding of levels");
                    break;
                case (5, ThriftReader.Kind.Int32, true):
                    DefinitionBytes = (int)reader.Number(Array.MaxLength, "the length of levels");
                    break;
                case (6, ThriftReader.Kind.Int32, true):
                    RepetitionBytes = (int)reader.Number(Array.MaxLength, "the length of levels");
                    break;
                case (7, ThriftReader.Kind.True or ThriftReader.Kind.False, true):
                    IsPacked = kind == ThriftReader.Kind.True;
                    break;
                default:
                    reader.Skip(kind);
                    break;
            }
        }
        reader.End(outer);
    }
}
