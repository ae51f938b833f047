namespace PerturbedForgetting.Vision.Datasets.Containers.Tar;

/// <summary>A header block of a tar archive, as v7, POSIX (ustar, pax) and GNU write it.</summary>
/// <param name="block">The block, of <see cref="Size"/> bytes.</param>
readonly ref struct TarHeader(ReadOnlySpan<byte> block)
{
    /// <summary>Bytes of a block; contents fill whole blocks too.</summary>
    public const int Size = 512;

    const int NameLength = 100, LengthAt = 124, ChecksumAt = 148, TypeAt = 156, MagicAt = 257, PrefixAt = 345, PrefixLength = 155,
        NumberLength = 12, ChecksumLength = 8, SparseExtensionAt = 482;

    /// <summary>Where the flag is in a further block of a sparse file's map that says whether another follows.</summary>
    public const int FurtherExtensionAt = 504;

    readonly ReadOnlySpan<byte> block = block;

    /// <summary>What the entry is: '0' a file, '5' a folder, 'x' a header of pax, ...</summary>
    public char Type => (char)block[TypeAt];

    /// <summary>The name, with that of the folder which POSIX keeps apart.</summary>
    public string Name
    {
        get
        {
            string name = TarText.Decode(UpToNul(block[..NameLength]));
            ReadOnlySpan<byte> prefix = UpToNul(block.Slice(PrefixAt, PrefixLength));
            // GNU's own format ("ustar  ") has times and sparse maps in that place.
            return prefix.Length > 0 && block.Slice(MagicAt, 6).SequenceEqual("ustar\0"u8) ? $"{TarText.Decode(prefix)}/{name}" : name;
        }
    }

    /// <summary>Bytes of the contents; negative where the field is no number.</summary>
    public long Length => Number(block.Slice(LengthAt, NumberLength));

    /// <summary>Whether the map of a sparse file goes on in a block behind this one.</summary>
    public bool SparseMapGoesOn => block[SparseExtensionAt] != 0;

    /// <summary>Whether the block has the checksum that it states. Some old programs added up signed bytes.</summary>
    public bool HasItsChecksum
    {
        get
        {
            long stated = Number(block.Slice(ChecksumAt, ChecksumLength));
            int unsigned = 0, negative = 0;
            for (int i = 0; i < block.Length; i++)
            {
                byte value = i is >= ChecksumAt and < ChecksumAt + ChecksumLength ? (byte)' ' : block[i];
                unsigned += value;
                negative += value >> 7;
            }
            return stated == unsigned || stated == unsigned - 256 * negative;
        }
    }

    /// <summary>Whether the block marks an end.</summary>
    public bool IsEmpty => !block.ContainsAnyExcept((byte)0);

    /// <summary>An octal number between spaces and zeros; or, where that is too small, a binary one whose first bit is set.</summary>
    static long Number(ReadOnlySpan<byte> field)
    {
        long value = 0;
        if (field[0] >= 0x80)
        {
            if (field[0] != 0x80)
                return -1;
            foreach (byte digit in field[1..])
            {
                if (value > long.MaxValue >> 8)
                    return -1;
                value = value << 8 | digit;
            }
            return value;
        }
        foreach (byte digit in UpToNul(field).Trim((byte)' '))
        {
            if (digit is < (byte)'0' or > (byte)'7')
                return -1;
            value = value << 3 | (uint)(digit - '0');
        }
        return value;
    }

    static ReadOnlySpan<byte> UpToNul(ReadOnlySpan<byte> text) => text.IndexOf((byte)0) is >= 0 and var end ? text[..end] : text;
}
