namespace PerturbedForgetting.Vision.Imaging.Tiff;

/// <summary>CCITT's coding of bilevel images (T.4 and T.6): runs of a row, or changes against the row above. A row is kept as the
/// places where its colour changes, beginning with the one to black; black pixels are bits that are 1.</summary>
sealed class TiffFax(TiffCompression compression) : TiffSource
{
    const int TwoDimensional = 1, Horizontal = 100, Pass = 101;

    /// <summary>Places behind the last change that repeat the width, so that looking ahead needs no test.</summary>
    const int Sentinels = 4;

    int[] above = [], current = [];
    int width, count;
    long bit;
    bool twoDimensional;

    public override void Begin(ReadOnlySpan<byte> chunk, TiffLayout layout)
    {
        (width, bit) = (layout.ChunkWidth, 0);
        twoDimensional = (layout.FaxOptions & TwoDimensional) != 0;
        PooledBuffer.Ensure(ref above, width + 2 + Sentinels);
        PooledBuffer.Ensure(ref current, width + 2 + Sentinels);
        above.AsSpan(0, Sentinels).Fill(width);
    }

    public override void Read(ReadOnlySpan<byte> chunk, Span<byte> row)
    {
        bool alone = compression switch
        {
            TiffCompression.FaxRuns => AlignToByte(),
            TiffCompression.FaxGroup3 => PassEndOfLine(chunk),
            _ => false,
        };
        count = 0;
        if (alone)
            ReadRuns(chunk);
        else
            ReadChanges(chunk);
        current.AsSpan(count, Sentinels).Fill(width);
        Paint(row);
        (above, current) = (current, above);
    }

    public override void Dispose()
    {
        PooledBuffer.Release(ref above);
        PooledBuffer.Release(ref current);
    }

    bool AlignToByte()
    {
        bit = bit + 7 & ~7L;
        return true;
    }

    /// <summary>Passes over the mark between rows and the zeros that may fill up before it; returns whether the row is coded without
    /// the one above.</summary>
    bool PassEndOfLine(ReadOnlySpan<byte> chunk)
    {
        if (Peek(chunk, 11) != 0)
            return !twoDimensional;
        while (Peek(chunk, 1) == 0)
            Consume(chunk, 1);
        Consume(chunk, 1);
        bool alone = true;
        if (twoDimensional)
        {
            alone = Peek(chunk, 1) != 0;
            Consume(chunk, 1);
        }
        return Peek(chunk, 12) == 1 ? throw Ended() : alone;
    }

    void ReadRuns(ReadOnlySpan<byte> chunk)
    {
        int at = 0;
        for (bool black = false; at < width; black = !black)
            Change(at += Run(chunk, black), at);
    }

    void ReadChanges(ReadOnlySpan<byte> chunk)
    {
        // b is the first change above to the right of a0 from this row's colour to the other one.
        int a0 = -1, b = 0;
        bool black = false;
        while (a0 < width)
        {
            while (above[b] <= a0 && above[b] < width)
                b += 2;
            int mode = Mode(chunk);
            if (mode == Pass)
            {
                a0 = above[b + 1];
            }
            else if (mode == Horizontal)
            {
                int a1 = Math.Max(a0, 0) + Run(chunk, black);
                Change(a1, a1);
                a0 = a1 + Run(chunk, !black);
                Change(a0, a1);
            }
            else
            {
                int a1 = above[b] + mode;
                Change(a1, Math.Max(a0, 0));
                a0 = a1;
                black = !black;
                b += b > 0 ? -1 : 1;
            }
        }
    }

    void Change(int at, int least)
    {
        if (at < least || at > width || count > width)
            throw Corrupt("a row of a CCITT image has more pixels than the image is wide");
        current[count++] = at;
    }

    /// <summary>How far the next change is from the one above, -3 to 3, or what else stands there.</summary>
    int Mode(ReadOnlySpan<byte> chunk)
    {
        int bits = Peek(chunk, 7);
        (int mode, int length) = bits switch
        {
            >= 0b1000000 => (0, 1),
            >= 0b0110000 => (1, 3),
            >= 0b0100000 => (-1, 3),
            >= 0b0010000 => (Horizontal, 3),
            >= 0b0001000 => (Pass, 4),
            >= 0b0000110 => (2, 6),
            >= 0b0000100 => (-2, 6),
            3 => (3, 7),
            2 => (-3, 7),
            1 => throw TiffKinds.Error(TiffKinds.FaxUncompressed),
            _ => throw Ended(),
        };
        Consume(chunk, length);
        return mode;
    }

    /// <summary>The length of a run: any number of parts of 64 and more, then one below.</summary>
    int Run(ReadOnlySpan<byte> chunk, bool black)
    {
        ReadOnlySpan<ushort> codes = black ? TiffFaxCodes.Black : TiffFaxCodes.White;
        for (int run = 0; run <= width;)
        {
            int code = codes[Peek(chunk, TiffFaxCodes.LongestCode)], part = code >> 4;
            if (code == 0)
                throw bit + TiffFaxCodes.LongestCode > chunk.Length * 8L ? Ended() : Corrupt("CCITT has a code that stands for no run");
            Consume(chunk, code & 15);
            run += part;
            if (part < 64)
                return run;
        }
        throw Corrupt("a run of a CCITT image is longer than a row");
    }

    /// <summary>The next bits, without passing over them; 0 behind the end.</summary>
    int Peek(ReadOnlySpan<byte> chunk, int bits)
    {
        int at = (int)(bit >> 3);
        uint value = 0;
        for (int i = 0; i < 3; i++)
            value = value << 8 | (at + i < chunk.Length ? chunk[at + i] : 0u);
        return (int)(value >> (24 - (int)(bit & 7) - bits) & ((1u << bits) - 1));
    }

    void Consume(ReadOnlySpan<byte> chunk, int bits)
    {
        bit += bits;
        if (bit > chunk.Length * 8L)
            throw Ended();
    }

    void Paint(Span<byte> row)
    {
        row.Clear();
        for (int i = 0; i < count; i += 2)
            Fill(row, current[i], current[i + 1]);
    }

    static void Fill(Span<byte> row, int from, int to)
    {
        if (from >= to)
            return;
        int first = from >> 3, last = (to - 1) >> 3;
        byte head = (byte)(0xFF >> (from & 7)), tail = (byte)(0xFF << (7 - ((to - 1) & 7)));
        if (first == last)
        {
            row[first] |= (byte)(head & tail);
            return;
        }
        row[first] |= head;
        row[(first + 1)..last].Fill(0xFF);
        row[last] |= tail;
    }
}
