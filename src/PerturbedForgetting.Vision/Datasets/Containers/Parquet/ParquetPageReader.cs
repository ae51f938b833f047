using System.Buffers.Binary;
using System.IO.Hashing;

namespace PerturbedForgetting.Vision.Datasets.Containers.Parquet;

/// <summary>Decodes pages of a column.</summary>
/// <param name="column">The column.</param>
/// <param name="largest">Bytes that a page may be unpacked to, and four times the rows that it may have.</param>
sealed class ParquetPageReader(ParquetColumn column, long largest)
{
    /// <summary>The largest page of a file: no page is packed to less than a tenth, but for small ones.</summary>
    public static long Largest(long fileLength) => Math.Max(10 * Math.Min(fileLength, long.MaxValue / 10), 1 << 24);

    /// <summary>Decodes a page of data or a dictionary.</summary>
    /// <param name="page">Its header and its bytes, and nothing else.</param>
    /// <param name="codec">How it is packed.</param>
    /// <exception cref="InvalidDataException">It is damaged, or of a kind that is not read.</exception>
    public ParquetPage Read(ReadOnlySpan<byte> page, ParquetCodec codec)
    {
        try
        {
            ParquetPageHeader header = ParquetPageHeader.Read(page, out int length);
            return Read(header, page[length..], codec);
        }
        catch (Exception e) when (e is EndOfStreamException or ArgumentOutOfRangeException or IndexOutOfRangeException)
        {
            throw new InvalidDataException("a page is cut short");
        }
    }

    ParquetPage Read(in ParquetPageHeader header, ReadOnlySpan<byte> bytes, ParquetCodec codec)
    {
        if (bytes.Length != header.Packed)
            throw new InvalidDataException("a page has another length than its header says");
        if (header.Unpacked > largest || header.Values < 0 || header.Values > largest / 4)
            throw new InvalidDataException($"a page claims to have {header.Unpacked} bytes and {header.Values} values");
        if (header.Sum is { } sum && Crc32.HashToUInt32(bytes) != sum)
            throw new InvalidDataException("a page does not have its check sum");
        switch (header.Kind)
        {
            case ParquetPageKind.Dictionary:
                return Values(ParquetCodecs.Unpack(codec, bytes, header.Unpacked), 0, ParquetEncoding.Plain, header.Values, []);
            case ParquetPageKind.Data:
                byte[] unpacked = ParquetCodecs.Unpack(codec, bytes, header.Unpacked);
                int levels = column.Definition == 0 ? 0 : sizeof(int) + BinaryPrimitives.ReadInt32LittleEndian(unpacked);
                if (levels < 0 || levels > unpacked.Length)
                    throw new InvalidDataException("the levels of a page are longer than the page");
                if (levels > 0 && header.LevelEncoding != ParquetEncoding.Rle)
                    throw new InvalidDataException($"its levels are written as {header.LevelEncoding}, which is not read");
                return Values(unpacked, levels, header.Encoding, header.Values,
                    Levels(levels == 0 ? [] : unpacked.AsSpan(sizeof(int), levels - sizeof(int)), header.Values));
            case ParquetPageKind.DataV2:
                ReadOnlySpan<byte> definition = bytes.Slice(header.RepetitionBytes, header.DefinitionBytes);
                int before = header.RepetitionBytes + header.DefinitionBytes;
                if (before > header.Unpacked)
                    throw new InvalidDataException("the levels of a page are longer than the page");
                ReadOnlySpan<byte> rest = bytes[before..];
                byte[] data = header.Unpacked == before && rest.IsEmpty ? []
                    : ParquetCodecs.Unpack(header.IsPacked ? codec : ParquetCodec.Uncompressed, rest, header.Unpacked - before);
                return Values(data, 0, header.Encoding, header.Values, Levels(definition, header.Values));
            default:
                throw new InvalidDataException("a page is neither of data nor a dictionary");
        }
    }

    /// <summary>Whether each row has a value; empty where all have.</summary>
    bool[] Levels(ReadOnlySpan<byte> data, int rows)
    {
        if (column.Definition == 0)
            return [];
        int[] levels = new int[rows];
        RunLengths.Read(data, RunLengths.Width(column.Definition), levels);
        return levels.AsSpan().ContainsAnyExcept(column.Definition) ? Array.ConvertAll(levels, l => l == column.Definition) : [];
    }

    ParquetPage Values(byte[] data, int start, ParquetEncoding encoding, int rows, bool[] present)
    {
        ReadOnlySpan<byte> bytes = data.AsSpan(start);
        int values = present.Length == 0 ? rows : present.AsSpan().Count(true);
        if (encoding == ParquetEncoding.Plain && values > 8L * bytes.Length / column.LeastBits)
            throw new InvalidDataException($"a page of {bytes.Length} bytes cannot have {values} values");
        if (encoding is ParquetEncoding.PlainDictionary or ParquetEncoding.RleDictionary)
        {
            int[] indices = new int[values];
            if (values > 0)
                RunLengths.Read(bytes[1..], bytes[0], indices);
            return new ParquetPage { Indices = Spread(indices, present, ParquetPage.Absent) };
        }
        if (column.IsBytes)
        {
            (byte[] all, int[] starts, int[] lengths) = encoding switch
            {
                ParquetEncoding.Plain => Plain(data, start, values),
                ParquetEncoding.DeltaLengthByteArray => DeltaLength(data, start, values),
                ParquetEncoding.DeltaByteArray => DeltaBytes(data, start, values),
                _ => throw NotRead(encoding),
            };
            return new ParquetPage
            {
                Data = all,
                Starts = Spread(starts, present, 0),
                Lengths = Spread(lengths, present, ParquetPage.Absent),
            };
        }
        long[] numbers = new long[values];
        ReadNumbers(bytes, encoding, numbers);
        return new ParquetPage
        {
            Numbers = Spread(numbers, present, 0),
            AbsentNumbers = present.Length == 0 ? null : Array.ConvertAll(present, p => !p),
        };
    }

    void ReadNumbers(ReadOnlySpan<byte> bytes, ParquetEncoding encoding, long[] numbers)
    {
        switch (encoding, column.Type)
        {
            case (ParquetEncoding.Plain, ParquetType.Int32):
                for (int i = 0; i < numbers.Length; i++)
                    numbers[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes[(4 * i)..]);
                break;
            case (ParquetEncoding.Plain, ParquetType.Int64):
                for (int i = 0; i < numbers.Length; i++)
                    numbers[i] = BinaryPrimitives.ReadInt64LittleEndian(bytes[(8 * i)..]);
                break;
            case (ParquetEncoding.Plain, ParquetType.Boolean):
                for (int i = 0; i < numbers.Length; i++)
                    numbers[i] = bytes[i >> 3] >> (i & 7) & 1;
                break;
            case (ParquetEncoding.Rle, ParquetType.Boolean):
                int[] bits = new int[numbers.Length];
                RunLengths.Read(bytes[sizeof(int)..], 1, bits);
                Array.ConvertAll(bits, b => (long)b).CopyTo(numbers, 0);
                break;
            case (ParquetEncoding.DeltaBinaryPacked, ParquetType.Int32 or ParquetType.Int64):
                DeltaNumbers.Read(bytes, numbers);
                break;
            default:
                throw NotRead(encoding);
        }
    }

    (byte[], int[], int[]) Plain(byte[] data, int start, int values)
    {
        int[] starts = new int[values], lengths = new int[values];
        for (int i = 0, at = start; i < values; i++)
        {
            int length = column.TypeLength;
            if (column.Type == ParquetType.ByteArray)
            {
                length = BinaryPrimitives.ReadInt32LittleEndian(data.AsSpan(at));
                at += sizeof(int);
            }
            if (length < 0 || length > data.Length - at)
                throw new InvalidDataException("a value is longer than its page");
            (starts[i], lengths[i]) = (at, length);
            at += length;
        }
        return (data, starts, lengths);
    }

    static (byte[], int[], int[]) DeltaLength(byte[] data, int start, int values)
    {
        long[] lengths = new long[values];
        int at = start + DeltaNumbers.Read(data.AsSpan(start), lengths);
        int[] starts = new int[values];
        for (int i = 0; i < values; i++)
        {
            if (lengths[i] < 0 || lengths[i] > data.Length - at)
                throw new InvalidDataException("a value is longer than its page");
            starts[i] = at;
            at += (int)lengths[i];
        }
        return (data, starts, Array.ConvertAll(lengths, l => (int)l));
    }

    /// <summary>Values that begin as the ones before them.</summary>
    (byte[], int[], int[]) DeltaBytes(byte[] data, int start, int values)
    {
        long[] prefixes = new long[values];
        int at = start + DeltaNumbers.Read(data.AsSpan(start), prefixes);
        (_, int[] suffixStarts, int[] suffixes) = DeltaLength(data, at, values);
        long total = 0;
        for (int i = 0; i < values; i++)
        {
            if (prefixes[i] < 0 || prefixes[i] > (i == 0 ? 0 : prefixes[i - 1] + suffixes[i - 1]))
                throw new InvalidDataException("a value begins as more bytes than there are before it");
            total += prefixes[i] + suffixes[i];
        }
        if (total > largest)
            throw new InvalidDataException($"the values of a page claim {total} bytes");
        byte[] all = new byte[total];
        int[] starts = new int[values], lengths = new int[values];
        for (int i = 0, to = 0; i < values; i++)
        {
            int prefix = (int)prefixes[i];
            if (i > 0)
                all.AsSpan(starts[i - 1], prefix).CopyTo(all.AsSpan(to));
            data.AsSpan(suffixStarts[i], suffixes[i]).CopyTo(all.AsSpan(to + prefix));
            (starts[i], lengths[i]) = (to, prefix + suffixes[i]);
            to += lengths[i];
        }
        return (all, starts, lengths);
    }

    /// <summary>Gives each value its row, and absent rows another.</summary>
    static T[] Spread<T>(T[] values, bool[] present, T absent)
    {
        if (present.Length == 0)
            return values;
        T[] spread = new T[present.Length];
        for (int row = 0, value = 0; row < present.Length; row++)
            spread[row] = present[row] ? values[value++] : absent;
        return spread;
    }

    InvalidDataException NotRead(ParquetEncoding encoding) =>
        new($"column '{column.Name}' is written as {encoding} of {column.Type}, which is not read");
}
