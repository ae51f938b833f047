namespace PerturbedForgetting.Vision.Imaging.Gif;

/// <summary>What a GIF says before the data of its first frame, and where these are.</summary>
/// <param name="Width">Width of the image: of the logical screen, or more if the frame does not fit into it.</param>
/// <param name="Height">Its height.</param>
/// <param name="Frame">Where in it the frame is.</param>
/// <param name="Interlaced">Whether rows come in four passes.</param>
/// <param name="Palette">Where the palette is in the file; empty if there is none.</param>
/// <param name="Background">Number of the colour around the frame.</param>
/// <param name="PixelBits">Bits of the numbers that stand for themselves.</param>
/// <param name="Data">Where the blocks of data begin.</param>
/// <param name="DataBytes">Bytes in these blocks.</param>
readonly record struct GifFrame(
    int Width, int Height, CropBox Frame, bool Interlaced, Range Palette, int Background, int PixelBits, int Data, int DataBytes)
{
    const byte Extension = 0x21, Image = 0x2C, End = 0x3B, GraphicControl = 0xF9;

    /// <summary>Reads up to the first frame, and over its data.</summary>
    /// <exception cref="ImageDecodeException">The file ends before, or there is no frame.</exception>
    public static GifFrame Read(ReadOnlySpan<byte> data)
    {
        var reader = new ByteReader(data, "the image");
        reader.Skip(6);
        int width = reader.UInt16(), height = reader.UInt16();
        byte flags = reader.Byte();
        reader.Skip(2);
        Range palette = PaletteAt(ref reader, flags);
        // Nothing is drawn around the frame, and what is transparent keeps its colour when alpha is dropped.
        int transparent = 0;
        while (true)
        {
            switch (reader.Byte())
            {
                case Extension:
                    ReadExtension(ref reader, ref transparent);
                    break;
                case Image:
                    return ReadImage(ref reader, width, height, palette, transparent);
                case End:
                    throw DecodeErrors.Corrupt(GifDecoder.Name, "it has no image");
            }
        }
    }

    static GifFrame ReadImage(ref ByteReader reader, int width, int height, Range palette, int background)
    {
        int left = reader.UInt16(), top = reader.UInt16();
        var frame = new CropBox(top, left, Width: reader.UInt16(), Height: reader.UInt16());
        byte flags = reader.Byte();
        if (frame.Width == 0 || frame.Height == 0)
            throw DecodeErrors.Corrupt(GifDecoder.Name, "its first frame has no pixels");
        Range own = PaletteAt(ref reader, flags);
        int bits = reader.Byte();
        if (bits is < 1 or > 8)
            throw DecodeErrors.Corrupt(GifDecoder.Name, $"its pixels have {bits} bits");
        int begin = reader.Position, bytes = 0;
        for (int length = reader.Byte(); length > 0; length = reader.Byte())
        {
            reader.Skip(length);
            bytes += length;
        }
        return new GifFrame(Math.Max(width, left + frame.Width), Math.Max(height, top + frame.Height), frame, (flags & 0x40) != 0,
            own.Equals(default) ? palette : own, background, bits, begin, bytes);
    }

    static void ReadExtension(ref ByteReader reader, ref int transparent)
    {
        byte label = reader.Byte();
        for (int length = reader.Byte(); length > 0; length = reader.Byte())
        {
            ReadOnlySpan<byte> block = reader.Take(length);
            if (label == GraphicControl && length >= 4 && (block[0] & 1) != 0)
                transparent = block[3];
        }
    }

    static Range PaletteAt(ref ByteReader reader, byte flags)
    {
        if ((flags & 0x80) == 0)
            return default;
        int begin = reader.Position;
        reader.Skip(3 << ((flags & 7) + 1));
        return begin..reader.Position;
    }
}
