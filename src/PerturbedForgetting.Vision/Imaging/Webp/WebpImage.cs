using System.Buffers.Binary;

namespace PerturbedForgetting.Vision.Imaging.Webp;

/// <summary>What the pieces of a WebP say of its image, or of the first frame of its animation.</summary>
/// <param name="Width">Width of the canvas in pixels.</param>
/// <param name="Height">Height of the canvas in pixels.</param>
/// <param name="Frame">Where in the canvas the coded image lies.</param>
/// <param name="Position">Where its piece begins in the file, with the piece's own header.</param>
/// <param name="Length">The bytes of that piece.</param>
/// <param name="Orientation">EXIF orientation, 1 to 8.</param>
readonly record struct WebpImage(int Width, int Height, CropBox Frame, int Position, int Length, int Orientation)
{
    public const int RiffHeader = 12, ChunkHeader = 8;

    const int FrameHeader = 16;

    /// <summary>Reads the pieces of a whole file.</summary>
    public static WebpImage Read(ReadOnlySpan<byte> data)
    {
        long end = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]) + (long)ChunkHeader;
        if (end > data.Length)
            throw DecodeErrors.Truncated("the image", data.Length);
        if (end < RiffHeader)
            throw Corrupt("its length is too small");
        ReadOnlySpan<byte> file = data[..(int)end];
        int orientation = Find(file, RiffHeader, "EXIF"u8, default) is >= 0 and int exif
            ? ExifOrientation.FromBlock(Content(file, exif)) : 1;
        int frame = Find(file, RiffHeader, "ANMF"u8, default), extended = Find(file, RiffHeader, "VP8X"u8, default);
        if (extended != RiffHeader)
            frame = -1;
        ReadOnlySpan<byte> frameContent = frame < 0 ? [] : Content(file, frame);
        if (frame >= 0 && frameContent.Length < FrameHeader)
            throw Corrupt("its first frame is cut short");
        int coded = frame < 0 ? Find(file, RiffHeader, "VP8 "u8, "VP8L"u8)
            : Find(file[..(frame + ChunkHeader + frameContent.Length)], frame + ChunkHeader + FrameHeader, "VP8 "u8, "VP8L"u8);
        if (coded < 0)
            throw Corrupt("it holds no image");
        (int width, int height) = CodedSize(file, coded);
        var place = new CropBox(0, 0, height, width);
        if (frame >= 0)
            place = place with { Left = 2 * Number24(frameContent), Top = 2 * Number24(frameContent[3..]) };
        (int canvasWidth, int canvasHeight) = extended == RiffHeader ? CanvasSize(Content(file, extended)) : (width, height);
        bool fits = frame < 0 ? (width, height) == (canvasWidth, canvasHeight)
            : (width, height) == (1 + Number24(frameContent[6..]), 1 + Number24(frameContent[9..]))
                && place.Left + width <= canvasWidth && place.Top + height <= canvasHeight;
        if (!fits || width == 0 || height == 0)
            throw Corrupt("its headers give different sizes");
        ImageLimits.CheckCanvas(canvasWidth, canvasHeight, width, height);
        return new WebpImage(canvasWidth, canvasHeight, place, coded, ChunkHeader + Content(file, coded).Length, orientation);
    }

    /// <summary>Where the first piece of one of two kinds begins, or -1.</summary>
    static int Find(ReadOnlySpan<byte> file, long at, ReadOnlySpan<byte> kind, ReadOnlySpan<byte> other)
    {
        while (at + ChunkHeader <= file.Length)
        {
            ReadOnlySpan<byte> piece = file[(int)at..];
            if (piece.StartsWith(kind) || (!other.IsEmpty && piece.StartsWith(other)))
                return (int)at;
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(piece[4..]);
            at += ChunkHeader + length + (length & 1);
        }
        return -1;
    }

    static ReadOnlySpan<byte> Content(ReadOnlySpan<byte> file, int at)
    {
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(file[(at + 4)..]);
        return length <= file.Length - at - ChunkHeader ? file.Slice(at + ChunkHeader, (int)length)
            : throw Corrupt("one of its pieces is longer than the file");
    }

    static (int Width, int Height) CanvasSize(ReadOnlySpan<byte> content) => content.Length < 10 ? throw Corrupt("its header is cut short")
        : (1 + Number24(content[4..]), 1 + Number24(content[7..]));

    static (int Width, int Height) CodedSize(ReadOnlySpan<byte> file, int at)
    {
        var reader = new ByteReader(Content(file, at), "the image");
        if (file[at + 3] == 'L')
        {
            reader.Skip(1);
            uint sides = reader.UInt32();
            return ((int)(sides & 0x3FFF) + 1, (int)(sides >> 14 & 0x3FFF) + 1);
        }
        reader.Skip(6);
        return (reader.UInt16() & 0x3FFF, reader.UInt16() & 0x3FFF);
    }

    static int Number24(ReadOnlySpan<byte> bytes) => bytes[0] | bytes[1] << 8 | bytes[2] << 16;

    static ImageDecodeException Corrupt(string reason) => DecodeErrors.Corrupt("WebP", reason);
}
