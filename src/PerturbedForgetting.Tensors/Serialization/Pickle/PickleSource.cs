using System.Buffers.Binary;

namespace PerturbedForgetting.Tensors.Serialization.Pickle;

/// <summary>
/// The bytes of one or several pickles, read forward. No length in them is trusted: whatever it claims is compared with what is left of
/// the file, and everything that is made of them is charged to an account that grows with the file.
/// </summary>
/// <param name="stream">The bytes, from its position on.</param>
/// <param name="length">How many there are.</param>
/// <param name="name">Named in messages.</param>
sealed class PickleSource(Stream stream, long length, string name)
{
    /// <summary>Memory for each byte of the file, beside what any file may take.</summary>
    const int BytesOfByte = 8;

    const long AnyFile = 32 << 20;

    readonly byte[] buffer = new byte[(int)Math.Min(1 << 16, length)];
    int next, filled;
    long taken, credit = AnyFile + BytesOfByte * Math.Min(length, long.MaxValue / 16);

    /// <summary>Bytes read so far.</summary>
    public long Position => taken - (filled - next);

    /// <summary>Bytes that are left.</summary>
    public long Remaining => length - Position;

    public PickleException Defect(string defect) => new(name, Position, defect);

    /// <summary>Pays for memory that an object takes.</summary>
    /// <exception cref="PickleException">The account is empty.</exception>
    public void Charge(long bytes)
    {
        credit -= bytes;
        if (credit < 0)
            throw Defect($"what it describes takes more than {BytesOfByte} times its own length in memory; it was made to do harm, "
                + "or is damaged.");
    }

    public byte Byte()
    {
        if (next == filled)
            Fill();
        return buffer[next++];
    }

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Small(stackalloc byte[2]));

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Small(stackalloc byte[4]));

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Small(stackalloc byte[4]));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Small(stackalloc byte[8]));

    public double Double() => BinaryPrimitives.ReadDoubleBigEndian(Small(stackalloc byte[8]));

    /// <summary>As many bytes as the pickle claims to have here.</summary>
    public byte[] Bytes(ulong count)
    {
        if (count > (ulong)Remaining)
            throw Defect($"{count} bytes are to follow, and the file ends after {Remaining}: it is truncated or damaged.");
        if (count > (ulong)Array.MaxLength)
            throw Defect($"an item of {count} bytes is larger than can be read.");
        Charge((long)count + 32);
        byte[] bytes = new byte[count];
        Read(bytes);
        return bytes;
    }

    /// <summary>Bytes up to a line feed, which is taken and not returned.</summary>
    public byte[] Line()
    {
        var line = new List<byte>();
        for (byte b = Byte(); b != (byte)'\n'; b = Byte())
        {
            Charge(3);
            line.Add(b);
        }
        return [.. line];
    }

    ReadOnlySpan<byte> Small(Span<byte> bytes)
    {
        Read(bytes);
        return bytes;
    }

    void Read(Span<byte> destination)
    {
        int buffered = Math.Min(filled - next, destination.Length);
        buffer.AsSpan(next, buffered).CopyTo(destination);
        next += buffered;
        destination = destination[buffered..];
        if (destination.Length >= buffer.Length)
        {
            if (destination.Length > length - taken)
                throw Truncated();
            ReadStream(destination);
            return;
        }
        while (!destination.IsEmpty)
        {
            Fill();
            int part = Math.Min(filled - next, destination.Length);
            buffer.AsSpan(next, part).CopyTo(destination);
            next += part;
            destination = destination[part..];
        }
    }

    void Fill()
    {
        int count = (int)Math.Min(buffer.Length, length - taken);
        if (count == 0)
            throw Truncated();
        ReadStream(buffer.AsSpan(0, count));
        (next, filled) = (0, count);
    }

    void ReadStream(Span<byte> destination)
    {
        if (destination.IsEmpty)
            return;
        int read = stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false);
        taken += read;
        if (read < destination.Length)
            throw new PickleException(name, taken, "the file ends here; it was shortened while it was being read, or is damaged.");
    }

    PickleException Truncated() => Defect("it ends before it is complete: the file is truncated or damaged.");
}
