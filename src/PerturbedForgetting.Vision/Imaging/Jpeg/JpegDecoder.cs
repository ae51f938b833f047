namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>Decodes baseline, extended and progressive Huffman-coded JPEG (ITU-T T.81) of 8 bits into RGB. Samples equal
/// libjpeg-turbo's with its defaults: accurate integer inverse DCT, triangular chroma upsampling, integer colour conversion.
/// Buffers are kept between images. Not thread-safe.</summary>
sealed class JpegDecoder : IDisposable
{
    const byte StartOfImage = 0xD8, EndOfImage = 0xD9, StartOfScan = 0xDA, QuantTables = 0xDB, HuffmanTables = 0xC4;
    const byte RestartInterval = 0xDD, App0 = 0xE0, App1 = 0xE1, App14 = 0xEE;

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
    bool ended;
    bool filled;
    bool whole;
    int regionOrientation;

    /// <summary>Whether the bytes begin like a JPEG.</summary>
    public static bool Matches(ReadOnlySpan<byte> data) => data is [0xFF, StartOfImage, 0xFF, ..];

    /// <summary>Decodes the first image in <paramref name="data"/>, or the part of it that <paramref name="region"/> names
    /// for its size as shown; the other pixels are undefined then.</summary>
    /// <exception cref="ImageDecodeException">The data are damaged, cut short, too large, or of an unsupported kind.</exception>
    public DecodedImage Decode(ReadOnlySpan<byte> data, RgbImage image, ImageDecoderOptions options, Func<int, int, CropBox>? region)
    {
        whole = region is null;
        try
        {
            ReadNeeded(data, options, region);
        }
        catch (ImageDecodeException e) when (options.FillTruncated && scan.Any && e.Problem is ImageProblem.Truncated or ImageProblem.Corrupt)
        {
            filled = true;
        }
        if (!frame.Defined)
            throw Corrupt("it has no frame header");
        if (frame.Progressive)
            scan.TransformAll(frame, quant);
        output.Write(frame, markers, image);
        ImageColor color = frame.Count switch { 1 => ImageColor.Grey, 4 => ImageColor.Cmyk, _ => ImageColor.Rgb };
        return new DecodedImage(frame.Width, frame.Height, "JPEG", color, orientation, filled);
    }

    /// <summary>Gives all buffers back to the pool.</summary>
    public void Dispose()
    {
        frame.Release();
        output.Dispose();
    }

    void ReadNeeded(ReadOnlySpan<byte> data, ImageDecoderOptions options, Func<int, int, CropBox>? region)
    {
        try
        {
            ReadAll(data, options, region);
            // An orientation that is told only behind the image shows another part of it.
            if (whole || !options.ApplyExifOrientation || orientation == regionOrientation)
                return;
        }
        catch (ImageDecodeException) when (scan.StoppedEarly)
        {
            // Data that nobody needed may look like a marker where they are damaged. What is wrong, decoding all of them tells.
        }
        whole = true;
        ReadAll(data, options, region);
    }

    void ReadAll(ReadOnlySpan<byte> data, ImageDecoderOptions options, Func<int, int, CropBox>? region)
    {
        Reset();
        int position = 2;
        while (!ended)
            position = ReadSegment(data, position, options, region);
        if (frame.Defined && !scan.Any)
            throw new ImageDecodeException(ImageProblem.Truncated, "the file ends before the image data");
    }

    void Reset()
    {
        frame.Defined = false;
        scan.Reset();
        markers = default;
        restartInterval = 0;
        orientation = 1;
        ended = filled = false;
        Array.Clear(quantDefined);
        for (int i = 0; i < 4; i++)
            dcTables[i].Defined = acTables[i].Defined = false;
    }

    /// <summary>Reads one marker and what belongs to it; returns the position behind it.</summary>
    int ReadSegment(ReadOnlySpan<byte> data, int position, ImageDecoderOptions options, Func<int, int, CropBox>? region)
    {
        int at = FindMarker(data, position);
        if (at < 0)
        {
            if (scan.StoppedEarly)
            {
                // Whether the rest of the image is there, only decoding it can tell.
                Reset();
                whole = true;
                return 2;
            }
            // Many encoders forget the end marker. What counts is whether the image is complete.
            if (!scan.Any || (frame.Progressive ? !frame.HasAllBits() : !scan.CoversAll(frame)))
                throw new ImageDecodeException(ImageProblem.Truncated, FormattableString.Invariant($"the file ends within the image, after {data.Length} bytes"));
            ended = true;
            return data.Length;
        }
        byte marker = data[at];
        position = at + 1;
        if (marker == EndOfImage)
        {
            ended = true;
            return position;
        }
        if (marker is StartOfImage or 0x01 or (>= 0xD0 and <= 0xD7))
            return position;
        int length = position + 2 <= data.Length ? data[position] << 8 | data[position + 1] : 0;
        if (position + Math.Max(length, 2) > data.Length)
            throw new ImageDecodeException(ImageProblem.Truncated, FormattableString.Invariant($"the file ends within a header, after {data.Length} bytes"));
        if (length < 2)
            throw Corrupt(FormattableString.Invariant($"marker FF{marker:X2} at byte {at - 1} has length {length}"));
        ReadOnlySpan<byte> segment = data.Slice(position + 2, length - 2);
        position += length;
        if (marker != StartOfScan)
        {
            ReadHeader(marker, segment, data.Length, options);
            return position;
        }
        bool first = !scan.Any;
        scan.Begin(frame, segment);
        if (first)
            frame.Need(whole ? CropBox.Whole(frame.Width, frame.Height) : Stored(region!, options.ApplyExifOrientation));
        return scan.Decode(frame, dcTables, acTables, quant, quantDefined, restartInterval, data, position);
    }

    /// <summary>The needed part of the image as it is stored.</summary>
    CropBox Stored(Func<int, int, CropBox> region, bool applyOrientation)
    {
        regionOrientation = orientation;
        int turn = applyOrientation ? orientation : 1;
        (int width, int height) = ExifOrientation.IsTransposed(turn) ? (frame.Height, frame.Width) : (frame.Width, frame.Height);
        return ExifOrientation.Source(turn, region(width, height).Within(width, height), frame.Width, frame.Height);
    }

    void ReadHeader(byte marker, ReadOnlySpan<byte> segment, int fileLength, ImageDecoderOptions options)
    {
        switch (marker)
        {
            case 0xC0 or 0xC1 or 0xC2:
                frame.Read(segment, marker == 0xC2, options.MaxPixels, fileLength);
                break;
            case 0xC3 or 0xC5 or 0xC6 or 0xC7 or 0xCB or 0xCD or 0xCE or 0xCF:
                throw new ImageDecodeException(ImageProblem.Unsupported, "lossless and hierarchical JPEG are not read");
            case 0xC9 or 0xCA or 0xCC:
                throw new ImageDecodeException(ImageProblem.Unsupported, "JPEG with arithmetic coding is not read");
            case QuantTables:
                ReadQuantTables(segment);
                break;
            case HuffmanTables:
                ReadHuffmanTables(segment);
                break;
            case RestartInterval:
                if (segment.Length < 2)
                    throw Corrupt("its restart interval is too short");
                restartInterval = segment[0] << 8 | segment[1];
                break;
            case App0:
                markers.Jfif |= segment.StartsWith("JFIF\0"u8);
                break;
            case App1:
                if (orientation == 1)
                    orientation = ExifOrientation.FromApp1(segment);
                break;
            case App14:
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

    /// <summary>Position of the next marker's second byte, or -1. Stray bytes between segments are passed over, as every
    /// decoder does.</summary>
    static int FindMarker(ReadOnlySpan<byte> data, int position)
    {
        while (position + 1 < data.Length)
        {
            int found = data[position..].IndexOf((byte)0xFF);
            if (found < 0)
                return -1;
            position += found + 1;
            if (position < data.Length && data[position] is not (0 or 0xFF))
                return position;
        }
        return -1;
    }

    static ImageDecodeException Corrupt(string reason) => new(ImageProblem.Corrupt, "the JPEG is damaged: " + reason);
}
