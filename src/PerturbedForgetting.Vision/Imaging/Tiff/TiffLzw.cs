namespace PerturbedForgetting.Vision.Imaging.Tiff;

/// <summary>LZW with codes of 9 to 12 bits from the highest, which grow one code early.</summary>
sealed class TiffLzw : TiffSource
{
    const int Clear = 256, End = 257, Entries = 4096;

    readonly ushort[] prefix = new ushort[Entries];
    readonly byte[] suffix = new byte[Entries];
    readonly ushort[] length = new ushort[Entries];
    readonly byte[] text = new byte[Entries];
    int textStart, textEnd;
    long bit;
    int width, next, previous;

    public TiffLzw()
    {
        for (int i = 0; i < Clear; i++)
            (suffix[i], length[i]) = ((byte)i, 1);
    }

    public override void Begin(ReadOnlySpan<byte> chunk, TiffLayout layout)
    {
        if (chunk is [0, var second, ..] && (second & 1) != 0)
            throw TiffKinds.Error(TiffKinds.OldLzw);
        bit = textStart = textEnd = 0;
        Reset();
    }

    public override void Read(ReadOnlySpan<byte> chunk, Span<byte> row)
    {
        while (row.Length > 0)
        {
            if (textStart == textEnd)
                Decode(chunk);
            int count = Math.Min(textEnd - textStart, row.Length);
            text.AsSpan(textStart, count).CopyTo(row);
            textStart += count;
            row = row[count..];
        }
    }

    void Reset() => (width, next, previous) = (9, End + 1, -1);

    /// <summary>Reads codes up to one that stands for bytes.</summary>
    void Decode(ReadOnlySpan<byte> chunk)
    {
        int code = Code(chunk);
        for (; code == Clear; code = Code(chunk))
            Reset();
        if (code == End)
            throw Ended();
        if (previous < 0 ? code > Clear : code > next || (code == next && next == Entries))
            throw Corrupt("LZW has a code that stands for nothing");
        if (previous >= 0 && next < Entries)
        {
            // The string of a code that is defined only now begins as the one before.
            (prefix[next], length[next]) = ((ushort)previous, (ushort)(length[previous] + 1));
            suffix[next] = First(code == next ? previous : code);
            if (++next == (1 << width) - 1 && width < 12)
                width++;
        }
        previous = code;
        (textStart, textEnd) = (0, length[code]);
        for (int at = textEnd - 1; at >= 0; at--, code = prefix[code])
            text[at] = suffix[code];
    }

    byte First(int code)
    {
        while (code >= Clear)
            code = prefix[code];
        return (byte)code;
    }

    int Code(ReadOnlySpan<byte> chunk)
    {
        int at = (int)(bit >> 3);
        if (bit + width > chunk.Length * 8L)
            throw Ended();
        // A code touches three bytes at most.
        uint bits = (uint)chunk[at] << 16 | (uint)(at + 1 < chunk.Length ? chunk[at + 1] : 0) << 8
            | (at + 2 < chunk.Length ? chunk[at + 2] : 0u);
        int code = (int)(bits >> (24 - (int)(bit & 7) - width) & ((1u << width) - 1));
        bit += width;
        return code;
    }
}
