namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>Decodes baseline, extended and progressive Huffman-coded JPEG (ITU-T T.81) of 8 bits into RGB. Samples equal
/// libjpeg-turbo's with its defaults: accurate integer inverse DCT, triangular chroma upsampling, integer colour conversion.
/// Buffers are kept between images. Not thread-safe.</summary>
sealed class JpegDecoder(ImageDecoderOptions options) : IFormatDecoder
{
    /// <summary>Its row in the table of formats.</summary>
    public static ImageFormat Format { get; } = new("JPEG", Matches, static (options, _) => new JpegDecoder(options))
    {
        Reads = ["baseline", "extended", "progressive", "grey", "YCbCr", "RGB", "CMYK", "YCCK", "any sampling"],
        Refuses = ["12 bits", "arithmetic coding", "lossless", "hierarchical"],
    };

    readonly int[][] quant = [new int[64], new int[64], new int[64], new int[64]];
    readonly bool[] quantDefined = new bool[4];
    readonly HuffmanTable[] dcTables = [new(), new(), new(), new()];
    readonly HuffmanTable[] acTables = [new(), new(), new(), new()];
    readonly JpegFrame frame = new();
    readonly JpegScan scan = new();
    readonly JpegOutput output = new();
    JpegColorMarkers markers;
    int restartInterval;
    int orientation;
    int position;
    bool ended;
    bool endIsMissing;

    ImageInfo Info => new(frame.Width, frame.Height, "JPEG",
        frame.Count switch { 1 => ImageColor.Grey, 4 => ImageColor.Cmyk, _ => ImageColor.Rgb }, orientation);

    static bool Matches(ReadOnlySpan<byte> data) => data is [0xFF, JpegSegment.StartOfImage, 0xFF, ..];

    /// <summary>Reads the first image in <paramref name="data"/> up to its first scan.</summary>
    /// <exception cref="ImageDecodeException">The headers are damaged or cut short; the image is too large or not supported.</exception>
    public ImageInfo Open(ReadOnlySpan<byte> data)
    {
        orientation = 1;
        ReadHeaders(data);
        if (options.ApplyExifOrientation && orientation == 1)
            orientation = OrientationBehind(data, position);
        return Info;
    }

    /// <summary>Decodes the part of the image that shows <paramref name="region"/>; the other pixels are undefined then.</summary>
    /// <exception cref="ImageDecodeException">The data are damaged, cut short, or of an unsupported kind.</exception>
    public ImageInfo Decode(ReadOnlySpan<byte> data, CropBox region, RgbImage image)
    {
        bool filled = false;
        try
        {
            ReadNeeded(data, region);
        }
        catch (ImageDecodeException e) when (options.FillTruncated && e.Problem is ImageProblem.Truncated or ImageProblem.Corrupt)
        {
            filled = true;
        }
        if (frame.Progressive)
            scan.TransformAll(frame, quant);
        output.Write(frame, markers, image);
        return Info with { Filled = filled };
    }

    /// <summary>Gives all buffers back to the pool.</summary>
    public void Dispose()
    {
        frame.Release();
        output.Dispose();
    }

    void ReadNeeded(ReadOnlySpan<byte> data, CropBox region)
    {
        try
        {
            ReadScans(data, region);
            if (!endIsMissing || !scan.StoppedEarly)
                return;
        }
        catch (ImageDecodeException) when (scan.StoppedEarly)
        {
            // Data that nobody needed may look like a marker where they are damaged.
        }
        // What is wrong, and whether the rest of the image is there, decoding all of it tells.
        ReadHeaders(data);
        ReadScans(data, CropBox.Whole(frame.Width, frame.Height));
    }

    /// <summary>Reads up to the first scan.</summary>
    void ReadHeaders(ReadOnlySpan<byte> data)
    {
        Reset();
        ReadToScan(data);
        if (!frame.Defined)
            throw Corrupt("it has no frame header");
        if (!scan.Any)
            throw new ImageDecodeException(ImageProblem.Truncated, "the file ends before the image data");
    }

    /// <summary>Reads from the first scan to the end of the image.</summary>
    void ReadScans(ReadOnlySpan<byte> data, CropBox region)
    {
        frame.Need(region);
        while (!ended)
        {
            position = scan.Decode(frame, dcTables, acTables, quant, quantDefined, restartInterval, data, position);
            ReadToScan(data);
        }
    }

    void Reset()
    {
        frame.Defined = false;
        scan.Reset();
        markers = default;
        restartInterval = 0;
        position = 2;
        ended = endIsMissing = false;
        Array.Clear(quantDefined);
        for (int i = 0; i < 4; i++)
            dcTables[i].Defined = acTables[i].Defined = false;
    }

    /// <summary>Reads markers until the next scan begins or the image ends.</summary>
    void ReadToScan(ReadOnlySpan<byte> data)
    {
        while (true)
        {
            JpegSegment segment = JpegSegment.Next(data, position);
            position = segment.End;
            endIsMissing = segment.Marker < 0;
            ended = endIsMissing || segment.Marker == JpegSegment.EndOfImage;
            if (endIsMissing)
                CheckCompleteness(data.Length);
            if (ended)
                return;
            if (segment.Length < 0)
                throw CutShort("a header", data.Length);
            if (segment.Length < 2)
            {
                throw Corrupt(FormattableString.Invariant(
                    $"marker FF{segment.Marker:X2} at byte {segment.At} has length {segment.Length}"));
            }
            if (segment.Marker == JpegSegment.StartOfScan)
            {
                scan.Begin(frame, segment.Content);
                return;
            }
            ReadHeader(segment, data.Length);
        }
    }

    /// <summary>Many encoders forget the end marker. What counts is whether the image is complete; behind a scan that was not read
    /// to its end that is still to be found out.</summary>
    void CheckCompleteness(int fileLength)
    {
        bool complete = scan.StoppedEarly || (scan.Any && (frame.Progressive ? frame.HasAllBits() : scan.CoversAll(frame)));
        if (!complete)
            throw CutShort("the image", fileLength);
    }

    /// <summary>The orientation that is told behind <paramref name="position"/> only, among or behind the scans, or 1.</summary>
    static int OrientationBehind(ReadOnlySpan<byte> data, int position)
    {
        while (JpegSegment.Next(data, position) is { Marker: >= 0 and not JpegSegment.EndOfImage, Length: >= 2 } segment)
        {
            if (segment.Marker == JpegSegment.App1 && ExifOrientation.FromApp1(segment.Content) is var found and not 1)
                return found;
            position = segment.End;
        }
        return 1;
    }

    void ReadHeader(JpegSegment header, int fileLength)
    {
        ReadOnlySpan<byte> segment = header.Content;
        switch (header.Marker)
        {
            case 0xC0 or 0xC1 or 0xC2:
                frame.Read(segment, header.Marker == 0xC2, options.MaxPixels, fileLength);
                break;
            case 0xC3 or 0xC5 or 0xC6 or 0xC7 or 0xCB or 0xCD or 0xCE or 0xCF:
                throw new ImageDecodeException(ImageProblem.Unsupported, "lossless and hierarchical JPEG are not read");
            case 0xC9 or 0xCA or 0xCC:
                throw new ImageDecodeException(ImageProblem.Unsupported, "JPEG with arithmetic coding is not read");
            case JpegSegment.QuantTables:
                ReadQuantTables(segment);
                break;
            case JpegSegment.HuffmanTables:
                ReadHuffmanTables(segment);
                break;
            case JpegSegment.RestartInterval:
                if (segment.Length < 2)
                    throw Corrupt("its restart interval is too short");
                restartInterval = segment[0] << 8 | segment[1];
                break;
            case JpegSegment.App0:
                markers.Jfif |= segment.StartsWith("JFIF\0"u8);
                break;
            case JpegSegment.App1:
                if (orientation == 1)
                    orientation = ExifOrientation.FromApp1(segment);
                break;
            case JpegSegment.App14:
                if (segment.Length >= 12 && segment.StartsWith("Adobe"u8))
                    markers.AdobeTransform = (segment[11], true);
                break;
        }
    }

    void ReadQuantTables(ReadOnlySpan<byte> segment)
    {
        while (segment.Length > 0)
        {
            int bytes = segment[0] >> 4 == 0 ? 1 : 2, table = segment[0] & 15;
            if (segment[0] >> 4 > 1 || table > 3 || segment.Length < 1 + 64 * bytes)
                throw Corrupt("a quantisation table is cut short or has an impossible number");
            ReadOnlySpan<byte> values = segment[1..];
            for (int k = 0; k < 64; k++)
                quant[table][EntropyDecoder.Natural[k]] = bytes == 1 ? values[k] : values[2 * k] << 8 | values[2 * k + 1];
            quantDefined[table] = true;
            segment = segment[(1 + 64 * bytes)..];
        }
    }

    void ReadHuffmanTables(ReadOnlySpan<byte> segment)
    {
        while (segment.Length > 0)
        {
            int kind = segment[0] >> 4, table = segment[0] & 15, total = 0;
            if (kind > 1 || table > 3 || segment.Length < 17)
                throw Corrupt("a Huffman table is cut short or has an impossible number");
            foreach (byte count in segment[1..17])
                total += count;
            if (total > 256 || segment.Length < 17 + total)
                throw Corrupt("a Huffman table is cut short");
            HuffmanTable target = (kind == 0 ? dcTables : acTables)[table];
            if (!target.Build(segment[1..17], segment.Slice(17, total)))
                throw Corrupt("a Huffman table is no prefix code");
            segment = segment[(17 + total)..];
        }
    }

    static ImageDecodeException CutShort(string within, int bytes) =>
        new(ImageProblem.Truncated, FormattableString.Invariant($"the file ends within {within}, after {bytes} bytes"));

    static ImageDecodeException Corrupt(string reason) => new(ImageProblem.Corrupt, "the JPEG is damaged: " + reason);
}
