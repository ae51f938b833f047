namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>Decodes baseline, extended and progressive Huffman-coded JPEG (ITU-T T.81) of 8 bits into RGB. Samples equal
/// libjpeg-turbo's with its defaults: accurate integer inverse DCT, triangular chroma upsampling, integer colour conversion.
/// Buffers are kept between images. Not thread-safe.</summary>
sealed class JpegDecoder(ImageDecoderOptions options, DecodeBudget budget) : IFormatDecoder
{
    /// <summary>Its row in the table of formats.</summary>
    public static ImageFormat Format { get; } = new("JPEG", Matches, static (options, budget) => new JpegDecoder(options, budget))
    {
        Reads = ["baseline", "extended", "progressive", "grey", "YCbCr", "RGB", "CMYK", "YCCK", "any sampling"],
        Refuses = ["12 bits", "arithmetic coding", "lossless", "hierarchical"],
    };

    readonly JpegTables tables = new();
    readonly JpegFrame frame = new();
    readonly JpegScan scan = new();
    readonly JpegOutput output = new();
    JpegColorMarkers markers;
    int restartInterval;
    int orientation;
    int position;
    bool ended;
    bool endIsMissing;
    bool hasExtraBytes;

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
        if (frame.Collected)
            CoefficientTransform.Apply(frame, budget);
        output.Write(frame, markers, image);
        return Info with { Filled = filled, Warnings = Warnings };
    }

    /// <summary>Gives all buffers back to the pool.</summary>
    public void Dispose()
    {
        frame.Release();
        output.Dispose();
    }

    /// <summary>What was wrong with the part that was read, the end if that was reached.</summary>
    ImageWarnings Warnings => scan.Warnings | (hasExtraBytes ? ImageWarnings.ExtraBytes : ImageWarnings.None)
        | (endIsMissing ? ImageWarnings.NoEndMarker : ImageWarnings.None);

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
        if (frame.Scans == 0)
            throw new ImageDecodeException(ImageProblem.Truncated, "the file ends before the image data");
    }

    /// <summary>Reads from the first scan to the end of the image.</summary>
    void ReadScans(ReadOnlySpan<byte> data, CropBox region)
    {
        frame.Need(region);
        while (!ended)
        {
            position = scan.Decode(frame, restartInterval, data, position, budget);
            ReadToScan(data);
        }
    }

    void Reset()
    {
        frame.Reset();
        scan.Reset();
        tables.Reset();
        markers = default;
        restartInterval = 0;
        position = 2;
        ended = endIsMissing = hasExtraBytes = false;
    }

    /// <summary>Reads markers until the next scan begins or the image ends.</summary>
    void ReadToScan(ReadOnlySpan<byte> data)
    {
        while (true)
        {
            JpegSegment segment = JpegSegment.Next(data, position);
            position = segment.End;
            // What lies behind rows that nobody needs is not known.
            hasExtraBytes |= segment.HasExtraBytes && !scan.StoppedEarly;
            ended = segment.Marker == JpegSegment.EndOfImage;
            // What decides nothing may be cut short like the end marker.
            endIsMissing = segment.Marker < 0 || (segment.DecidesNothing && segment.Length < 0);
            ended |= endIsMissing;
            if (endIsMissing)
                CheckCompleteness(data.Length);
            if (ended)
                return;
            if (segment.Length < 0 && !scan.IsComplete(frame))
                throw CutShort(frame, data.Length);
            if (segment.Length < 2)
            {
                throw Corrupt(FormattableString.Invariant(
                    $"marker FF{segment.Marker:X2} at byte {segment.At} begins nothing of a possible length"));
            }
            if (segment.Marker == JpegSegment.StartOfScan)
            {
                scan.Begin(frame, tables, segment.Content);
                return;
            }
            ReadHeader(segment, data.Length);
        }
    }

    /// <summary>Many encoders forget the end marker. What counts is whether the image is complete; behind a scan that was not read
    /// to its end that is still to be found out.</summary>
    void CheckCompleteness(int fileLength)
    {
        if (!scan.StoppedEarly && !scan.IsComplete(frame))
            throw CutShort(frame, fileLength);
    }

    /// <summary>The orientation that is told behind <paramref name="position"/> only, among or behind the scans, or 1.</summary>
    static int OrientationBehind(ReadOnlySpan<byte> data, int position)
    {
        // A look at every FF of the codes takes longer, and hardly any file has such a segment there.
        if (data[position..].IndexOf((ReadOnlySpan<byte>)[0xFF, JpegSegment.App1]) < 0)
            return 1;
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
                tables.ReadQuantisation(segment);
                break;
            case JpegSegment.HuffmanTables:
                tables.ReadHuffman(segment);
                break;
            case JpegSegment.RestartInterval:
                if (segment.Length != 2)
                    throw Corrupt("its restart interval has the wrong length");
                restartInterval = segment[0] << 8 | segment[1];
                break;
            case >= JpegSegment.App0 and <= JpegSegment.App15:
                ReadApplicationData(header.Marker, segment);
                break;
            default:
                if (header.DecidesNothing)
                    break;
                throw Corrupt(FormattableString.Invariant($"marker FF{header.Marker:X2} at byte {header.At} means nothing there"));
        }
    }

    /// <summary>Colours are what the headers before the first scan say.</summary>
    void ReadApplicationData(int marker, ReadOnlySpan<byte> segment)
    {
        bool first = frame.Scans == 0;
        if (marker == JpegSegment.App1 && orientation == 1)
            orientation = ExifOrientation.FromApp1(segment);
        else if (marker == JpegSegment.App0 && first)
            markers.Jfif |= segment.Length >= 14 && segment.StartsWith("JFIF\0"u8);
        else if (marker == JpegSegment.App14 && first && segment.Length >= 12 && segment.StartsWith("Adobe"u8))
            markers.AdobeTransform = (segment[11], true);
    }

    static ImageDecodeException CutShort(JpegFrame frame, int bytes) =>
        DecodeErrors.Truncated(frame.Scans > 0 ? "the image" : "its headers", bytes);

    /// <summary>An error of what the file holds.</summary>
    public static ImageDecodeException Corrupt(string reason) => new(ImageProblem.Corrupt, "the JPEG is damaged: " + reason);
}
