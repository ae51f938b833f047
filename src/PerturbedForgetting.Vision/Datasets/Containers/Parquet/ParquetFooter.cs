using System.Buffers.Binary;

namespace PerturbedForgetting.Vision.Datasets.Containers.Parquet;

/// <summary>The footer of a Parquet file: its columns, where their pages are, and what else was written with them.</summary>
sealed class ParquetFooter
{
    const int MostColumns = 10_000;

    static ReadOnlySpan<byte> Magic => "PAR1"u8;

    readonly byte[] metadata;
    readonly long length;

    ParquetFooter(byte[] metadata, long length)
    {
        (this.metadata, this.length) = (metadata, length);
        var reader = new ThriftReader(metadata);
        int outer = reader.Begin();
        while (reader.Next(out int field, out ThriftReader.Kind kind))
        {
            switch (field, kind)
            {
                case (2, ThriftReader.Kind.List):
                    Columns = ReadSchema(ref reader);
                    break;
                case (3, ThriftReader.Kind.Int64):
                    Rows = reader.Number(MostRows(length), "the number of its rows");
                    break;
                case (5, ThriftReader.Kind.List):
                    ReadProperties(ref reader);
                    break;
                case (8, ThriftReader.Kind.Struct):
                    throw new InvalidDataException("it is encrypted");
                default:
                    reader.Skip(kind);
                    break;
            }
        }
        reader.End(outer);
    }

    /// <summary>The columns that hold values.</summary>
    public IReadOnlyList<ParquetColumn> Columns { get; } = [];

    public long Rows { get; }

    /// <summary>What the schema of Hugging Face's library says, as JSON; null without it.</summary>
    public ReadOnlyMemory<byte>? HuggingFace { get; private set; }

    /// <summary>Reads the footer of a file.</summary>
    /// <param name="files">The file is one of these.</param>
    /// <param name="file">Its number.</param>
    /// <exception cref="InvalidDataException">It is no Parquet file, or damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ParquetFooter Read(ContainerFiles files, int file)
    {
        long length = files.Length(file);
        Span<byte> end = stackalloc byte[8];
        if (length < 12 || files.Read(file, 0, end[..4]) < 4 || !end[..4].SequenceEqual(Magic))
            throw new InvalidDataException(length == 0 ? "it is empty" : end[..4].SequenceEqual("PARE"u8) ? "it is encrypted"
                : "it does not begin as a Parquet file does");
        if (files.Read(file, length - 8, end) < 8 || !end[4..].SequenceEqual(Magic))
            throw new InvalidDataException("it does not end as a Parquet file does: it is cut short, download it again");
        int footer = BinaryPrimitives.ReadInt32LittleEndian(end);
        if (footer <= 0 || footer > length - 12)
            throw new InvalidDataException("its footer is longer than the file");
        byte[] metadata = new byte[footer];
        if (files.Read(file, length - 8 - footer, metadata) < footer)
            throw new InvalidDataException("it changed while it was read");
        return Parse(metadata, length);
    }

    /// <summary>Where the pages of some columns are, for each row group: its rows, and a chunk for each of the columns.</summary>
    /// <exception cref="InvalidDataException">The footer is damaged.</exception>
    public List<(int Rows, ParquetChunk[] Chunks)> RowGroups(params ParquetColumn?[] columns)
    {
        try
        {
            var reader = new ThriftReader(metadata);
            List<(int, ParquetChunk[])> groups = [];
            while (reader.Next(out int field, out ThriftReader.Kind kind))
            {
                if ((field, kind) != (4, ThriftReader.Kind.List))
                {
                    reader.Skip(kind);
                    continue;
                }
                for (int left = reader.List(out _); left > 0; left--)
                    groups.Add(ReadRowGroup(ref reader, columns));
            }
            long rows = groups.Sum(g => (long)g.Item1);
            return rows == Rows ? groups : throw new InvalidDataException($"it has {Rows} rows, and its row groups {rows}");
        }
        catch (EndOfStreamException)
        {
            throw new InvalidDataException("its footer is cut short");
        }
    }

    /// <summary>No file has more rows than bytes, but for small ones.</summary>
    public static long MostRows(long length) => Math.Min(Math.Max(length, 1 << 20), int.MaxValue);

    static ParquetFooter Parse(byte[] metadata, long length)
    {
        try
        {
            return new ParquetFooter(metadata, length);
        }
        catch (EndOfStreamException)
        {
            throw new InvalidDataException("its footer is cut short");
        }
    }

    (int Rows, ParquetChunk[] Chunks) ReadRowGroup(ref ThriftReader reader, ParquetColumn?[] columns)
    {
        int outer = reader.Begin(), rows = -1;
        ParquetChunk[]? chunks = null;
        while (reader.Next(out int field, out ThriftReader.Kind kind))
        {
            if ((field, kind) == (1, ThriftReader.Kind.List))
                chunks = ReadChunks(ref reader, columns);
            else if ((field, kind) == (3, ThriftReader.Kind.Int64))
                rows = (int)reader.Number(MostRows(length), "the number of rows of a row group");
            else
                reader.Skip(kind);
        }
        reader.End(outer);
        return rows >= 0 && chunks is not null ? (rows, chunks) : throw new InvalidDataException("a row group lacks rows or columns");
    }

    ParquetChunk[] ReadChunks(ref ThriftReader reader, ParquetColumn?[] columns)
    {
        int count = reader.List(out _);
        if (count != Columns.Count)
            throw new InvalidDataException($"it has {Columns.Count} columns, and a row group of it {count}");
        var chunks = new ParquetChunk[columns.Length];
        for (int number = 0; number < count; number++)
        {
            ParquetChunk? chunk = null;
            int outer = reader.Begin();
            while (reader.Next(out int field, out ThriftReader.Kind kind))
            {
                if ((field, kind) == (3, ThriftReader.Kind.Struct))
                    chunk = ReadChunk(ref reader);
                else if ((field, kind) == (1, ThriftReader.Kind.Binary))
                    throw new InvalidDataException("some of its columns are in another file");
                else
                    reader.Skip(kind);
            }
            reader.End(outer);
            for (int i = 0; i < columns.Length; i++)
            {
                if (columns[i]?.Number == number)
                    chunks[i] = chunk is { Length: > 0 } or { Values: 0 } ? chunk.Value
                        : throw new InvalidDataException($"column '{columns[i]!.Name}' of a row group has no pages");
            }
        }
        return chunks;
    }

    ParquetChunk ReadChunk(ref ThriftReader reader)
    {
        long codec = 0, values = 0, packed = 0, data = -1, dictionary = 0;
        int outer = reader.Begin();
        while (reader.Next(out int field, out ThriftReader.Kind kind))
        {
            switch (field, kind)
            {
                case (4, ThriftReader.Kind.Int32):
                    codec = reader.Number();
                    break;
                case (5, ThriftReader.Kind.Int64):
                    values = reader.Number(MostRows(length), "the number of values of a column");
                    break;
                case (7, ThriftReader.Kind.Int64):
                    packed = reader.Number(length, "the length of a column");
                    break;
                case (9, ThriftReader.Kind.Int64):
                    data = reader.Number(length, "the place of a column");
                    break;
                case (11, ThriftReader.Kind.Int64):
                    dictionary = reader.Number(length, "the place of a dictionary");
                    break;
                default:
                    reader.Skip(kind);
                    break;
            }
        }
        reader.End(outer);
        long first = dictionary > 0 && dictionary < data ? dictionary : data;
        return first >= 0 && first + packed <= length ? new((ParquetCodec)codec, first, packed, values)
            : throw new InvalidDataException("the pages of a column lie outside the file");
    }

    /// <summary>The tree of groups and columns, in which each names the number of those that follow and are in it.</summary>
    static List<ParquetColumn> ReadSchema(ref ThriftReader reader)
    {
        List<ParquetColumn> columns = [];
        var groups = new Stack<(string Name, int Left, int Definition, bool Repeated)>();
        int count = reader.List(out _);
        if (count > MostColumns)
            throw new InvalidDataException($"it has {count} columns, more than {MostColumns}");
        for (int i = 0; i < count; i++)
        {
            SchemaElement element = ReadElement(ref reader);
            while (groups.TryPeek(out var full) && full.Left == 0)
                groups.Pop();
            (string Name, int Left, int Definition, bool Repeated) above = default;
            if (i > 0)
            {
                if (!groups.TryPop(out above))
                    throw new InvalidDataException("its schema has columns outside of all groups");
                groups.Push(above with { Left = above.Left - 1 });
            }
            int definition = above.Definition + (i > 0 && element.Repetition != 0 ? 1 : 0);
            bool repeated = above.Repeated || (i > 0 && element.Repetition == 2);
            if (i == 0 || element.Children > 0)
                groups.Push((element.Name, element.Children, definition, repeated));
            else
                columns.Add(new ParquetColumn([.. groups.Reverse().Skip(1).Select(g => g.Name), element.Name], columns.Count, element.Type,
                    element.Length, element.IsText, definition, repeated));
            if (groups.Count > 100)
                throw new InvalidDataException("its schema is nested too deep");
        }
        return columns;
    }

    static SchemaElement ReadElement(ref ThriftReader reader)
    {
        var element = new SchemaElement { Name = "" };
        int outer = reader.Begin();
        while (reader.Next(out int field, out ThriftReader.Kind kind))
        {
            switch (field, kind)
            {
                case (1, ThriftReader.Kind.Int32):
                    element.Type = (ParquetType)reader.Number(7, "the type of a column");
                    break;
                case (2, ThriftReader.Kind.Int32):
                    element.Length = (int)reader.Number(int.MaxValue, "the length of a column's values");
                    break;
                case (3, ThriftReader.Kind.Int32):
                    element.Repetition = (int)reader.Number(2, "the repetition of a column");
                    break;
                case (4, ThriftReader.Kind.Binary):
                    element.Name = reader.Text();
                    break;
                case (5, ThriftReader.Kind.Int32):
                    element.Children = (int)reader.Number(MostColumns, "the number of columns in a group");
                    break;
                case (6, ThriftReader.Kind.Int32):
                    element.IsText |= reader.Number() is 0 or 4;
                    break;
                case (10, ThriftReader.Kind.Struct):
                    element.IsText |= ReadLogicalType(ref reader);
                    break;
                default:
                    reader.Skip(kind);
                    break;
            }
        }
        reader.End(outer);
        return element;
    }

    /// <summary>Whether a logical type is text or one of some words.</summary>
    static bool ReadLogicalType(ref ThriftReader reader)
    {
        bool isText = false;
        int outer = reader.Begin();
        while (reader.Next(out int field, out ThriftReader.Kind kind))
        {
            isText |= field is 1 or 4;
            reader.Skip(kind);
        }
        reader.End(outer);
        return isText;
    }

    void ReadProperties(ref ThriftReader reader)
    {
        for (int left = reader.List(out _); left > 0; left--)
        {
            int outer = reader.Begin();
            bool isOurs = false;
            while (reader.Next(out int field, out ThriftReader.Kind kind))
            {
                if ((field, kind) == (1, ThriftReader.Kind.Binary))
                    isOurs = reader.Binary().SequenceEqual("huggingface"u8);
                else if ((field, kind) == (2, ThriftReader.Kind.Binary))
                {
                    ReadOnlySpan<byte> value = reader.Binary();
                    if (isOurs)
                        HuggingFace = metadata.AsMemory(reader.Position - value.Length, value.Length);
                }
                else
                    reader.Skip(kind);
            }
            reader.End(outer);
        }
    }

    struct SchemaElement
    {
        public string Name;
        public ParquetType Type;
        public int Length, Repetition, Children;
        public bool IsText;
    }
}
