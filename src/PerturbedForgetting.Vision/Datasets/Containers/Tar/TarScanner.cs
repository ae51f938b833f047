namespace PerturbedForgetting.Vision.Datasets.Containers.Tar;

/// <summary>Finds the files of a tar archive, one after the other, from its headers alone.</summary>
/// <remarks>System.Formats.Tar tells positions too. But it ends at the first end mark, so that all archives but the first of several in one
/// file are lost without a word, it gives the pieces of a sparse file as if they were the file, it allocates what a header claims, and its
/// errors do not say where the damage is. Nothing here is allocated beyond a name.</remarks>
/// <param name="file">The file.</param>
/// <param name="name">What it is called in errors.</param>
/// <param name="start">Where the archive begins in it.</param>
/// <param name="end">Where it ends.</param>
sealed class TarScanner(FileWindow file, string name, long start, long end)
{
    /// <summary>No path is nearly as long, nor are the attributes that pax keeps.</summary>
    const int LongestExtension = 1 << 20;

    /// <summary>Archives end with no more zeros than this; the largest blocks of tapes are shorter.</summary>
    const int LongestPadding = 1 << 20;

    readonly long start = start;
    string? longName;
    PaxHeader pax;
    string previous = "";
    int count;

    /// <summary>Where the next header is.</summary>
    public long Position { get; private set; } = start;

    /// <summary>Links, devices and the like that were passed over.</summary>
    public int Specials { get; private set; }

    /// <summary>The first of them.</summary>
    public string FirstSpecial { get; private set; } = "";

    /// <summary>Files whose names lead out of the folder that the archive is unpacked to; they were passed over.</summary>
    public int Escapes { get; private set; }

    /// <summary>Whether an end mark was found behind the last file.</summary>
    public bool HasEnd { get; private set; }

    /// <summary>Bytes behind the end mark that are no archive.</summary>
    public long Trailing { get; private set; }

    /// <summary>Finds the next file.</summary>
    /// <returns>False where there is none.</returns>
    /// <exception cref="DatasetException">The archive is damaged; the message says where.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public bool Next(out TarMember member)
    {
        if (start == end)
            throw NoArchive([]);
        while (SkipEmpty())
        {
            TarHeader header = ReadHeader();
            long at = Position;
            char type = header.Type;
            bool isExtension = type is 'x' or 'X' or 'g' or 'L' or 'K';
            long length = isExtension ? header.Length : pax.Length ?? header.Length;
            // What the header is a view of changes as soon as another place is looked at.
            string called = isExtension ? "" : pax.Name ?? longName ?? header.Name;
            if (length < 0)
                throw Damaged(at, "does not say how long its contents are");
            Position += TarHeader.Size;
            if (type is '1' or '2' or '3' or '4' or '5' or '6')
                length = 0;
            else if (type == 'S')
                SkipSparseMap(header.SparseMapGoesOn);
            if (length > end - Position)
                throw CutShort(isExtension ? "within a header" : $"within '{called}'", at);
            long contents = Position;
            // The last contents may lack what fills their block.
            Position = Math.Min(end, contents + (length + TarHeader.Size - 1) / TarHeader.Size * TarHeader.Size);
            if (ReadExtension(type, at, contents, length))
                continue;
            string? found = Take(called, type, length, out bool isSparse);
            if (found is null)
                continue;
            member = new TarMember(found, contents, length, isSparse);
            return true;
        }
        member = default;
        return false;
    }

    /// <summary>Passes over zeros.</summary>
    /// <returns>Whether a header follows.</returns>
    bool SkipEmpty()
    {
        long first = Position;
        while (Position < end)
        {
            ReadOnlySpan<byte> bytes = file.At(Position, (int)Math.Min(FileWindow.Least, end - Position));
            int zeros = bytes.IndexOfAnyExcept((byte)0);
            if (zeros < 0)
                Position += bytes.Length;
            else
                Position += zeros / TarHeader.Size * TarHeader.Size;
            HasEnd |= Position - first >= TarHeader.Size;
            if (zeros >= 0)
                return BeginsHeader(first);
            if (bytes.IsEmpty || Position - first > LongestPadding)
                return false;
        }
        HasEnd |= Position - first >= TarHeader.Size;
        return false;
    }

    /// <summary>Whether what follows zeros is another archive; other bytes there are passed over, as tar does.</summary>
    bool BeginsHeader(long first)
    {
        if (Position == first || (end - Position >= TarHeader.Size && new TarHeader(file.At(Position, TarHeader.Size)).HasItsChecksum))
        {
            HasEnd = false;
            return true;
        }
        Trailing = end - Position;
        Position = end;
        return false;
    }

    TarHeader ReadHeader()
    {
        ReadOnlySpan<byte> block = file.At(Position, (int)Math.Min(TarHeader.Size, end - Position));
        if (block.Length < TarHeader.Size)
            throw count == 0 && Position == start ? NoArchive(block) : CutShort("within a header", Position);
        var header = new TarHeader(block);
        return header.HasItsChecksum ? header : throw (Position == start ? NoArchive(block) : Damaged(Position, "has a wrong checksum"));
    }

    void SkipSparseMap(bool goesOn)
    {
        while (goesOn)
        {
            if (end - Position < TarHeader.Size)
                throw CutShort("within the map of a sparse file", Position);
            goesOn = file.At(Position, TarHeader.Size)[TarHeader.FurtherExtensionAt] != 0;
            Position += TarHeader.Size;
        }
    }

    /// <summary>Reads an entry that only says something of the one behind it.</summary>
    /// <returns>Whether it is one.</returns>
    bool ReadExtension(char type, long at, long contents, long length)
    {
        switch (type)
        {
            case 'x' or 'X' or 'L' when length > LongestExtension:
                throw Damaged(at, $"claims {length} bytes of attributes");
            case 'x' or 'X':
                if (!PaxHeader.TryRead(file.Copy(contents, (int)length).Span, out pax))
                    throw Damaged(at, "has attributes that are none (pax)");
                return true;
            case 'L':
                longName = TarText.Decode(file.Copy(contents, (int)length).Span.TrimEnd((byte)0));
                return true;
            case 'g' or 'K' or 'V':
                return true;
            case 'M':
                throw Damaged(at, "goes on with a file of another volume; join the volumes with tar, an archive of several is not read");
            default:
                return false;
        }
    }

    /// <summary>The name of the entry if it is a file that lies below the archive's folder, else null.</summary>
    string? Take(string called, char type, long length, out bool isSparse)
    {
        isSparse = type == 'S' || pax.IsSparse;
        (longName, pax) = (null, default);
        (previous, count) = (called, count + 1);
        // A name that ends so is how the oldest archives mark a folder.
        bool isFolder = type is '5' or 'D' || (type is '\0' or '0' && called.EndsWith('/') && length == 0);
        if (isFolder)
            return null;
        if (type is not ('\0' or '0' or '7' or 'S'))
        {
            if (Specials++ == 0)
                FirstSpecial = called;
            return null;
        }
        string? clean = TarText.Clean(called);
        if (clean is null)
            Escapes++;
        return clean is null or "" ? null : clean;
    }

    DatasetException NoArchive(ReadOnlySpan<byte> head) => new(head switch
    {
        [] => $"{name} is empty",
        [0x1F, 0x8B, ..] => $"{name} is packed by gzip; give it a name that ends in .tar.gz, or unpack it (gunzip)",
        [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', ..] => $"{name} is packed by xz; unpack it (xz -d)",
        [(byte)'B', (byte)'Z', (byte)'h', ..] => $"{name} is packed by bzip2; unpack it (bzip2 -d)",
        [0x28, 0xB5, 0x2F, 0xFD, ..] => $"{name} is packed by zstd; unpack it (zstd -d)",
        [(byte)'P', (byte)'K', 3, 4, ..] => $"{name} is a zip archive, which is not read; unpack it (unzip)",
        _ => $"{name} does not begin like a tar archive; it is another file or damaged, download it again",
    });

    DatasetException Damaged(long at, string what) =>
        new($"{name} is damaged: the header at byte {at - start}{Behind} {what}; download it or make it again");

    DatasetException CutShort(string where, long at) =>
        new($"{name} is cut short: it ends {where}, which begins at byte {at - start} of {end - start}{Behind}; "
            + "download it or make it again");

    string Behind => count == 0 ? "" : $" (behind '{previous}', entry {count})";
}
