namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>A marker of a JPEG and the segment that belongs to it (T.81, B.1.1).</summary>
/// <param name="marker">Second byte of the marker; -1 where the data end without one.</param>
/// <param name="at">Where the marker begins.</param>
/// <param name="length">The length that the segment gives itself, 2 at least if it is sound; -1 if the data end within it.</param>
/// <param name="content">What the segment holds; nothing if it is not sound.</param>
/// <param name="hasExtraBytes">Bytes before it were passed over.</param>
readonly ref struct JpegSegment(int marker, int at, int length, ReadOnlySpan<byte> content, bool hasExtraBytes)
{
    public const byte FirstFrame = 0xC0, HuffmanTables = 0xC4, FirstRestart = 0xD0, LastRestart = 0xD7, StartOfImage = 0xD8;
    public const byte EndOfImage = 0xD9, StartOfScan = 0xDA, QuantTables = 0xDB, LinesNumber = 0xDC, RestartInterval = 0xDD;
    public const byte App0 = 0xE0, App1 = 0xE1, App14 = 0xEE, App15 = 0xEF, Comment = 0xFE;
    const byte Temporary = 0x01;

    public int Marker => marker;

    public int At => at;

    public int Length => length;

    public ReadOnlySpan<byte> Content { get; } = content;

    public bool HasExtraBytes => hasExtraBytes;

    /// <summary>It holds nothing that decoding depends on behind the first scan.</summary>
    public bool DecidesNothing => marker is (>= App0 and <= App15) or Comment or LinesNumber;

    /// <summary>Where the next one is looked for.</summary>
    public int End => marker is EndOfImage or StartOfImage ? at + 2 : at + 2 + Math.Max(length, 0);

    /// <summary>Finds the next marker, whichever it is, from <paramref name="position"/> on and goes to it: to the last of the FFs that
    /// may fill the place before it, or to the end of the data.</summary>
    /// <param name="data">The file.</param>
    /// <param name="position">Where to look, and then where it is.</param>
    /// <param name="hasExtraBytes">Becomes true if there are other bytes before it.</param>
    /// <returns>Its second byte, or -1 if there is none.</returns>
    public static int Find(ReadOnlySpan<byte> data, ref int position, ref bool hasExtraBytes)
    {
        while (true)
        {
            int skipped = data[position..].IndexOf((byte)0xFF);
            hasExtraBytes |= skipped != 0 && position < data.Length;
            if (skipped < 0)
                break;
            position += skipped;
            int fill = data[position..].IndexOfAnyExcept((byte)0xFF);
            if (fill < 0)
                break;
            position += fill;
            if (data[position] != 0)
                return data[position--];
            hasExtraBytes = true;
        }
        position = data.Length;
        return -1;
    }

    /// <summary>The next marker that has a segment, or begins or ends an image. Codes of a scan before it, and stray bytes, are passed
    /// over.</summary>
    public static JpegSegment Next(ReadOnlySpan<byte> data, int position)
    {
        bool hasExtraBytes = false;
        while (true)
        {
            int marker = Find(data, ref position, ref hasExtraBytes);
            if (marker < 0)
                return new JpegSegment(-1, data.Length, -1, [], hasExtraBytes);
            if (marker is not (Temporary or (>= FirstRestart and <= LastRestart)))
                return Read(data, position, hasExtraBytes);
            position += 2;
        }
    }

    static JpegSegment Read(ReadOnlySpan<byte> data, int at, bool hasExtraBytes)
    {
        ReadOnlySpan<byte> rest = data[(at + 2)..];
        int length = rest.Length >= 2 ? rest[0] << 8 | rest[1] : -1;
        // Nothing needs what such segments hold; where their length cannot be right it is the least that can.
        if (length is 0 or 1 && data[at + 1] is (>= App0 and <= App15) or Comment or LinesNumber)
            length = 2;
        if (length > rest.Length)
            length = -1;
        return new JpegSegment(data[at + 1], at, length, length > 2 ? rest[2..length] : [], hasExtraBytes);
    }
}
