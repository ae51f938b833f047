namespace PerturbedForgetting.Vision.Datasets.Containers.Records;

/// <summary>Sizes in the wire format of protocol buffers, of fields with numbers below 16.</summary>
static class ProtoSize
{
    /// <summary>Bytes of a number.</summary>
    public static int Varint(ulong value)
    {
        int size = 1;
        for (; value >= 0x80; value >>= 7)
            size++;
        return size;
    }

    /// <summary>Bytes of a field that holds <paramref name="length"/> bytes: text, bytes or a message.</summary>
    public static int Field(int length) => checked(1 + Varint((ulong)length) + length);
}

/// <summary>Writes the wire format of protocol buffers, fields with numbers below 16.</summary>
/// <param name="length">Bytes that will be written.</param>
sealed class ProtoWriter(int length)
{
    const int LengthDelimited = 2;

    int position;

    /// <summary>What was written.</summary>
    public byte[] Data { get; } = new byte[length];

    /// <summary>Begins a message of a known length; its fields follow.</summary>
    public void Message(int field, int size)
    {
        Varint((ulong)(field << 3 | LengthDelimited));
        Varint((ulong)size);
    }

    /// <summary>Writes bytes or text.</summary>
    public void Bytes(int field, ReadOnlySpan<byte> bytes)
    {
        Message(field, bytes.Length);
        bytes.CopyTo(Data.AsSpan(position));
        position += bytes.Length;
    }

    /// <summary>Writes a number.</summary>
    public void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            Data[position++] = (byte)(value | 0x80);
        Data[position++] = (byte)value;
    }
}
