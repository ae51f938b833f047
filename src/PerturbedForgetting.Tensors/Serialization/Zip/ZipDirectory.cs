using System.Buffers.Binary;
using System.Text;

namespace PerturbedForgetting.Tensors.Serialization.Zip;

/// <summary>
/// The members of a zip archive, stored or deflated, with zip64 (PKWARE's APPNOTE 6.3). Everything is checked against the file when it is
/// opened: members may not overlap each other or the directory, and each is where and what the directory says.
/// </summary>
sealed class ZipDirectory
{
    const uint EndSignature = 0x06054b50, End64Signature = 0x06064b50, Locator64Signature = 0x07064b50, EntrySignature = 0x02014b50,
        LocalSignature = 0x04034b50;
    const int EndLength = 22, Locator64Length = 20, End64Length = 56, EntryLength = 46, LocalLength = 30;

    readonly PositionalFile file;
    readonly Dictionary<string, ZipMember> members = new(StringComparer.Ordinal);

    /// <exception cref="WeightsException">It is no zip archive, or a damaged one.</exception>
    public ZipDirectory(PositionalFile file)
    {
        this.file = file;
        (long begin, long length, long count) = FindDirectory();
        byte[] directory = new byte[length];
        file.Read(begin, directory);
        var list = new List<(ZipMember Member, long Header)>();
        int at = 0;
        for (long i = 0; i < count; i++)
            list.Add(ReadEntry(directory, ref at, begin));
        CheckOverlaps(list, begin);
        foreach ((ZipMember member, _) in list)
            if (!members.TryAdd(member.Name, member))
                throw Defect($"the archive has two members '{member.Name}'.");
        Members = list.ConvertAll(static m => m.Member);
    }

    /// <summary>In the order of the directory.</summary>
    public IReadOnlyList<ZipMember> Members { get; }

    /// <summary>The member of this name; null when there is none.</summary>
    public ZipMember? Find(string name) => members.GetValueOrDefault(name);

    WeightsException Defect(string defect) => new(file.Path, defect);

    (long Begin, long Length, long Count) FindDirectory()
    {
        // The end record is the last thing but for a comment of up to 65535 bytes.
        byte[] tail = new byte[(int)Math.Min(file.Length, EndLength + ushort.MaxValue + Locator64Length)];
        long tailBegin = file.Length - tail.Length;
        file.Read(tailBegin, tail);
        for (int i = tail.Length - EndLength; i >= 0; i--)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(i)) != EndSignature
                || i + EndLength + UInt16(tail, i + 20) != tail.Length)
                continue;
            long count = UInt16(tail, i + 10), length = UInt32(tail, i + 12), begin = UInt32(tail, i + 16), end = tailBegin + i;
            if (UInt16(tail, i + 4) is not (0 or 0xFFFF))
                throw Defect("the archive is split over several files; put it together first.");
            if (i >= Locator64Length && UInt32(tail, i - Locator64Length) == Locator64Signature)
                (begin, length, count, end) = ReadEnd64(Int64(tail, i - Locator64Length + 8), end - Locator64Length);
            if (begin < 0 || length < 0 || begin > end || length > end - begin || length > Array.MaxLength || count < 0
                || count > length / EntryLength)
                throw Defect("the archive's directory lies outside of the file: it is damaged.");
            return (begin, length, count);
        }
        throw Defect("the end of the zip archive is missing: the file is truncated. Download or copy it again.");
    }

    (long Begin, long Length, long Count, long End) ReadEnd64(long at, long locator)
    {
        if (at < 0 || at > locator - End64Length)
            throw Defect("the archive's zip64 record lies outside of the file: it is damaged.");
        byte[] record = new byte[End64Length];
        file.Read(at, record);
        if (UInt32(record, 0) != End64Signature)
            throw Defect("the archive's zip64 record is none: it is damaged.");
        return (Int64(record, 48), Int64(record, 40), Int64(record, 32), at);
    }

    (ZipMember Member, long Header) ReadEntry(byte[] directory, ref int at, long directoryBegin)
    {
        if (directory.Length - at < EntryLength || UInt32(directory, at) != EntrySignature)
            throw Defect("the archive's directory is damaged.");
        int flags = UInt16(directory, at + 8), method = UInt16(directory, at + 10), nameLength = UInt16(directory, at + 28),
            extraLength = UInt16(directory, at + 30), commentLength = UInt16(directory, at + 32);
        if (directory.Length - at - EntryLength < nameLength + extraLength + commentLength)
            throw Defect("the archive's directory is damaged.");
        ReadOnlySpan<byte> nameBytes = directory.AsSpan(at + EntryLength, nameLength);
        string name = Encoding.UTF8.GetString(nameBytes);
        long stored = UInt32(directory, at + 20), length = UInt32(directory, at + 24), header = UInt32(directory, at + 42);
        ReadExtra64(directory.AsSpan(at + EntryLength + nameLength, extraLength), ref length, ref stored, ref header);
        uint crc = (uint)UInt32(directory, at + 16);
        at += EntryLength + nameLength + extraLength + commentLength;
        if ((flags & 1) != 0)
            throw Defect($"the archive's member '{name}' is encrypted.");
        if (method is not (0 or 8))
            throw Defect($"the archive's member '{name}' is compressed by method {method}; stored and deflated ones are read.");
        long begin = LocalData(header, nameBytes, name, directoryBegin);
        if (stored < 0 || length < 0 || stored > directoryBegin - begin || (method == 0 && stored != length))
            throw Defect($"the archive's member '{name}' claims {length} bytes at byte {begin}, which do not fit the file: it is "
                + "truncated or damaged.");
        return (new ZipMember(file, name, begin, stored, length, method == 8, crc), header);
    }

    /// <summary>Where the data of a member begins, behind its own header.</summary>
    long LocalData(long header, ReadOnlySpan<byte> nameBytes, string name, long limit)
    {
        if (header < 0 || header > limit - LocalLength - nameBytes.Length)
            throw Defect($"the archive's member '{name}' begins at byte {header}, outside of the file: it is damaged.");
        byte[] local = new byte[LocalLength + nameBytes.Length];
        file.Read(header, local);
        if (UInt32(local, 0) != LocalSignature || UInt16(local, 26) != nameBytes.Length
            || !local.AsSpan(LocalLength).SequenceEqual(nameBytes))
            throw Defect($"the archive's member '{name}' is not where the directory says: it is damaged.");
        return header + local.Length + UInt16(local, 28);
    }

    static void ReadExtra64(ReadOnlySpan<byte> extra, ref long length, ref long stored, ref long header)
    {
        while (extra.Length >= 4)
        {
            int id = BinaryPrimitives.ReadUInt16LittleEndian(extra), size = BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]);
            if (size > extra.Length - 4)
                return;
            if (id == 1)
            {
                ReadOnlySpan<byte> fields = extra.Slice(4, size);
                Take(ref fields, ref length);
                Take(ref fields, ref stored);
                Take(ref fields, ref header);
            }
            extra = extra[(4 + size)..];
        }

        static void Take(ref ReadOnlySpan<byte> fields, ref long value)
        {
            if (value != uint.MaxValue || fields.Length < 8)
                return;
            value = BinaryPrimitives.ReadInt64LittleEndian(fields);
            fields = fields[8..];
        }
    }

    /// <summary>Members that share bytes are how a small archive unpacks to a huge one.</summary>
    void CheckOverlaps(List<(ZipMember Member, long Header)> list, long directoryBegin)
    {
        long end = directoryBegin;
        foreach ((ZipMember member, long header) in list.OrderByDescending(static m => m.Header))
        {
            if (member.Begin + member.StoredLength > end)
                throw Defect($"the archive's member '{member.Name}' overlaps another: it was made to do harm, or is damaged.");
            end = header;
        }
    }

    static int UInt16(byte[] bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at));

    static long UInt32(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    static long Int64(byte[] bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at));
}
