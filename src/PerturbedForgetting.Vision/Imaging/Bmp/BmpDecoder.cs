using System.Buffers.Binary;
using System.Numerics;

namespace PerturbedForgetting.Vision.Imaging.Bmp;

/// <summary>Decodes BMP of 1 to 32 bits: plain, with any masks for the colours, and run-length coded.</summary>
sealed class BmpDecoder(ImageDecoderOptions options) : IFormatDecoder
{
    /// <summary>Its row in the table of formats.</summary>
    public static ImageFormat Format { get; } = new("BMP", Matches, static (options, _) => new BmpDecoder(options))
    {
        Reads = ["palettes of 1 to 8 bits", "16 to 32 bits", "masks", "run lengths", "from the top and from the bottom", "headers of OS/2"],
        Refuses = BmpHeader.Refused,
    };

    readonly BmpHeader header = new();
    byte[] indices = [];

    ImageInfo Info => new(header.Width, header.Height, "BMP", ImageColor.Rgb);

    public ImageInfo Open(ReadOnlySpan<byte> data)
    {
        header.Read(data);
        ImageLimits.CheckPixels(header.Width, header.Height, options.MaxPixels);
        if (header.RunLengths)
        {
            // A run of two bytes is 255 pixels at most; the rest allows for what is left out.
            if ((long)header.Width * header.Height / 4096 > data.Length)
                throw DecodeErrors.Corrupt("BMP", "it has too few bytes for its pixels");
            BmpRunLengths.Check(data, header);
        }
        else if (header.Offset + header.RowBytes * header.Height > data.Length)
            throw DecodeErrors.Truncated("the image", data.Length);
        return Info;
    }

    public ImageInfo Decode(ReadOnlySpan<byte> data, CropBox region, RgbImage image)
    {
        image.Resize(header.Width, header.Height);
        if (header.RunLengths)
        {
            BmpRunLengths.Decode(data, header, image);
            return Info;
        }
        PooledBuffer.Ensure(ref indices, header.Width);
        for (int y = region.Top; y < region.Top + region.Height; y++)
        {
            long stored = header.TopDown ? y : header.Height - 1 - y;
            DecodeRow(data.Slice((int)(header.Offset + stored * header.RowBytes), (int)header.RowBytes), image.Row(y));
        }
        return Info;
    }

    public void Dispose() => PooledBuffer.Release(ref indices);

    /// <summary>Two letters are no signature: the length of the second header must be a small number, too.</summary>
    static bool Matches(ReadOnlySpan<byte> data) => data.StartsWith("BM"u8)
        && (data.Length < 18 || BinaryPrimitives.ReadUInt32LittleEndian(data[14..]) <= 1024);

    void DecodeRow(ReadOnlySpan<byte> row, Span<byte> target)
    {
        if (header.Bits <= 8)
        {
            Span<byte> samples = indices.AsSpan(0, header.Width);
            SampleRow.Unpack(row, header.Bits, samples);
            SampleRow.FromPalette(samples, header.Palette, target);
        }
        else if (header.Bits >= 24 && header.Masks is [0xFF0000, 0xFF00, 0xFF])
        {
            SampleRow.FromBgr(row, header.Bits / 8, target);
        }
        else
        {
            for (int channel = 0; channel < 3; channel++)
                Extract(row, header.Bits / 8, header.Masks[channel], target[channel..]);
        }
    }

    /// <summary>One channel of a row, to the full range of 8 bits.</summary>
    static void Extract(ReadOnlySpan<byte> row, int step, uint mask, Span<byte> target)
    {
        int shift = BitOperations.TrailingZeroCount(mask);
        ulong largest = mask >> shift;
        for (int from = 0, at = 0; at < target.Length; from += step, at += 3)
        {
            uint pixel = step switch
            {
                2 => BinaryPrimitives.ReadUInt16LittleEndian(row[from..]),
                3 => row[from] | (uint)row[from + 1] << 8 | (uint)row[from + 2] << 16,
                _ => BinaryPrimitives.ReadUInt32LittleEndian(row[from..]),
            };
            target[at] = (byte)(((pixel & mask) >> shift) * 255 / largest);
        }
    }
}
