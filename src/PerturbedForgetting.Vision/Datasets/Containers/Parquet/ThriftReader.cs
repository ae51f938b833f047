using System.Text;

namespace PerturbedForgetting.Vision.Datasets.Containers.Parquet;

/// <summary>Reads Thrift's compact protocol, in which Parquet writes its footer and the headers of its pages.</summary>
/// <remarks>Own rather than a library's: a library decodes whole row groups, while an image is to be had by reading one page; and what is
/// read here is checked against the bytes that are there before anything is allocated. Formats: thrift-compact-protocol.md of Apache
/// Thrift, parquet.thrift of Apache Parquet.</remarks>
ref struct ThriftReader(ReadOnlySpan<byte> data)
{
    const int DeepestNesting = 32;

    readonly ReadOnlySpan<byte> data = data;
    int lastField;

    /// <summary>Types of fields and elements.</summary>
    public enum Kind : byte
    {
        Stop,
        True,
        False,
        Byte,
        Int16,
        Int32,
        Int64,
        Double,
        Binary,
        List,
        Set,
        Map,
        Struct,
    }

    /// <summary>Bytes read so far.</summary>
    public int Position { get; private set; }

    readonly int Remaining => data.Length - Position;

    /// <summary>Enters a structure; the value is to be handed to <see cref="End"/>.</summary>
    public int Begin()
    {
        int outer = lastField;
        lastField = 0;
        return outer;
    }

    /// <summary>Leaves a structure whose last field was read.</summary>
    public void End(int outer) => lastField = outer;

    /// <summary>The next field of the structure; false at its end.</summary>
    public bool Next(out int field, out Kind kind)
    {
        byte head = Byte();
        kind = (Kind)(head & 15);
        field = 0;
        if (kind == Kind.Stop)
            return false;
        int step = head >> 4;
        lastField = field = step > 0 ? lastField + step : (int)Number();
        return true;
    }

    /// <summary>A signed number.</summary>
    public long Number()
    {
        ulong coded = Unsigned();
        return (long)(coded >> 1) ^ -(long)(coded & 1);
    }

    /// <summary>A number that must lie in [0, <paramref name="most"/>].</summary>
    public long Number(long most, string what) => Number() is var number && number >= 0 && number <= most ? number
        : throw new InvalidDataException($"{what} is {number}, which it cannot be");

    /// <summary>Bytes whose length stands before them.</summary>
    public ReadOnlySpan<byte> Binary()
    {
        ulong length = Unsigned();
        if (length > (ulong)Remaining)
            throw new EndOfStreamException();
        Position += (int)length;
        return data.Slice(Position - (int)length, (int)length);
    }

    public string Text() => Encoding.UTF8.GetString(Binary());

    /// <summary>The head of a list: the number of elements, each of which takes a byte at least.</summary>
    public int List(out Kind kind)
    {
        byte head = Byte();
        kind = (Kind)(head & 15);
        ulong count = head >> 4 == 15 ? Unsigned() : (ulong)head >> 4;
        return count <= (ulong)Remaining ? (int)count : throw new EndOfStreamException();
    }

    /// <summary>Passes over a value.</summary>
    public void Skip(Kind kind) => Skip(kind, isElement: false, depth: 0);

    void Skip(Kind kind, bool isElement, int depth)
    {
        if (depth > DeepestNesting)
            throw new InvalidDataException("its metadata are nested too deep");
        switch (kind)
        {
            case Kind.True or Kind.False:
                // As a field, the type is the value.
                if (isElement)
                    Byte();
                break;
            case Kind.Byte:
                Byte();
                break;
            case Kind.Int16 or Kind.Int32 or Kind.Int64:
                Unsigned();
                break;
            case Kind.Double:
                Take(sizeof(double));
                break;
            case Kind.Binary:
                Binary();
                break;
            case Kind.List or Kind.Set:
                for (int left = List(out Kind element); left > 0; left--)
                    Skip(element, isElement: true, depth + 1);
                break;
            case Kind.Map:
                SkipMap(depth);
                break;
            case Kind.Struct:
                int outer = Begin();
                while (Next(out _, out Kind field))
                    Skip(field, isElement: false, depth + 1);
                End(outer);
                break;
            default:
                throw new InvalidDataException("its metadata have a value of no known type");
        }
    }

    void SkipMap(int depth)
    {
        ulong count = Unsigned();
        if (count > (ulong)Remaining)
            throw new EndOfStreamException();
        byte kinds = count > 0 ? Byte() : (byte)0;
        for (; count > 0; count--)
        {
            Skip((Kind)(kinds >> 4), isElement: true, depth + 1);
            Skip((Kind)(kinds & 15), isElement: true, depth + 1);
        }
    }

    ulong Unsigned()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte next = Byte();
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
        throw new InvalidDataException("its metadata have a number that does not end");
    }

    byte Byte() => Position < data.Length ? data[Position++] : throw new EndOfStreamException();

    void Take(int count)
    {
        if (count > Remaining)
            throw new EndOfStreamException();
        Position += count;
    }
}
