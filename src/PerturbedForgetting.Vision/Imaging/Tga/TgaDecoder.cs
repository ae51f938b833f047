namespace PerturbedForgetting.Vision.Imaging.Tga;

/// <summary>Decodes Truevision TGA: grey, palettes, 15 to 32 bits, plain and run-length coded, in any orientation.</summary>
sealed class TgaDecoder(ImageDecoderOptions options) : IFormatDecoder
{
    const int HeaderBytes = 18, FromRight = 0x10, FromTop = 0x20, Interleaving = 0xC0;
    const byte Palette = 1, Color = 2, Grey = 3, RunLengths = 8;
    const string Interleaved = "interleaved rows", WideIndices = "indices of 16 bits", BilevelRuns = "run-length coded bilevel";

    /// <summary>Its row in the table of formats.</summary>
    public static ImageFormat Format { get; } = new("TGA", Matches, static (options, _) => new TgaDecoder(options))
    {
        Reads = ["grey", "palettes", "15 to 32 bits", "bilevel", "run lengths", "any orientation"],
        Refuses = [Interleaved, WideIndices, BilevelRuns],
    };

    readonly byte[] palette = new byte[768];
    byte[] row = [];
    ImageInfo info;
    int kind, bits, flags, position;
    bool runLengths;

    long RowBytes => ((long)info.Width * bits + 7) / 8;

    public ImageInfo Open(ReadOnlySpan<byte> data)
    {
        var reader = new ByteReader(data, "the header");
        int idLength = reader.Byte(), paletteKind = reader.Byte(), type = reader.Byte();
        (kind, runLengths) = (type & ~RunLengths, (type & RunLengths) != 0);
        int first = reader.UInt16(), entries = reader.UInt16(), entryBits = reader.Byte();
        reader.Skip(4);
        int width = reader.UInt16(), height = reader.UInt16();
        bits = (reader.Byte() + 1) & ~1;
        if (bits == 2)
            bits = 1;
        flags = reader.Byte();
        if ((flags & Interleaving) != 0)
            throw DecodeErrors.Unsupported("TGA", Interleaved);
        if (kind == Palette && bits == 16)
            throw DecodeErrors.Unsupported("TGA", WideIndices);
        if (runLengths && bits == 1)
            throw DecodeErrors.Unsupported("TGA", BilevelRuns);
        info = new ImageInfo(width, height, "TGA", kind == Grey ? ImageColor.Grey : ImageColor.Rgb);
        ImageLimits.CheckPixels(width, height, options.MaxPixels);
        reader.Skip(idLength);
        if (paletteKind == 1)
            ReadPalette(first, reader.Take((long)entries * ((entryBits + 7) / 8)), (entryBits + 7) / 8);
        position = reader.Position;
        // A run takes 129 bytes at most for 128 pixels, and two at least.
        if (position + (runLengths ? (long)width * height / 128 * (1 + bits / 8) : RowBytes * height) > data.Length)
            throw DecodeErrors.Truncated("the image", data.Length);
        return info;
    }

    public ImageInfo Decode(ReadOnlySpan<byte> data, CropBox region, RgbImage image)
    {
        image.Resize(info.Width, info.Height);
        int rowBytes = (int)RowBytes;
        PooledBuffer.Ensure(ref row, rowBytes);
        var runs = new TgaRuns(data, position, (bits + 7) / 8);
        for (int y = 0; y < info.Height; y++)
        {
            if (runLengths)
                runs.Read(row.AsSpan(0, rowBytes));
            ReadOnlySpan<byte> stored = runLengths ? row.AsSpan(0, rowBytes) : data.Slice((int)(position + (long)y * rowBytes), rowBytes);
            Span<byte> target = image.Row((flags & FromTop) != 0 ? y : info.Height - 1 - y);
            DecodeRow(stored, target);
            if ((flags & FromRight) != 0)
                Mirror(target);
        }
        return info;
    }

    public void Dispose() => PooledBuffer.Release(ref row);

    /// <summary>TGA has no signature; what tells it are numbers of its header that have few values.</summary>
    static bool Matches(ReadOnlySpan<byte> data)
    {
        if (data.Length < HeaderBytes || data[12..16].IndexOfAnyExcept((byte)0) < 0)
            return false;
        (int paletteKind, int kind, int bits) = (data[1], data[2] & ~RunLengths, data[16]);
        bool entries = data[7] is 15 or 16 or 24 or 32;
        return (data[12] | data[13]) != 0 && (data[14] | data[15]) != 0 && kind switch
        {
            Palette => paletteKind == 1 && entries && bits is 8 or 16,
            Color => (paletteKind == 0 || (paletteKind == 1 && entries)) && bits is 15 or 16 or 24 or 32,
            Grey => paletteKind == 0 && bits is 1 or 8 or 16,
            _ => false,
        };
    }

    void ReadPalette(int first, ReadOnlySpan<byte> stored, int bytes)
    {
        SampleRow.ResetPalette(palette);
        palette.AsSpan(0, Math.Min(first * 3, palette.Length)).Clear();
        Span<byte> target = palette.AsSpan(Math.Min(first * 3, palette.Length));
        target = target[..Math.Min(target.Length, stored.Length / bytes * 3)];
        if (bytes == 2)
            SampleRow.From555(stored, target);
        else
            SampleRow.FromBgr(stored, bytes, target);
    }

    void DecodeRow(ReadOnlySpan<byte> stored, Span<byte> target)
    {
        switch ((kind, bits))
        {
            case (Palette, _):
                SampleRow.FromPalette(stored, palette, target);
                break;
            case (Grey, 1):
                for (int x = 0, at = 0; at < target.Length; x++, at += 3)
                    target[at] = target[at + 1] = target[at + 2] = (stored[x >> 3] >> (7 - (x & 7)) & 1) != 0 ? (byte)255 : (byte)0;
                break;
            case (Grey, _):
                for (int from = 0, at = 0; at < target.Length; from += bits / 8, at += 3)
                    target[at] = target[at + 1] = target[at + 2] = stored[from];
                break;
            case (_, 16):
                SampleRow.From555(stored, target);
                break;
            default:
                SampleRow.FromBgr(stored, bits / 8, target);
                break;
        }
    }

    static void Mirror(Span<byte> row)
    {
        for (int left = 0, right = row.Length - 3; left < right; left += 3, right -= 3)
        {
            for (int c = 0; c < 3; c++)
                (row[left + c], row[right + c]) = (row[right + c], row[left + c]);
        }
    }
}
