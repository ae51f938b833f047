using PerturbedForgetting.Vision.Imaging.Jpeg;

namespace PerturbedForgetting.Vision.Imaging.Tiff;

/// <summary>Strips and tiles that are JPEGs of their own, whose tables may stand in the directory instead.</summary>
sealed class TiffJpeg : IDisposable
{
    readonly JpegDecoder decoder;
    readonly RgbImage part = new();
    byte[] stream = [];
    int length;

    public TiffJpeg(JpegDecoder decoder) => this.decoder = decoder;

    /// <summary>Decodes one into the part of the image that begins at a pixel.</summary>
    public void Decode(ReadOnlySpan<byte> file, ReadOnlySpan<byte> chunk, TiffLayout layout, int left, int top, RgbImage image)
    {
        ReadOnlySpan<byte> tables = layout.Directory.TryFind((int)TiffTag.JpegTables, out TiffField field) ? field.All(file) : [];
        Assemble(tables, chunk, layout.Color);
        ReadOnlySpan<byte> jpeg = stream.AsSpan(0, length);
        ImageInfo info = decoder.Open(jpeg);
        int columns = Math.Min(layout.ChunkWidth, image.Width - left), rows = Math.Min(layout.ChunkHeight, image.Height - top);
        bool grey = info.Color == ImageColor.Grey;
        if (info.Width != layout.ChunkWidth || info.Height < rows || info.Height > layout.ChunkHeight
            || grey != (layout.Samples == 1) || info.Color == ImageColor.Cmyk)
        {
            throw DecodeErrors.Corrupt("TIFF", FormattableString.Invariant(
                $"the JPEG of a strip or tile has {info.Width} x {info.Height} pixels and other colours or another size than the image"));
        }
        decoder.Decode(jpeg, CropBox.Whole(info.Width, info.Height), part);
        for (int y = 0; y < rows; y++)
        {
            Span<byte> target = image.Row(top + y).Slice(left * 3, columns * 3);
            part.Row(y)[..target.Length].CopyTo(target);
            if (layout.Color == TiffColor.WhiteIsZero)
            {
                for (int i = 0; i < target.Length; i++)
                    target[i] = (byte)~target[i];
            }
        }
    }

    public void Dispose()
    {
        decoder.Dispose();
        part.Dispose();
        PooledBuffer.Release(ref stream);
    }

    /// <summary>One JPEG of the tables, the strip, and a mark that says what TIFF says elsewhere: whether it is YCbCr or RGB.
    /// </summary>
    void Assemble(ReadOnlySpan<byte> tables, ReadOnlySpan<byte> chunk, TiffColor color)
    {
        ReadOnlySpan<byte> mark =
        [
            0xFF, JpegSegment.App14, 0, 14, (byte)'A', (byte)'d', (byte)'o', (byte)'b', (byte)'e', 0, 100, 0, 0, 0, 0,
            color == TiffColor.Ycc ? (byte)1 : (byte)0,
        ];
        PooledBuffer.Ensure(ref stream, 2 + mark.Length + tables.Length + chunk.Length);
        length = 0;
        Append([0xFF, JpegSegment.StartOfImage]);
        Append(mark);
        AppendHeaders(tables);
        Append(chunk[AppendHeaders(chunk)..]);
    }

    /// <summary>Takes over all headers but those of applications; returns where the first scan begins.</summary>
    int AppendHeaders(ReadOnlySpan<byte> jpeg)
    {
        int position = 0;
        while (true)
        {
            JpegSegment segment = JpegSegment.Next(jpeg, position);
            if (segment.Marker is < 0 or JpegSegment.StartOfScan or JpegSegment.EndOfImage || segment.Length < 2)
                return segment.At;
            if (segment.Marker is < JpegSegment.App0 or > 0xEF)
                Append(jpeg[segment.At..segment.End]);
            position = segment.End;
        }
    }

    void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(stream.AsSpan(length));
        length += bytes.Length;
    }
}
