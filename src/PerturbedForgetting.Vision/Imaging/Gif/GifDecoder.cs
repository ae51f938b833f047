namespace PerturbedForgetting.Vision.Imaging.Gif;

/// <summary>Decodes the first frame of a GIF (87a and 89a) into RGB, as Pillow does. Transparent pixels keep the colour that the palette
/// gives them. Buffers are kept between images. Not thread-safe.</summary>
sealed class GifDecoder(ImageDecoderOptions options, DecodeBudget budget) : IFormatDecoder
{
    internal const string Name = "GIF";

    /// <summary>First rows and steps of the passes of an interlaced frame.</summary>
    static readonly (int Top, int Step)[] passes = [(0, 8), (4, 8), (2, 4), (1, 2)], whole = [(0, 1)];

    readonly GifCodes expander = new();
    readonly byte[] colors = new byte[256 * 3];
    byte[] codes = [];
    byte[] pixels = [];
    GifFrame frame;

    /// <summary>Its row in the table of formats.</summary>
    public static ImageFormat Format { get; } = new(Name, static data => data.StartsWith("GIF87a"u8) || data.StartsWith("GIF89a"u8),
        static (options, budget) => new GifDecoder(options, budget))
    {
        Reads = ["palettes of 2 to 256 colours", "without a palette (grey)", "interlaced", "the first frame of an animation"],
    };

    ImageInfo Info => new(frame.Width, frame.Height, Name, ImageColor.Rgb);

    /// <summary>Reads up to the end of the first frame.</summary>
    /// <exception cref="ImageDecodeException">The file is damaged or cut short, or the image is too large.</exception>
    public ImageInfo Open(ReadOnlySpan<byte> data)
    {
        frame = GifFrame.Read(data);
        ImageLimits.CheckPixels(frame.Width, frame.Height, options.MaxPixels);
        ImageLimits.CheckCanvas(frame.Width, frame.Height, frame.Frame.Width, frame.Frame.Height);
        if ((long)frame.Frame.Width * frame.Frame.Height > (long)frame.DataBytes * GifCodes.LargestExpansion)
            throw new ImageDecodeException(ImageProblem.Truncated, "its data are too short for its size");
        return Info;
    }

    /// <summary>Decodes all of the first frame.</summary>
    /// <exception cref="ImageDecodeException">The data are damaged or too short.</exception>
    public ImageInfo Decode(ReadOnlySpan<byte> data, CropBox region, RgbImage image)
    {
        CropBox box = frame.Frame;
        int count = box.Width * box.Height;
        PooledBuffer.Ensure(ref pixels, count);
        if (expander.Expand(Codes(data), frame.PixelBits, pixels.AsSpan(0, count)) < count)
            throw new ImageDecodeException(ImageProblem.Truncated, "its data end within the image");
        SampleRow.ResetPalette(colors);
        data[frame.Palette].CopyTo(colors);
        image.Resize(frame.Width, frame.Height);
        if (box.Width < frame.Width || box.Height < frame.Height)
            FillBackground(image);
        ReadOnlySpan<byte> row = pixels.AsSpan(0, count);
        foreach ((int top, int step) in frame.Interlaced ? passes : whole)
        {
            for (int y = top; y < box.Height; y += step, row = row[box.Width..])
            {
                budget.Check();
                SampleRow.FromPalette(row[..box.Width], colors, image.Row(box.Top + y)[(box.Left * 3)..]);
            }
        }
        return Info;
    }

    /// <summary>Gives all buffers back to the pool.</summary>
    public void Dispose()
    {
        PooledBuffer.Release(ref codes);
        PooledBuffer.Release(ref pixels);
    }

    /// <summary>The contents of the blocks of data without their lengths.</summary>
    ReadOnlySpan<byte> Codes(ReadOnlySpan<byte> data)
    {
        PooledBuffer.Ensure(ref codes, frame.DataBytes + GifCodes.Slack);
        int filled = 0;
        for (int at = frame.Data, length; (length = data[at]) > 0; at += length + 1, filled += length)
            data.Slice(at + 1, length).CopyTo(codes.AsSpan(filled));
        codes.AsSpan(filled, GifCodes.Slack).Clear();
        return codes.AsSpan(0, filled + GifCodes.Slack);
    }

    void FillBackground(RgbImage image)
    {
        Span<byte> first = image.Row(0);
        for (int at = 0; at < first.Length; at += 3)
            colors.AsSpan(frame.Background * 3, 3).CopyTo(first[at..]);
        for (int y = 1; y < image.Height; y++)
            first.CopyTo(image.Row(y));
    }
}
