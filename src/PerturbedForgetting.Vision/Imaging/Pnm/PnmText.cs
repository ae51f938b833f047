namespace PerturbedForgetting.Vision.Imaging.Pnm;

/// <summary>Reads the decimal numbers of a PNM, between which are white space and comments.</summary>
ref struct PnmText(ReadOnlySpan<byte> data, int position, string within)
{
    readonly ReadOnlySpan<byte> data = data;

    /// <summary>Where the next byte is read: behind the one that ended the last number.</summary>
    public int Position { get; private set; } = position;

    /// <summary>The next number, of at most ten digits; a whole file may end with its last digit.</summary>
    public int Number(bool mayEnd = false)
    {
        byte next = Next();
        long number = 0;
        int digits = 0;
        for (; char.IsAsciiDigit((char)next); next = data[Position++])
        {
            number = number * 10 + next - '0';
            if (++digits > 10)
                throw DecodeErrors.Corrupt("PNM", "a number has more than ten digits");
            if (Position == data.Length)
                return mayEnd ? Clamp(number) : throw DecodeErrors.Truncated(within, data.Length);
        }
        if (digits == 0 || !(IsSpace(next) || next == '#'))
            throw DecodeErrors.Corrupt("PNM", FormattableString.Invariant($"byte {Position - 1} belongs to no number"));
        if (next == '#')
            SkipComment();
        return Clamp(number);
    }

    /// <summary>The next digit of a plain PBM, which needs no space behind it.</summary>
    public bool Bit() => Next() switch
    {
        (byte)'0' => false,
        (byte)'1' => true,
        _ => throw DecodeErrors.Corrupt("PNM", FormattableString.Invariant($"byte {Position - 1} is neither 0 nor 1")),
    };

    /// <summary>The rest of the line.</summary>
    public ReadOnlySpan<byte> Line()
    {
        int length = data[Position..].IndexOf((byte)'\n');
        if (length < 0)
            throw DecodeErrors.Truncated(within, data.Length);
        ReadOnlySpan<byte> line = data.Slice(Position, length);
        Position += length + 1;
        return line.Trim(" \t\r"u8);
    }

    /// <summary>The next byte that is neither space nor comment.</summary>
    byte Next()
    {
        while (Position < data.Length)
        {
            byte next = data[Position++];
            if (next == '#')
                SkipComment();
            else if (!IsSpace(next))
                return next;
        }
        throw DecodeErrors.Truncated(within, data.Length);
    }

    void SkipComment()
    {
        int end = data[Position..].IndexOfAny("\r\n"u8);
        Position = end < 0 ? data.Length : Position + end + 1;
    }

    static int Clamp(long number) => (int)Math.Min(number, int.MaxValue);

    static bool IsSpace(byte value) => value is (byte)' ' or (>= 9 and <= 13);
}
