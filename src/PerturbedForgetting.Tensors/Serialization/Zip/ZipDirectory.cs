using System.Buffers.Binary;

namespace PerturbedForgetting.Tensors.Serialization.Zip;

/// <summary>The directory at the end of a zip archive (PKWARE's APPNOTE 6.3): plain ones and those of more than 4 GB or 65,535 files. No
/// entry leads out of the archive; what lies where it leads is for the reader to check.</summary>
sealed class ZipDirectory
{
    const uint EndMark = 0x06054B50, WideEndMark = 0x06064B50, LocatorMark = 0x07064B50, EntryMark = 0x02014B50;
    const int EndLength = 22, LocatorLength = 20, WideEndLength = 56, EntryLength = 46, LongestComment = ushort.MaxValue;
    const int WideExtra = 1, EncryptedFlag = 1, Unix = 3, KindMask = 0xF000, LinkKind = 0xA000;

    readonly PositionalFile file;

    /// <summary>Reads it.</summary>
    /// <exception cref="WeightsException">It is no zip archive, or a damaged one.</exception>
    public ZipDirectory(PositionalFile file)
    {
        this.file = file;
        (Begin, long bytes, long shift) = Find();
        if (bytes > Array.MaxLength)
            throw Damaged($"its directory would have {bytes} bytes");
        ReadOnlyMemory<byte> directory = Bytes(Begin, (int)bytes);
        List<ZipEntry> entries = [];
        while (!directory.IsEmpty)
            entries.Add(Take(ref directory, Begin + bytes - directory.Length, shift));
        Entries = entries;
    }

    /// <summary>Where it begins, behind all files.</summary>
    public long Begin { get; }

    /// <summary>The files and folders, in its order.</summary>
    public IReadOnlyList<ZipEntry> Entries { get; }

    ZipEntry Take(ref ReadOnlyMemory<byte> directory, long at, long shift)
    {
        ReadOnlySpan<byte> entry = directory.Span;
        if (entry.Length < EntryLength || UInt32(entry, 0) != EntryMark)
            throw Damaged($"its directory is wrong at byte {at}");
        int name = UInt16(entry, 28), extra = UInt16(entry, 30), whole = EntryLength + name + extra + UInt16(entry, 32);
        if (entry.Length < whole)
            throw Damaged($"its directory is wrong at byte {at}");
        long packed = UInt32(entry, 20), length = UInt32(entry, 24), header = UInt32(entry, 42);
        ReadOnlySpan<byte> wide = Wide(entry.Slice(EntryLength + name, extra));
        Widen(ref length, ref wide);
        Widen(ref packed, ref wide);
        Widen(ref header, ref wide);
        if (length < 0 || packed < 0 || header < 0 || header > Begin - shift || packed > Begin - shift - header)
            throw Damaged($"what its directory tells at byte {at} would lie at byte {header} and have {packed} bytes, but the directory "
                + $"begins at byte {Begin}");
        bool isLink = entry[5] == Unix && (UInt32(entry, 38) >> 16 & KindMask) == LinkKind;
        var taken = new ZipEntry(directory.Slice(EntryLength, name), header + shift, packed, length, UInt16(entry, 10), UInt32(entry, 16),
            (UInt16(entry, 8) & EncryptedFlag) != 0, isLink);
        directory = directory[whole..];
        return taken;
    }

    /// <summary>Where the directory is, and how far it lies from where it says: archives may have something put before them.</summary>
    (long Begin, long Bytes, long Shift) Find()
    {
        int tail = (int)Math.Min(file.Length, EndLength + LongestComment);
        ReadOnlySpan<byte> bytes = Bytes(file.Length - tail, tail).Span;
        int at = tail - EndLength;
        while (at >= 0 && !(UInt32(bytes, at) == EndMark && at + EndLength + UInt16(bytes, at + 20) <= tail))
            at--;
        if (at < 0)
            throw new WeightsException(file.Path,
                "this is no zip archive, or it is cut short: the directory at the end of the zip archive is missing; download it again.");
        long end = file.Length - tail + at, count = UInt32(bytes, at + 12), begin = UInt32(bytes, at + 16);
        if (end >= LocatorLength && Bytes(end - LocatorLength, LocatorLength).Span is var locator && UInt32(locator, 0) == LocatorMark)
            (begin, count, end) = ReadWideEnd(BinaryPrimitives.ReadInt64LittleEndian(locator[8..]), end - LocatorLength);
        else if (UInt16(bytes, at + 4) != 0 || UInt16(bytes, at + 6) != 0)
            throw new WeightsException(file.Path, "it is the last of several parts of an archive; join them first (zip -s 0 does).");
        long shift = end - count - begin;
        return count >= 0 && begin >= 0 && shift >= 0 ? (begin + shift, count, shift)
            : throw Damaged("its directory would not lie within it");
    }

    (long Begin, long Bytes, long End) ReadWideEnd(long told, long locator)
    {
        // Where it should be, else right before what leads there.
        foreach (long at in (ReadOnlySpan<long>)[told, locator - WideEndLength])
        {
            if (at >= 0 && at <= locator - WideEndLength && Bytes(at, WideEndLength).Span is var end && UInt32(end, 0) == WideEndMark)
                return (BinaryPrimitives.ReadInt64LittleEndian(end[48..]), BinaryPrimitives.ReadInt64LittleEndian(end[40..]), at);
        }
        throw Damaged("the end of its directory is not where it should be");
    }

    ReadOnlyMemory<byte> Bytes(long offset, int count)
    {
        if (offset < 0 || count < 0 || count > file.Length - offset)
            throw Damaged("its directory would not lie within it");
        var bytes = new byte[count];
        file.Read(offset, bytes);
        return bytes;
    }

    WeightsException Damaged(string why) => new(file.Path, $"the archive is damaged: {why}; download it again.");

    /// <summary>The field of numbers that do not fit into 32 bits.</summary>
    static ReadOnlySpan<byte> Wide(ReadOnlySpan<byte> extra)
    {
        while (extra.Length >= 4)
        {
            int size = Math.Min(UInt16(extra, 2), extra.Length - 4);
            if (UInt16(extra, 0) == WideExtra)
                return extra.Slice(4, size);
            extra = extra[(4 + size)..];
        }
        return [];
    }

    static void Widen(ref long value, ref ReadOnlySpan<byte> wide)
    {
        if (value != uint.MaxValue || wide.Length < sizeof(long))
            return;
        value = BinaryPrimitives.ReadInt64LittleEndian(wide);
        wide = wide[sizeof(long)..];
    }

    static int UInt16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    static uint UInt32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
