namespace PerturbedForgetting.Vision.Imaging.Bmp;

/// <summary>Pixels of 4 and 8 bits coded as runs. What is passed over has index 0.</summary>
static class BmpRunLengths
{
    const byte EndOfLine = 0, EndOfImage = 1, Delta = 2;

    /// <summary>Reads all runs without their pixels: whether the last row is reached is known before an image is made, which may be
    /// far larger than the file.</summary>
    /// <exception cref="ImageDecodeException">It is not.</exception>
    public static void Check(ReadOnlySpan<byte> data, BmpHeader header) => Read(data, header, null);

    public static void Decode(ReadOnlySpan<byte> data, BmpHeader header, RgbImage image)
    {
        Span<byte> pixels = image.Pixels;
        header.Palette.AsSpan(0, 3).CopyTo(pixels);
        for (int done = 3; done < pixels.Length; done *= 2)
            pixels[..Math.Min(done, pixels.Length - done)].CopyTo(pixels[done..]);
        Read(data, header, image);
    }

    static void Read(ReadOnlySpan<byte> data, BmpHeader header, RgbImage? image)
    {
        var reader = new ByteReader(data, "the image");
        reader.Seek(header.Offset);
        bool nibbles = header.Coding == BmpCoding.RunLength4;
        long x = 0, y = 0, last = header.Height - 1;
        // Many writers leave out the end mark.
        while (y < last || (y == last && x < header.Width))
        {
            int count = reader.Byte(), value = reader.Byte();
            if (count > 0)
            {
                Write(Rest(image, header, x, y), count, nibbles ? [(byte)(value >> 4), (byte)(value & 15)] : [(byte)value], header.Palette);
                x += count;
                continue;
            }
            switch (value)
            {
                case EndOfLine:
                    (x, y) = (0, y + 1);
                    break;
                case EndOfImage:
                    if (y < last)
                        throw DecodeErrors.Corrupt("BMP", FormattableString.Invariant($"it ends in row {y + 1} of {header.Height}"));
                    return;
                case Delta:
                    (x, y) = (x + reader.Byte(), y + reader.Byte());
                    break;
                default:
                    ReadOnlySpan<byte> stored = reader.Take(nibbles ? (value + 1) / 2 : value);
                    WriteStored(Rest(image, header, x, y), value, stored, nibbles, header.Palette);
                    x += value;
                    reader.Skip(stored.Length & 1);
                    break;
            }
        }
    }

    /// <summary>A row from a pixel on; nothing where there is no image. What does not fit a row is dropped.</summary>
    static Span<byte> Rest(RgbImage? image, BmpHeader header, long x, long y) => image is null || x >= header.Width ? []
        : image.Row((int)(header.TopDown ? y : header.Height - 1 - y))[(int)(x * 3)..];

    /// <summary>A run of one index, or of two by turns.</summary>
    static void Write(Span<byte> row, int count, ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> palette)
    {
        for (int i = 0, at = 0; i < count && at < row.Length; i++, at += 3)
            palette.Slice(pattern[i % pattern.Length] * 3, 3).CopyTo(row[at..]);
    }

    static void WriteStored(Span<byte> row, int count, ReadOnlySpan<byte> stored, bool nibbles, ReadOnlySpan<byte> palette)
    {
        for (int i = 0, at = 0; i < count && at < row.Length; i++, at += 3)
        {
            int index = !nibbles ? stored[i] : (i & 1) == 0 ? stored[i / 2] >> 4 : stored[i / 2] & 15;
            palette.Slice(index * 3, 3).CopyTo(row[at..]);
        }
    }
}
