using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace PerturbedForgetting.Tensors.Serialization.Zip;

/// <summary>Writes a zip archive of stored members to a seekable stream; the same members give the same bytes.</summary>
/// <param name="stream">The archive, from the stream's beginning.</param>
/// <param name="alignment">Members' bytes begin at multiples of it, so that they can be mapped into memory.</param>
sealed class ZipWriter(Stream stream, int alignment)
{
    const int LocalLength = 30, EntryLength = 46, EndLength = 22, Version = 20, PaddingHeader = 4;

    /// <summary>Names are UTF-8.</summary>
    const ushort Flags = 0x800;

    /// <summary>1 January 1980, the first day there is in a zip archive.</summary>
    const ushort Date = 0x21;

    /// <summary>Marks an extra field as padding, as PyTorch does.</summary>
    const ushort PaddingId = 0x4246;

    readonly List<(byte[] Name, uint Crc, uint Length, uint Header)> members = [];

    /// <summary>Adds a member.</summary>
    /// <param name="name">Its path.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="source">Writes exactly so many.</param>
    /// <exception cref="IOException">The archive has more than 4 GB.</exception>
    public void Add(string name, long length, Action<Stream> source)
    {
        byte[] nameBytes = Encoding.UTF8.GetBytes(name);
        long header = stream.Position;
        int padding = Padding(header + LocalLength + nameBytes.Length + PaddingHeader);
        if (header + LocalLength + nameBytes.Length + PaddingHeader + padding + length > uint.MaxValue)
            throw new IOException("A zip archive of more than 4 GB is not written; write safetensors.");
        byte[] local = new byte[LocalLength + nameBytes.Length + PaddingHeader + padding];
        WriteCommon(local.AsSpan(4), 0, (uint)length, nameBytes.Length, PaddingHeader + padding);
        BinaryPrimitives.WriteUInt32LittleEndian(local, 0x04034b50);
        nameBytes.CopyTo(local, LocalLength);
        BinaryPrimitives.WriteUInt16LittleEndian(local.AsSpan(LocalLength + nameBytes.Length), PaddingId);
        BinaryPrimitives.WriteUInt16LittleEndian(local.AsSpan(LocalLength + nameBytes.Length + 2), (ushort)padding);
        stream.Write(local);
        var crc = new Crc32();
        var content = new HashingStream(stream, crc.Append) { Remaining = length };
        source(content);
        if (content.Remaining != 0)
            throw new InvalidOperationException($"The source of '{name}' left {content.Remaining} of {length} bytes unwritten.");
        content.FlushBuffer();
        // The checksum precedes what it is of.
        long end = stream.Position;
        stream.Position = header + 14;
        Span<byte> sum = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(sum, crc.GetCurrentHashAsUInt32());
        stream.Write(sum);
        stream.Position = end;
        members.Add((nameBytes, crc.GetCurrentHashAsUInt32(), (uint)length, (uint)header));
    }

    /// <summary>Ends the archive.</summary>
    public void Complete()
    {
        long begin = stream.Position;
        var directory = new MemoryStream();
        foreach ((byte[] name, uint crc, uint length, uint header) in members)
        {
            byte[] entry = new byte[EntryLength];
            BinaryPrimitives.WriteUInt32LittleEndian(entry, 0x02014b50);
            BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(4), Version);
            WriteCommon(entry.AsSpan(6), crc, length, name.Length, 0);
            BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(42), header);
            directory.Write(entry);
            directory.Write(name);
        }
        byte[] end = new byte[EndLength];
        BinaryPrimitives.WriteUInt32LittleEndian(end, 0x06054b50);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(8), checked((ushort)members.Count));
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(10), (ushort)members.Count);
        BinaryPrimitives.WriteUInt32LittleEndian(end.AsSpan(12), (uint)directory.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(end.AsSpan(16), checked((uint)begin));
        directory.Write(end);
        stream.Write(directory.GetBuffer().AsSpan(0, (int)directory.Length));
    }

    int Padding(long position) => (int)((alignment - position % alignment) % alignment);

    /// <summary>The fields from the version on that both kinds of header have.</summary>
    static void WriteCommon(Span<byte> fields, uint crc, uint length, int nameLength, int extraLength)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(fields, Version);
        BinaryPrimitives.WriteUInt16LittleEndian(fields[2..], Flags);
        BinaryPrimitives.WriteUInt16LittleEndian(fields[8..], Date);
        BinaryPrimitives.WriteUInt32LittleEndian(fields[10..], crc);
        BinaryPrimitives.WriteUInt32LittleEndian(fields[14..], length);
        BinaryPrimitives.WriteUInt32LittleEndian(fields[18..], length);
        BinaryPrimitives.WriteUInt16LittleEndian(fields[22..], (ushort)nameLength);
        BinaryPrimitives.WriteUInt16LittleEndian(fields[24..], (ushort)extraLength);
    }
}
