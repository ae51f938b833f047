using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace PerturbedForgetting.Vision.Datasets.ImageNet;

/// <summary>A variable in a MATLAB file: text, numbers, or records of named fields.</summary>
sealed class MatValue
{
    /// <summary>Fields by their names, of each record in turn; empty where it is no struct.</summary>
    public Dictionary<string, MatValue[]> Fields { get; } = new(StringComparer.Ordinal);

    /// <summary>The text, or empty.</summary>
    public string Text { get; init; } = "";

    /// <summary>The first number; NaN where there is none.</summary>
    public double Number { get; init; } = double.NaN;
}

/// <summary>Reads structs, texts and numbers of MATLAB's files of version 5 (level 5, as MATLAB 5 to 7.2 and SciPy write them), as much as
/// ImageNet's list of classes needs.</summary>
sealed class MatFile
{
    const int HeaderLength = 128, MostNested = 16, Slack = 1 << 23;

    const int Compressed = 15, Matrix = 14;

    readonly byte[] data;
    readonly string name;
    readonly bool bigEndian;

    MatFile(byte[] data, string name, bool bigEndian) => (this.data, this.name, this.bigEndian) = (data, name, bigEndian);

    /// <summary>Reads the first variable of a name.</summary>
    /// <param name="data">The file.</param>
    /// <param name="name">What the file is called in errors.</param>
    /// <param name="variable">The variable.</param>
    /// <exception cref="DatasetException">The file is damaged or has no such variable.</exception>
    public static MatValue Read(byte[] data, string name, string variable)
    {
        if (data.Length < HeaderLength || data.AsSpan(126, 2) is not ([(byte)'I', (byte)'M'] or [(byte)'M', (byte)'I']))
            throw new DatasetException($"{name} is no MATLAB file of version 5; it is another file or damaged, download it again");
        return new MatFile(data, name, bigEndian: data[126] == 'M').Find(HeaderLength, data.Length, variable, isInner: false)
            ?? throw new DatasetException($"{name} has no variable '{variable}'; it is another file");
    }

    MatValue? Find(int at, int end, string variable, bool isInner)
    {
        while (at < end)
        {
            (int type, int start, int length, int next) = Tag(at, end);
            if (type == Compressed && !isInner)
            {
                var inner = new MatFile(Unpack(start, length), name, bigEndian);
                if (inner.Find(0, inner.data.Length, variable, isInner: true) is { } packed)
                    return packed;
            }
            else if (type == Matrix && ReadMatrix(start, start + length, 0, variable) is { } value)
                return value;
            at = next;
        }
        return null;
    }

    /// <summary>Reads a matrix; null if <paramref name="wanted"/> is not its name.</summary>
    MatValue? ReadMatrix(int at, int end, int depth, string? wanted)
    {
        if (depth > MostNested)
            throw Damaged("its values are nested too deep");
        if (at == end)
            return new MatValue();
        (_, int flags, int flagsLength, int dimensions) = Tag(at, end);
        (_, int sizes, int sizesLength, int named) = Tag(dimensions, end);
        (_, int title, int titleLength, int body) = Tag(named, end);
        if (flagsLength < 4 || (wanted is not null && Encoding.ASCII.GetString(data, title, titleLength) != wanted))
            return null;
        long count = 1;
        for (int i = 0; i + 4 <= sizesLength; i += 4)
            count = Math.Min(int.MaxValue, count * Math.Clamp(Int32(sizes + i), 0, end - at));
        return (Int32(flags) & 0xFF) switch
        {
            2 => ReadStruct(body, end, count, depth),
            4 => new MatValue { Text = ReadText(body, end) },
            >= 6 and <= 15 => new MatValue { Number = ReadNumber(body, end) },
            _ => new MatValue(),
        };
    }

    MatValue ReadStruct(int at, int end, long count, int depth)
    {
        (_, int lengthAt, int lengthBytes, int namesTag) = Tag(at, end);
        (_, int names, int namesLength, int next) = Tag(namesTag, end);
        int width = lengthBytes >= 4 ? Int32(lengthAt) : 0;
        if (width is < 1 or > 64)
            throw Damaged("the names of its fields have no length");
        string[] fields = new string[namesLength / width];
        var value = new MatValue();
        // Each value takes a tag at least.
        if (fields.Length == 0 || count * fields.Length > (end - next) / 8)
            throw Damaged("it claims more records than it has");
        for (int f = 0; f < fields.Length; f++)
        {
            fields[f] = Encoding.ASCII.GetString(data, names + f * width, width).Split('\0')[0];
            if (!value.Fields.TryAdd(fields[f], new MatValue[count]))
                throw Damaged($"it has two fields '{fields[f]}'");
        }
        for (int record = 0; record < count; record++)
        {
            foreach (string field in fields)
            {
                (int type, int start, int length, int after) = Tag(next, end);
                value.Fields[field][record] = type == Matrix ? ReadMatrix(start, start + length, depth + 1, wanted: null) ?? new MatValue()
                    : throw Damaged($"field '{field}' of record {record} is no value");
                next = after;
            }
        }
        return value;
    }

    string ReadText(int at, int end)
    {
        if (at == end)
            return "";
        (int type, int start, int length, _) = Tag(at, end);
        ReadOnlySpan<byte> bytes = data.AsSpan(start, length);
        return type is 4 or 17 or 3 ? (bigEndian ? Encoding.BigEndianUnicode : Encoding.Unicode).GetString(bytes)
            : Encoding.UTF8.GetString(bytes);
    }

    double ReadNumber(int at, int end)
    {
        if (at == end)
            return double.NaN;
        (int type, int start, int length, _) = Tag(at, end);
        int size = type switch { 1 or 2 => 1, 3 or 4 => 2, 5 or 6 or 7 => 4, 9 or 12 or 13 => 8, _ => int.MaxValue };
        if (length < size)
            return double.NaN;
        ulong bits = 0;
        for (int i = 0; i < size; i++)
            bits |= (ulong)data[start + (bigEndian ? size - 1 - i : i)] << 8 * i;
        return type switch
        {
            1 => (sbyte)bits,
            3 => (short)bits,
            5 => (int)bits,
            7 => BitConverter.UInt32BitsToSingle((uint)bits),
            9 => BitConverter.UInt64BitsToDouble(bits),
            12 => (long)bits,
            _ => bits,
        };
    }

    /// <summary>The tag of an element: its type, where its data are, and where the next element is.</summary>
    (int Type, int Start, int Length, int Next) Tag(int at, int end)
    {
        if (end - at < 8)
            throw Damaged("it ends within a value");
        int type = Int32(at), length = Int32(at + 4);
        if ((uint)type >> 16 is > 0 and <= 4 and var small)
            return (type & 0xFFFF, at + 4, (int)small, at + 8);
        if (length < 0 || length > end - at - 8)
            throw Damaged("it ends within a value");
        int padded = type == Compressed ? length : (int)Math.Min(end - at - 8, (length + 7L) / 8 * 8);
        return (type, at + 8, length, at + 8 + padded);
    }

    byte[] Unpack(int start, int length)
    {
        try
        {
            using var packed = new ZLibStream(new MemoryStream(data, start, length), CompressionMode.Decompress);
            using var unpacked = new MemoryStream();
            var chunk = new byte[1 << 16];
            while (packed.Read(chunk) is > 0 and int read)
            {
                unpacked.Write(chunk, 0, read);
                if (unpacked.Length > 10L * length + Slack)
                    throw Damaged("it unpacks to more than it can hold");
            }
            return unpacked.ToArray();
        }
        catch (InvalidDataException)
        {
            throw Damaged("it cannot be unpacked");
        }
    }

    int Int32(int at) =>
        bigEndian ? BinaryPrimitives.ReadInt32BigEndian(data.AsSpan(at)) : BinaryPrimitives.ReadInt32LittleEndian(data.AsSpan(at));

    DatasetException Damaged(string why) => new($"{name} is damaged: {why}; download it again");
}
