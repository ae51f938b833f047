using System.Buffers.Binary;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>Tells files that were cut short from whole ones by their structure alone, because the decoders fill what is
/// missing with black without a word.</summary>
static class Completeness
{
    /// <summary>Whether the file holds all that its headers promise for the first image. Where a format does not tell
    /// (run-length coding), the answer is yes.</summary>
    /// <param name="format">ImageSharp's name of the format.</param>
    /// <param name="data">The whole file.</param>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    public static bool IsWhole(string format, ReadOnlySpan<byte> data, int width, int height) => format switch
    {
        "BMP" => IsWholeBmp(data, width, height),
        "PBM" => IsWholePbm(data, width, height),
        "TGA" => IsWholeTga(data, width, height),
        "Webp" => data.Length >= 8 && BinaryPrimitives.ReadUInt32LittleEndian(data[4..]) + 8L <= data.Length,
        _ => true,
    };

    static bool IsWholeBmp(ReadOnlySpan<byte> data, int width, int height)
    {
        const uint bitFields = 3;
        bool small = data.Length >= 18 && BinaryPrimitives.ReadUInt32LittleEndian(data[14..]) == 12;
        if (data.Length < (small ? 26 : 34))
            return false;
        uint offset = BinaryPrimitives.ReadUInt32LittleEndian(data[10..]);
        int bits = BinaryPrimitives.ReadUInt16LittleEndian(data[(small ? 24 : 28)..]);
        uint compression = small ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(data[30..]);
        long row = ((long)width * bits + 31) / 32 * 4;
        return compression is not (0 or bitFields) || offset + row * height <= data.Length;
    }

    static bool IsWholePbm(ReadOnlySpan<byte> data, int width, int height)
    {
        int kind = data.Length > 2 ? data[1] - '0' : 0;
        if (kind is < 4 or > 6)
            return true;
        int position = 2, largest = 1;
        for (int number = 0; number < (kind == 4 ? 2 : 3); number++)
            largest = ReadNumber(data, ref position);
        long row = kind switch { 4 => (width + 7L) / 8, 5 => width, _ => 3L * width } * (kind > 4 && largest > 255 ? 2 : 1);
        // One white-space character ends the header.
        return position + 1 + row * height <= data.Length;
    }

    static int ReadNumber(ReadOnlySpan<byte> data, ref int position)
    {
        while (position < data.Length && data[position] is < (byte)'0' or > (byte)'9')
        {
            if (data[position] == '#')
            {
                int end = data[position..].IndexOf((byte)'\n');
                position = end < 0 ? data.Length - 1 : position + end;
            }
            position++;
        }
        long number = 0;
        for (; position < data.Length && data[position] is >= (byte)'0' and <= (byte)'9'; position++)
            number = Math.Min(number * 10 + data[position] - '0', int.MaxValue);
        return (int)number;
    }

    static bool IsWholeTga(ReadOnlySpan<byte> data, int width, int height)
    {
        if (data.Length < 18)
            return false;
        bool runLength = data[2] >= 8;
        long palette = (long)BinaryPrimitives.ReadUInt16LittleEndian(data[5..]) * ((data[7] + 7) / 8);
        return runLength || 18 + data[0] + palette + (long)width * height * ((data[16] + 7) / 8) <= data.Length;
    }
}
