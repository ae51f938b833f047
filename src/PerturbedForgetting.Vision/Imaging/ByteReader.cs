using System.Buffers.Binary;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>Reads numbers and pieces of a file one after the other; whoever reads beyond the end gets the error that the file is
/// cut short.</summary>
/// <param name="data">The whole file.</param>
/// <param name="within">What is being read, for the error: "the header".</param>
/// <param name="bigEndian">Whether numbers begin with their highest byte.</param>
ref struct ByteReader(ReadOnlySpan<byte> data, string within, bool bigEndian = false)
{
    readonly ReadOnlySpan<byte> data = data;

    /// <summary>Where the next byte is read.</summary>
    public int Position { get; private set; }

    /// <summary>Bytes from the position to the end.</summary>
    public readonly int Remaining => data.Length - Position;

    /// <summary>Goes to a position, which a file may give as any number.</summary>
    public void Seek(long position)
    {
        if ((ulong)position > (ulong)data.Length)
            throw Truncated();
        Position = (int)position;
    }

    /// <summary>Passes over bytes.</summary>
    public void Skip(long count) => Seek(count < 0 ? -1 : Position + count);

    /// <summary>The next bytes.</summary>
    public ReadOnlySpan<byte> Take(long count)
    {
        if ((ulong)count > (ulong)Remaining)
            throw Truncated();
        ReadOnlySpan<byte> taken = data.Slice(Position, (int)count);
        Position += (int)count;
        return taken;
    }

    public byte Byte() => Take(1)[0];

    public ushort UInt16()
    {
        ReadOnlySpan<byte> bytes = Take(2);
        return bigEndian ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    public uint UInt32()
    {
        ReadOnlySpan<byte> bytes = Take(4);
        return bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    public ulong UInt64()
    {
        ReadOnlySpan<byte> bytes = Take(8);
        return bigEndian ? BinaryPrimitives.ReadUInt64BigEndian(bytes) : BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    public int Int32() => (int)UInt32();

    readonly ImageDecodeException Truncated() => DecodeErrors.Truncated(within, data.Length);
}
