using System.IO.Compression;

namespace PerturbedForgetting.Vision.Imaging.Png;

/// <summary>Decodes PNG (ISO/IEC 15948) of every colour type and depth into RGB. Chunks that the pixels do not need are passed over
/// unread, whatever they hold, except for the orientation; the chain of chunks must reach the end of the image. Buffers are kept between
/// images. Not thread-safe.</summary>
sealed class PngDecoder(ImageDecoderOptions options, DecodeBudget budget) : IFormatDecoder
{
    internal const string Name = "PNG";

    const string Apples = "Apple's variant for iPhones (CgBI)";

    /// <summary>No deflated byte unpacks to more.</summary>
    const int LargestExpansion = 1040;

    readonly PngData packed = new();
    readonly PngRows rows = new(budget);
    readonly PngColors colors = new();
    readonly byte[] palette = new byte[256 * 3];
    byte[] rgb = [];

    // The image that is open.
    PngHeader header;
    int paletteBytes, firstData, orientation;

    /// <summary>Its row in the table of formats.</summary>
    public static ImageFormat Format { get; } = new(Name, static data => data.StartsWith(Signature[..4]),
        static (options, budget) => new PngDecoder(options, budget))
    {
        Reads = ["grey and palettes of 1, 2, 4 and 8 bits", "grey of 16 bits", "RGB of 8 and 16 bits", "the same with alpha", "interlaced",
            "the still image of an animation"],
        Refuses = [Apples],
    };

    static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10];

    bool IsGrey => header.Color is PngColorType.Grey or PngColorType.GreyAlpha;

    /// <summary>Reads all of the chunks but their contents.</summary>
    /// <exception cref="ImageDecodeException">The file is damaged or cut short, or the image is too large.</exception>
    public ImageInfo Open(ReadOnlySpan<byte> data)
    {
        (header, paletteBytes, firstData, orientation) = (default, 0, 0, 1);
        if (!data.StartsWith(Signature[..Math.Min(Signature.Length, data.Length)]))
            throw DecodeErrors.Corrupt(Name, "its first bytes were changed, as by a transfer as text");
        long dataBytes = ReadChunks(data);
        if (firstData == 0)
            throw DecodeErrors.Corrupt(Name, "it has no image data");
        if (header.Color == PngColorType.Palette && paletteBytes == 0)
            throw DecodeErrors.Corrupt(Name, "it has no palette");
        if (UnpackedBytes() > dataBytes * LargestExpansion)
            throw new ImageDecodeException(ImageProblem.Truncated, "its data are too short for its size");
        return new ImageInfo(header.Width, header.Height, Name, IsGrey ? ImageColor.Grey : ImageColor.Rgb, orientation);
    }

    /// <summary>Decodes the rows that show <paramref name="region"/>, and those above it; of an interlaced image all rows.</summary>
    /// <exception cref="ImageDecodeException">The data are damaged or too short.</exception>
    public unsafe ImageInfo Decode(ReadOnlySpan<byte> data, CropBox region, RgbImage image)
    {
        image.Resize(header.Width, header.Height);
        colors.Begin(header, palette.AsSpan(0, paletteBytes), options.Grey16 == Grey16Conversion.Clamp);
        int bottom = header.Interlaced ? header.Height : region.Top + region.Height;
        fixed (byte* bytes = data)
        {
            packed.Begin(bytes, data.Length, firstData);
            using var unpacked = new ZLibStream(packed, CompressionMode.Decompress, leaveOpen: true);
            try
            {
                foreach (Adam7 pass in header.Interlaced ? Adam7.Passes : Adam7.Whole)
                    Decode(pass, unpacked, bottom, image);
                // The sum over all data is checked behind them only.
                if (bottom == header.Height)
                    unpacked.ReadByte();
            }
            catch (Exception e) when (e is InvalidDataException or IOException)
            {
                throw DecodeErrors.Corrupt(Name, "its data cannot be unpacked");
            }
        }
        return new ImageInfo(header.Width, header.Height, Name, IsGrey ? ImageColor.Grey : ImageColor.Rgb, orientation);
    }

    /// <summary>Gives all buffers back to the pool.</summary>
    public void Dispose()
    {
        rows.Dispose();
        packed.Dispose();
        PooledBuffer.Release(ref rgb);
    }

    /// <summary>Follows the chunks to the last.</summary>
    /// <returns>Bytes of the packed data.</returns>
    long ReadChunks(ReadOnlySpan<byte> data)
    {
        PngChunk chunk = PngChunk.At(data, Signature.Length);
        if (chunk.Is("CgBI"u8))
            throw DecodeErrors.Unsupported(Name, Apples);
        if (!chunk.Is("IHDR"u8))
            throw DecodeErrors.Corrupt(Name, "it does not begin with a header");
        chunk.Verify();
        header = PngHeader.Read(chunk.Content);
        ImageLimits.CheckPixels(header.Width, header.Height, options.MaxPixels);
        PngRows.CheckLength(header.RowBytes(header.Width));
        long dataBytes = 0;
        while (!chunk.Is("IEND"u8))
        {
            budget.Check();
            int position = chunk.End;
            chunk = PngChunk.At(data, position);
            if (chunk.Is("IDAT"u8))
            {
                firstData = firstData == 0 ? position : firstData;
                dataBytes += chunk.Content.Length;
            }
            else if (chunk.Is("PLTE"u8) && firstData == 0)
            {
                ReadPalette(chunk);
            }
            else if (chunk.Is("eXIf"u8) && orientation == 1)
            {
                orientation = ExifOrientation.FromTiff(chunk.Content);
            }
        }
        return dataBytes;
    }

    void ReadPalette(PngChunk chunk)
    {
        if (header.Color != PngColorType.Palette)
            return;
        chunk.Verify();
        paletteBytes = chunk.Content.Length;
        if (paletteBytes > palette.Length)
            throw DecodeErrors.Corrupt(Name, $"its palette has {paletteBytes / 3} colours");
        chunk.Content.CopyTo(palette);
    }

    /// <summary>What the packed data should unpack to.</summary>
    long UnpackedBytes()
    {
        long total = 0;
        foreach (Adam7 pass in header.Interlaced ? Adam7.Passes : Adam7.Whole)
            total += pass.Rows(header.Width, header.Height) * (header.RowBytes(pass.Columns(header.Width)) + 1);
        return total;
    }

    void Decode(Adam7 pass, Stream unpacked, int bottom, RgbImage image)
    {
        int columns = pass.Columns(header.Width), count = pass.Rows(header.Width, bottom);
        rows.Begin(unpacked, (int)header.RowBytes(columns), count, Math.Max(1, header.PixelBits / 8));
        PooledBuffer.Ensure(ref rgb, pass.StepX == 1 ? 0 : columns * 3);
        for (int i = 0, y = pass.Top; i < count; i++, y += pass.StepY)
        {
            ReadOnlySpan<byte> row = rows.Next();
            if (pass.StepX == 1)
            {
                colors.Write(row, image.Row(y));
                continue;
            }
            Span<byte> pixels = rgb.AsSpan(0, columns * 3), target = image.Row(y);
            colors.Write(row, pixels);
            for (int from = 0, to = pass.Left * 3; from < pixels.Length; from += 3, to += pass.StepX * 3)
                pixels.Slice(from, 3).CopyTo(target[to..]);
        }
    }
}
