namespace PerturbedForgetting.Vision.Imaging.Bmp;

/// <summary>How a BMP codes its pixels, numbered as in its header.</summary>
enum BmpCoding
{
    Plain = 0,
    RunLength8 = 1,
    RunLength4 = 2,
    BitFields = 3,
}

/// <summary>What the headers of a BMP say, of Windows and of OS/2.</summary>
sealed class BmpHeader
{
    const int FileHeader = 14, Os2Small = 12, Os2 = 64;
    const string BitDepth = "other depths", HeaderKind = "headers of an unknown length";

    /// <summary>Kinds that are refused.</summary>
    public static IReadOnlyList<string> Refused { get; } =
        ["JPEG within BMP", "PNG within BMP", "Huffman coding (OS/2)", "24-bit run lengths (OS/2)", "CMYK", BitDepth, HeaderKind];

    public int Width { get; private set; }

    public int Height { get; private set; }

    public bool TopDown { get; private set; }

    public int Bits { get; private set; }

    public BmpCoding Coding { get; private set; }

    /// <summary>Where the pixels begin.</summary>
    public long Offset { get; private set; }

    /// <summary>Bytes of a row that is not run-length coded, a multiple of four.</summary>
    public long RowBytes => ((long)Width * Bits + 31) / 32 * 4;

    public bool RunLengths => Coding is BmpCoding.RunLength8 or BmpCoding.RunLength4;

    /// <summary>256 entries of red, green, blue.</summary>
    public byte[] Palette { get; } = new byte[768];

    /// <summary>Where red, green and blue are in a pixel of 16, 24 or 32 bits.</summary>
    public uint[] Masks { get; } = new uint[3];

    public void Read(ReadOnlySpan<byte> data)
    {
        var reader = new ByteReader(data, "the header");
        reader.Seek(10);
        Offset = reader.UInt32();
        uint size = reader.UInt32();
        if (size is not (Os2Small or 16 or 40 or 52 or 56 or Os2 or 108 or 124))
            throw DecodeErrors.Unsupported("BMP", HeaderKind);
        uint compression = 0, colors = 0;
        if (size == Os2Small)
        {
            (Width, Height, TopDown) = (reader.UInt16(), reader.UInt16(), false);
            reader.Skip(2);
            Bits = reader.UInt16();
        }
        else
        {
            Width = reader.Int32();
            int height = reader.Int32();
            (Height, TopDown) = (height == int.MinValue ? 0 : Math.Abs(height), height < 0);
            reader.Skip(2);
            Bits = reader.UInt16();
            if (size > 16)
            {
                compression = reader.UInt32();
                reader.Skip(12);
                colors = reader.UInt32();
            }
        }
        if (Width <= 0 || Height <= 0)
            throw Corrupt(FormattableString.Invariant($"its size is {Width} x {Height}"));
        bool alphaMask = ReadCoding(compression, size);
        reader.Seek(FileHeader + Math.Min(size, 40));
        ReadMasks(ref reader, size, alphaMask);
        if (size > 40)
            reader.Seek(FileHeader + size);
        if (Bits <= 8)
            ReadPalette(ref reader, size, colors);
        if (Offset == 0)
            Offset = reader.Position;
    }

    /// <summary>Returns whether a mask of alpha follows the others.</summary>
    bool ReadCoding(uint compression, uint size)
    {
        if (Bits is not (1 or 2 or 4 or 8 or 16 or 24 or 32))
        {
            bool embedded = Bits == 0 && compression is 4 or 5;
            throw DecodeErrors.Unsupported("BMP", embedded ? Refused[(int)compression - 4] : BitDepth);
        }
        switch (compression)
        {
            case 3 when size == Os2:
                throw DecodeErrors.Unsupported("BMP", Refused[2]);
            case 4 when size == Os2:
                throw DecodeErrors.Unsupported("BMP", Refused[3]);
            case 4 or 5:
                throw DecodeErrors.Unsupported("BMP", Refused[(int)compression - 4]);
            case 11 or 12 or 13:
                throw DecodeErrors.Unsupported("BMP", Refused[4]);
            case 0 or 3 or 6 when Bits >= 16 || compression == 0:
            case 1 when Bits == 8:
            case 2 when Bits == 4:
                Coding = compression == 6 ? BmpCoding.BitFields : (BmpCoding)compression;
                return compression == 6;
            default:
                throw Corrupt(FormattableString.Invariant($"its compression is {compression} with {Bits} bits"));
        }
    }

    void ReadMasks(ref ByteReader reader, uint size, bool alphaMask)
    {
        (Masks[0], Masks[1], Masks[2]) = Bits == 16 ? (0x7C00u, 0x3E0u, 0x1Fu) : (0xFF0000u, 0xFF00u, 0xFFu);
        if (Coding != BmpCoding.BitFields)
            return;
        (uint red, uint green, uint blue) = (reader.UInt32(), reader.UInt32(), reader.UInt32());
        if (alphaMask && size <= 40)
            reader.Skip(4);
        if ((red | green | blue) == 0 && Bits == 32)
            return;
        (Masks[0], Masks[1], Masks[2]) = (red, green, blue);
        foreach (uint mask in Masks)
        {
            uint ones = mask >> System.Numerics.BitOperations.TrailingZeroCount(mask);
            if (mask == 0 || (ones & (ones + 1)) != 0 || (Bits < 32 && mask >> Bits != 0))
                throw Corrupt(FormattableString.Invariant($"a mask of its colours is {mask:X8}"));
        }
    }

    void ReadPalette(ref ByteReader reader, uint size, uint colors)
    {
        SampleRow.ResetPalette(Palette);
        long entries = colors == 0 ? 1 << Bits : colors;
        // Files exist whose pixels are said to begin where the palette does.
        if (Offset == FileHeader + size)
            Offset += 4 * entries;
        int bytes = size == Os2Small ? 3 : 4;
        // Whether the file is whole is told by its pixels: some have fewer entries than they say.
        ReadOnlySpan<byte> stored = reader.Take(Math.Min(Math.Min(entries, 1 << Bits), reader.Remaining / bytes) * bytes);
        SampleRow.FromBgr(stored, bytes, Palette.AsSpan(0, stored.Length / bytes * 3));
    }

    static ImageDecodeException Corrupt(string reason) => DecodeErrors.Corrupt("BMP", reason);
}
