using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using PerturbedForgetting.Vision.Datasets.Containers.Tar;

namespace PerturbedForgetting.Vision.Datasets.Containers.Zip;

/// <summary>Reads the directory at the end of a zip archive: plain ones and those of more than 4 GB or 65,535 files.</summary>
sealed class ZipDirectory
{
    const uint EndMark = 0x06054B50, WideEndMark = 0x06064B50, LocatorMark = 0x07064B50, EntryMark = 0x02014B50;
    const int EndLength = 22, LocatorLength = 20, WideEndLength = 56, EntryLength = 46, LongestComment = ushort.MaxValue;
    const int WideExtra = 1, EncryptedFlag = 1, Unix = 3, KindMask = 0xF000, LinkKind = 0xA000;

    readonly SafeFileHandle handle;
    readonly string path;
    readonly long length;

    ZipDirectory(SafeFileHandle handle, string path)
    {
        (this.handle, this.path) = (handle, path);
        length = RandomAccess.GetLength(handle);
    }

    /// <summary>The files of an archive, links left out, in the directory's order.</summary>
    /// <param name="path">The archive.</param>
    /// <returns>The files, where the directory begins, and how many links and names that lead elsewhere were left out.</returns>
    /// <exception cref="DatasetException">It is no zip archive, or damaged; the message names it.</exception>
    public static (List<ZipEntry> Files, long Directory, int LeftOut) Read(string path)
    {
        try
        {
            if (FileStatus.IsSpecial(path))
                throw new IOException("it is not a regular file");
            using SafeFileHandle handle = File.OpenHandle(path);
            return new ZipDirectory(handle, path).Read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException($"{path} cannot be read: {e.Message}");
        }
    }

    (List<ZipEntry> Files, long Directory, int LeftOut) Read()
    {
        (long start, long bytes, long shift) = FindDirectory();
        if (bytes > Array.MaxLength)
            throw Damaged($"its directory would have {bytes} bytes");
        byte[] directory = Bytes(start, (int)bytes);
        List<ZipEntry> files = [];
        int leftOut = 0;
        for (int at = 0; at < directory.Length;)
        {
            ReadOnlySpan<byte> rest = directory.AsSpan(at);
            if (rest.Length < EntryLength || UInt32(rest, 0) != EntryMark)
                throw Damaged($"its directory is wrong at byte {start + at}");
            int name = UInt16(rest, 28), extra = UInt16(rest, 30), comment = UInt16(rest, 32);
            if (rest.Length < EntryLength + name + extra + comment)
                throw Damaged($"its directory is wrong at byte {start + at}");
            at += EntryLength + name + extra + comment;
            ReadOnlySpan<byte> text = rest.Slice(EntryLength, name);
            if (text.IsEmpty || text[^1] is (byte)'/' or (byte)'\\')
                continue;
            bool isLink = rest[5] == Unix && (UInt32(rest, 38) >> 16 & KindMask) == LinkKind;
            if (isLink || TarText.Clean(TarText.Decode(text).Replace('\\', '/')) is not { Length: > 0 } clean)
                leftOut++;
            else
                files.Add(Entry(rest, clean, rest.Slice(EntryLength + name, extra), start, shift));
        }
        return (files, start, leftOut);
    }

    ZipEntry Entry(ReadOnlySpan<byte> entry, string name, ReadOnlySpan<byte> extra, long directory, long shift)
    {
        long packed = UInt32(entry, 20), size = UInt32(entry, 24), offset = UInt32(entry, 42);
        ReadOnlySpan<byte> wide = Wide(extra);
        Widen(ref size, ref wide);
        Widen(ref packed, ref wide);
        Widen(ref offset, ref wide);
        if (size < 0 || packed < 0 || offset < 0 || offset > directory - shift || packed > directory - shift - offset)
            throw Damaged($"'{name}' would lie at byte {offset} and have {packed} bytes, but the directory begins at byte {directory}");
        return new ZipEntry(name, offset + shift, packed, size, UInt16(entry, 10), UInt32(entry, 16),
            (UInt16(entry, 8) & EncryptedFlag) != 0);
    }

    /// <summary>Where the directory is, and how far it lies from where it says: archives may have something put before them.</summary>
    (long Start, long Bytes, long Shift) FindDirectory()
    {
        int tail = (int)Math.Min(length, EndLength + LongestComment);
        byte[] bytes = Bytes(length - tail, tail);
        int at = tail - EndLength;
        while (at >= 0 && !(UInt32(bytes, at) == EndMark && at + EndLength + UInt16(bytes, at + 20) <= tail))
            at--;
        if (at < 0)
            throw new DatasetException($"{path} is no zip archive, or is cut short: there is no directory at its end; download it again");
        long end = length - tail + at, count = UInt32(bytes, at + 12), start = UInt32(bytes, at + 16);
        if (end >= LocatorLength && Bytes(end - LocatorLength, LocatorLength) is var locator && UInt32(locator, 0) == LocatorMark)
            (start, count, end) = ReadWideEnd(BinaryPrimitives.ReadInt64LittleEndian(locator.AsSpan(8)), end - LocatorLength);
        else if (UInt16(bytes, at + 4) != 0 || UInt16(bytes, at + 6) != 0)
            throw new DatasetException($"{path} is the last of several parts of an archive; join them first (zip -s 0 does)");
        long shift = end - count - start;
        return count >= 0 && start >= 0 && shift >= 0 ? (start + shift, count, shift)
            : throw Damaged("its directory would not lie within it");
    }

    (long Start, long Bytes, long End) ReadWideEnd(long told, long locator)
    {
        // Where it should be, else right before what leads there.
        foreach (long at in (long[])[told, locator - WideEndLength])
        {
            if (at >= 0 && at <= locator - WideEndLength && Bytes(at, WideEndLength) is var end && UInt32(end, 0) == WideEndMark)
            {
                return (BinaryPrimitives.ReadInt64LittleEndian(end.AsSpan(48)), BinaryPrimitives.ReadInt64LittleEndian(end.AsSpan(40)), at);
            }
        }
        throw Damaged("the end of its directory is not where it should be");
    }

    byte[] Bytes(long offset, int count)
    {
        if (offset < 0 || count < 0 || count > length - offset)
            throw Damaged("its directory would not lie within it");
        var bytes = new byte[count];
        for (int read = 0; read < count;)
        {
            int more = RandomAccess.Read(handle, bytes.AsSpan(read), offset + read);
            read += more > 0 ? more : throw Damaged("it became shorter while it was read");
        }
        return bytes;
    }

    DatasetException Damaged(string why) => new($"{path} is damaged: {why}; download it again");

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
