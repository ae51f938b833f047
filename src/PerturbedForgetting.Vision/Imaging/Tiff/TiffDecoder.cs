using PerturbedForgetting.Vision.Imaging.Jpeg;

namespace PerturbedForgetting.Vision.Imaging.Tiff;

/// <summary>Decodes the first page of a TIFF or BigTIFF. As Pillow does, it turns the image as the file says: a scanner's orientation
/// belongs to the format and is no choice.</summary>
sealed class TiffDecoder(ImageDecoderOptions options, DecodeBudget budget) : IFormatDecoder
{
    /// <summary>Its row in the table of formats.</summary>
    public static ImageFormat Format { get; } = new("TIFF", Matches, static (options, budget) => new TiffDecoder(options, budget))
    {
        Reads =
        [
            "the first page, as it is oriented", "BigTIFF", "strips", "tiles", "planes",
            "uncompressed", "PackBits", "LZW", "Deflate", "JPEG", "CCITT group 3 and 4", "bilevel", "grey of 2 to 16 bits", "palettes",
            "RGB and CMYK of 8 and 16 bits", "YCbCr",
        ],
        Refuses = TiffKinds.Refused,
    };

    readonly TiffLayout layout = new();
    readonly TiffYcc ycc = new();
    readonly Dictionary<TiffCompression, TiffSource> sources = [];
    TiffRow? converter;
    TiffJpeg? jpeg;
    byte[] row = [], reversed = [];

    ImageInfo Info
    {
        get
        {
            bool turned = ExifOrientation.IsTransposed(layout.Orientation);
            ImageColor color = layout.Color switch
            {
                TiffColor.WhiteIsZero or TiffColor.BlackIsZero => ImageColor.Grey,
                TiffColor.Cmyk => ImageColor.Cmyk,
                _ => ImageColor.Rgb,
            };
            return new ImageInfo(turned ? layout.Height : layout.Width, turned ? layout.Width : layout.Height, "TIFF", color);
        }
    }

    TiffRow Converter => converter ??= new TiffRow(layout, options.Grey16);

    public ImageInfo Open(ReadOnlySpan<byte> data)
    {
        layout.Read(data, options.MaxPixels);
        Converter.Read(data);
        if (layout.Color == TiffColor.Ycc)
            ycc.Read(data, layout.Directory);
        return Info;
    }

    public ImageInfo Decode(ReadOnlySpan<byte> data, CropBox region, RgbImage image)
    {
        int planes = layout.Planar ? Converter.Needed : 1;
        layout.CheckChunks(data, planes);
        image.Resize(layout.Width, layout.Height);
        long index = 0;
        for (int plane = 0; plane < planes; plane++)
        {
            for (int top = 0; top < layout.Height; top += Math.Min(layout.ChunkHeight, layout.Height - top))
            {
                for (int left = 0; left < layout.Width; left += Math.Min(layout.ChunkWidth, layout.Width - left), index++)
                    DecodeChunk(data, index, plane, left, top, image);
            }
        }
        image.ApplyOrientation(layout.Orientation);
        return Info;
    }

    public void Dispose()
    {
        foreach (TiffSource source in sources.Values)
            source.Dispose();
        converter?.Dispose();
        jpeg?.Dispose();
        PooledBuffer.Release(ref row);
        PooledBuffer.Release(ref reversed);
    }

    static bool Matches(ReadOnlySpan<byte> data) => data.Length >= 4
        && (data.StartsWith("II"u8) || data.StartsWith("MM"u8)) && (data[2], data[3]) is (42 or 43, 0) or (0, 42 or 43);

    void DecodeChunk(ReadOnlySpan<byte> data, long index, int plane, int left, int top, RgbImage image)
    {
        (int groupRows, long groupBytes) = layout.RowGroup;
        int rows = Math.Min(layout.ChunkHeight, layout.Height - top);
        ReadOnlySpan<byte> chunk = layout.Chunk(data, index, rows);
        if (layout.Compression == TiffCompression.Jpeg)
        {
            budget.Check();
            jpeg ??= new TiffJpeg(new JpegDecoder(options with { FillTruncated = false, ApplyExifOrientation = false }));
            jpeg.Decode(data, chunk, layout, left, top, image);
            return;
        }
        if (layout.ReversedBits)
            chunk = Reverse(chunk);
        if (!sources.TryGetValue(layout.Compression, out TiffSource? source))
            sources.Add(layout.Compression, source = TiffSource.Create(layout.Compression));
        source.Begin(chunk, layout);
        PooledBuffer.Ensure(ref row, (int)groupBytes);
        Span<byte> stored = row.AsSpan(0, (int)groupBytes);
        int columns = Math.Min(layout.ChunkWidth, layout.Width - left);
        for (int y = 0; y < rows; y++)
        {
            if (y % groupRows == 0)
            {
                budget.Check();
                source.Read(chunk, stored);
                if (layout.Predicted)
                    TiffPredictor.Undo(stored, layout.Planar ? 1 : layout.Samples, layout.Bits, layout.Directory.BigEndian);
            }
            Span<byte> target = image.Row(top + y).Slice(left * 3, columns * 3);
            if (layout.Color == TiffColor.Ycc)
                ycc.Convert(stored, layout.Subsampling, y % groupRows, target);
            else if (layout.Planar)
                Converter.Convert(stored, plane, target);
            else
                Converter.Convert(stored, target);
        }
    }

    ReadOnlySpan<byte> Reverse(ReadOnlySpan<byte> chunk)
    {
        PooledBuffer.Ensure(ref reversed, chunk.Length);
        for (int i = 0; i < chunk.Length; i++)
        {
            // Halves, quarters and single bits change places.
            int value = chunk[i];
            value = (value & 0x0F) << 4 | value >> 4;
            value = (value & 0x33) << 2 | value >> 2 & 0x33;
            reversed[i] = (byte)((value & 0x55) << 1 | value >> 1 & 0x55);
        }
        return reversed.AsSpan(0, chunk.Length);
    }
}
