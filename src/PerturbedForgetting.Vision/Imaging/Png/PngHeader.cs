namespace PerturbedForgetting.Vision.Imaging.Png;

/// <summary>How a PNG stores its colours.</summary>
enum PngColorType
{
    Grey = 0,
    Rgb = 2,
    Palette = 3,
    GreyAlpha = 4,
    RgbAlpha = 6,
}

/// <summary>The header chunk (PNG, 11.2.2).</summary>
/// <param name="Width">Width in pixels.</param>
/// <param name="Height">Height in pixels.</param>
/// <param name="Depth">Bits of a sample, or of a number of the palette.</param>
/// <param name="Color">What the samples are.</param>
/// <param name="Interlaced">Whether rows come in the seven passes of <see cref="Adam7"/>.</param>
readonly record struct PngHeader(int Width, int Height, int Depth, PngColorType Color, bool Interlaced)
{
    const int Length = 13;

    /// <summary>Bits of a pixel.</summary>
    public int PixelBits => Depth * Color switch
    {
        PngColorType.Rgb => 3,
        PngColorType.GreyAlpha => 2,
        PngColorType.RgbAlpha => 4,
        _ => 1,
    };

    /// <summary>Bytes of a row of so many pixels, without the byte that names its filter.</summary>
    public long RowBytes(int width) => ((long)width * PixelBits + 7) / 8;

    /// <summary>Reads the contents of the chunk.</summary>
    /// <exception cref="ImageDecodeException">It describes no image.</exception>
    public static PngHeader Read(ReadOnlySpan<byte> chunk)
    {
        if (chunk.Length < Length)
            throw Corrupt($"its header has {chunk.Length} bytes");
        var reader = new ByteReader(chunk, "the header", bigEndian: true);
        uint width = reader.UInt32(), height = reader.UInt32();
        int depth = reader.Byte(), color = reader.Byte(), packing = reader.Byte(), filters = reader.Byte(), interlace = reader.Byte();
        if (width is 0 or > int.MaxValue || height is 0 or > int.MaxValue)
            throw Corrupt(FormattableString.Invariant($"a size of {width} x {height}"));
        if (!Exists(color, depth))
            throw Corrupt($"there is no colour type {color} of {depth} bits");
        if (packing != 0 || filters != 0 || interlace > 1)
            throw Corrupt($"there is no method {packing} of packing, {filters} of filtering, {interlace} of interlacing");
        return new PngHeader((int)width, (int)height, depth, (PngColorType)color, interlace == 1);
    }

    static bool Exists(int color, int depth) => (PngColorType)color switch
    {
        PngColorType.Grey => depth is 1 or 2 or 4 or 8 or 16,
        PngColorType.Palette => depth is 1 or 2 or 4 or 8,
        PngColorType.Rgb or PngColorType.GreyAlpha or PngColorType.RgbAlpha => depth is 8 or 16,
        _ => false,
    };

    static ImageDecodeException Corrupt(string reason) => DecodeErrors.Corrupt(PngDecoder.Name, reason);
}
