using System.Buffers.Binary;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>Reads the orientation tag of an EXIF block. Whatever is wrong with the block, the answer is 1 (upright):
/// metadata never decide whether an image can be used.</summary>
static class ExifOrientation
{
    const ushort OrientationTag = 0x0112;

    /// <summary>The orientation in a JPEG APP1 payload, 1 to 8.</summary>
    public static int FromApp1(ReadOnlySpan<byte> payload) =>
        payload.StartsWith("Exif\0\0"u8) ? FromTiff(payload[6..]) : 1;

    /// <summary>The orientation in a block of EXIF data, with or without the name in front of it that JPEG demands.</summary>
    public static int FromBlock(ReadOnlySpan<byte> block) => FromTiff(block.StartsWith("Exif\0\0"u8) ? block[6..] : block);

    /// <summary>The pixel of a stored image of <paramref name="width"/> x <paramref name="height"/> pixels that an orientation
    /// shows at column <paramref name="x"/> of row <paramref name="y"/>.</summary>
    public static (int X, int Y) Source(int orientation, int x, int y, int width, int height) => orientation switch
    {
        2 => (width - 1 - x, y),
        3 => (width - 1 - x, height - 1 - y),
        4 => (x, height - 1 - y),
        5 => (y, x),
        6 => (y, height - 1 - x),
        7 => (width - 1 - y, height - 1 - x),
        8 => (width - 1 - y, x),
        _ => (x, y),
    };

    /// <summary>The part of the stored image that an orientation shows as <paramref name="box"/>.</summary>
    public static CropBox Source(int orientation, CropBox box, int width, int height)
    {
        (int x0, int y0) = Source(orientation, box.Left, box.Top, width, height);
        (int x1, int y1) = Source(orientation, box.Left + box.Width - 1, box.Top + box.Height - 1, width, height);
        return new CropBox(Math.Min(y0, y1), Math.Min(x0, x1), Math.Abs(y1 - y0) + 1, Math.Abs(x1 - x0) + 1);
    }

    /// <summary>Whether an orientation exchanges width and height.</summary>
    public static bool IsTransposed(int orientation) => orientation >= 5;

    /// <summary>The orientation in a TIFF directory, as PNG and WebP hold it.</summary>
    public static int FromTiff(ReadOnlySpan<byte> tiff)
    {
        if (tiff.Length < 8)
            return 1;
        bool little = tiff[0] == 'I';
        uint offset = UInt32(tiff[4..], little);
        if (offset > (uint)tiff.Length - 2)
            return 1;
        ReadOnlySpan<byte> directory = tiff[(int)offset..];
        int entries = UInt16(directory, little);
        directory = directory[2..];
        for (int i = 0; i < entries && directory.Length >= 12; i++, directory = directory[12..])
        {
            if (UInt16(directory, little) != OrientationTag)
                continue;
            int value = UInt16(directory[8..], little);
            return value is >= 1 and <= 8 ? value : 1;
        }
        return 1;
    }

    static ushort UInt16(ReadOnlySpan<byte> bytes, bool little) =>
        little ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);

    static uint UInt32(ReadOnlySpan<byte> bytes, bool little) =>
        little ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt32BigEndian(bytes);
}
