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

    static int FromTiff(ReadOnlySpan<byte> tiff)
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
