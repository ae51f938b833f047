namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>A marker of a JPEG and the segment that belongs to it (T.81, B.1.1).</summary>
/// <param name="marker">Second byte of the marker; -1 where the data end without one.</param>
/// <param name="at">Where the marker begins.</param>
/// <param name="length">The length that the segment gives itself, 2 at least if it is sound; -1 if the data end within it.</param>
/// <param name="content">What the segment holds; nothing if it is not sound.</param>
readonly ref struct JpegSegment(int marker, int at, int length, ReadOnlySpan<byte> content)
{
    public const byte StartOfImage = 0xD8, EndOfImage = 0xD9, StartOfScan = 0xDA, QuantTables = 0xDB, HuffmanTables = 0xC4;
    public const byte RestartInterval = 0xDD, App0 = 0xE0, App1 = 0xE1, App14 = 0xEE;

    public int Marker => marker;

    public int At => at;

    public int Length => length;

    public ReadOnlySpan<byte> Content { get; } = content;

    /// <summary>Where the next one is looked for.</summary>
    public int End => at + 2 + Math.Max(length, 0);

    /// <summary>The next marker that ends the image or has a segment. Codes of a scan before it, and stray bytes, are passed over,
    /// the latter as every decoder does.</summary>
    public static JpegSegment Next(ReadOnlySpan<byte> data, int position)
    {
        while (position + 1 < data.Length)
        {
            int found = data[position..].IndexOf((byte)0xFF);
            if (found < 0)
                break;
            position += found + 1;
            if (position < data.Length && data[position] is not (0 or 0x01 or (>= 0xD0 and <= StartOfImage) or 0xFF))
                return Read(data, position - 1);
        }
        return new JpegSegment(-1, data.Length, 0, []);
    }

    static JpegSegment Read(ReadOnlySpan<byte> data, int at)
    {
        ReadOnlySpan<byte> rest = data[(at + 2)..];
        int length = rest.Length >= 2 ? rest[0] << 8 | rest[1] : -1;
        if (length > rest.Length)
            length = -1;
        return new JpegSegment(data[at + 1], at, length, length > 2 ? rest[2..length] : []);
    }
}
