using System.Buffers.Binary;
using PerturbedForgetting.Vision.Imaging.Jpeg;

namespace PerturbedForgetting.Vision.Imaging.Pnm;

/// <summary>Decodes the formats of Netpbm: PBM, PGM, PPM (plain and binary, of up to 16 bits) and PAM.</summary>
sealed class PnmDecoder(ImageDecoderOptions options) : IFormatDecoder
{
    /// <summary>Its row in the table of formats.</summary>
    public static ImageFormat Format { get; } = new("PNM", Matches, static (options, _) => new PnmDecoder(options))
    {
        Reads = ["PBM", "PGM", "PPM", "plain and binary", "PAM of up to 4 channels", "any largest sample up to 65535"],
        Refuses = PnmHeader.Refused,
    };

    readonly byte[] levels = new byte[65536];
    byte[] row = [];
    PnmHeader header;
    int leveled;
    bool leveledGrey;

    ImageInfo Info => new(header.Width, header.Height, "PNM", header.Channels < 3 ? ImageColor.Grey : ImageColor.Rgb);

    long RowBytes => header.Bilevel ? (header.Width + 7L) / 8 : (long)header.Width * header.Channels * (header.Largest > 255 ? 2 : 1);

    public ImageInfo Open(ReadOnlySpan<byte> data)
    {
        header = PnmHeader.Read(data);
        ImageLimits.CheckPixels(header.Width, header.Height, options.MaxPixels);
        // A plain sample takes a digit at least.
        long needed = header.Plain ? (long)header.Width * header.Height * header.Channels : RowBytes * header.Height;
        if (header.Position + needed > data.Length)
            throw DecodeErrors.Truncated("the image", data.Length);
        return Info;
    }

    public ImageInfo Decode(ReadOnlySpan<byte> data, CropBox region, RgbImage image)
    {
        image.Resize(header.Width, header.Height);
        SetLevels();
        if (header.Plain)
        {
            DecodePlain(data, image);
            return Info;
        }
        PooledBuffer.Ensure(ref row, header.Width);
        int rowBytes = (int)RowBytes;
        for (int y = region.Top; y < region.Top + region.Height; y++)
            DecodeRow(data.Slice((int)(header.Position + (long)y * rowBytes), rowBytes), image.Row(y));
        return Info;
    }

    public void Dispose() => PooledBuffer.Release(ref row);

    static bool Matches(ReadOnlySpan<byte> data) =>
        data is [(byte)'P', (>= (byte)'1' and <= (byte)'7') or (byte)'f' or (byte)'F', (>= 9 and <= 13) or (byte)' ' or (byte)'#', ..];

    /// <summary>What each sample is in 8 bits. Grey of 16 bits keeps its high byte, the rest is rounded as Pillow does, half to even.
    /// </summary>
    void SetLevels()
    {
        bool grey = header.Channels < 3;
        if (leveled == header.Largest && leveledGrey == grey)
            return;
        (leveled, leveledGrey) = (header.Largest, grey);
        for (int value = 0; value < levels.Length; value++)
            levels[value] = Level(Math.Min(value, header.Largest) / (double)header.Largest, grey && header.Largest > 255);
    }

    byte Level(double share, bool wide)
    {
        if (!wide)
            return (byte)Math.Round(share * 255);
        int sample = (int)Math.Round(share * 65535);
        return (byte)(options.Grey16 == Grey16Conversion.Clamp ? Math.Min(sample, 255) : sample >> 8);
    }

    void DecodePlain(ReadOnlySpan<byte> data, RgbImage image)
    {
        var text = new PnmText(data, header.Position, "the image");
        Span<byte> pixels = image.Pixels;
        for (int at = 0; at < pixels.Length; at += 3)
        {
            for (int c = 0; c < header.Channels; c++)
                pixels[at + c] = header.Bilevel ? (text.Bit() ? (byte)0 : (byte)255) : Sample(ref text);
            if (header.Channels == 1)
                pixels[at + 1] = pixels[at + 2] = pixels[at];
        }
    }

    byte Sample(ref PnmText text)
    {
        int value = text.Number(mayEnd: true);
        return value <= header.Largest ? levels[value]
            : throw DecodeErrors.Corrupt("PNM", FormattableString.Invariant($"a sample is {value}, the largest is {header.Largest}"));
    }

    void DecodeRow(ReadOnlySpan<byte> stored, Span<byte> target)
    {
        if (header.Bilevel)
        {
            Span<byte> bits = row.AsSpan(0, header.Width);
            SampleRow.Unpack(stored, 1, bits);
            SampleRow.Stretch(bits, 1, inverted: true);
            JpegColor.FromGrey(bits, target);
            return;
        }
        int bytes = header.Largest > 255 ? 2 : 1, step = bytes * header.Channels;
        // A grey one is taken three times.
        int next = header.Channels < 3 ? 0 : bytes;
        for (int from = 0, at = 0; at < target.Length; from += step, at += 3)
        {
            for (int c = 0, sample = from; c < 3; c++, sample += next)
                target[at + c] = levels[bytes == 1 ? stored[sample] : BinaryPrimitives.ReadUInt16BigEndian(stored[sample..])];
        }
    }
}
