namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>Estimates coefficients that no scan of a progressive JPEG has brought to full precision from the first coefficients of
/// 5 x 5 blocks, so that an image shown before its last scans has no hard edges between blocks: the method of T.81, K.8, with
/// libjpeg-turbo's larger window and its integer weights (256 times what they stand for).</summary>
static class BlockSmoothing
{
    const int Window = 25, Center = 12;

    /// <summary>Places of the estimated coefficients, in zigzag order from the second on.</summary>
    static ReadOnlySpan<byte> Places => [1, 8, 16, 9, 2, 3, 10, 17, 24];

    /// <summary>Weights of the window, row by row, where a block has nothing but its first coefficient: for each estimated one, and
    /// last for the first coefficient itself.</summary>
    static ReadOnlySpan<short> Alone =>
    [
        -1, -1, 0, 1, 1, -3, 13, 0, -13, 3, -3, 38, 0, -38, 3, -3, 13, 0, -13, 3, -1, -1, 0, 1, 1,
        -1, -3, -3, -3, -1, -1, 13, 38, 13, -1, 0, 0, 0, 0, 0, 1, -13, -38, -13, 1, 1, 3, 3, 3, 1,
        0, 0, 1, 0, 0, 0, 2, 7, 2, 0, 0, -5, -14, -5, 0, 0, 2, 7, 2, 0, 0, 0, 1, 0, 0,
        -1, 0, 0, 0, 1, 0, 9, 0, -9, 0, 0, 0, 0, 0, 0, 0, -9, 0, 9, 0, 1, 0, 0, 0, -1,
        0, 0, 0, 0, 0, 0, 2, -5, 2, 0, 1, 7, -14, 7, 1, 0, 2, -5, 2, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 1, 0, -1, 0, 0, 2, 0, -2, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 1, -3, 1, 0, 0, 0, 0, 0, 0, 0, -1, 3, -1, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 1, 0, -1, 0, 0, -3, 0, 3, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, -1, -2, -1, 0, 0, 0, 0, 0, 0,
        -2, -6, -8, -6, -2, -6, 6, 42, 6, -6, -8, 42, 152, 42, -8, -6, 6, 42, 6, -6, -2, -6, -8, -6, -2,
    ];

    /// <summary>The same where scans have brought some of the other coefficients: five are estimated then, the first is kept.</summary>
    static ReadOnlySpan<short> BesideOthers =>
    [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -7, 50, 0, -50, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, -7, 0, 0, 0, 0, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0, -50, 0, 0, 0, 0, 7, 0, 0,
        0, 0, -1, 0, 0, 0, 0, 13, 0, 0, 0, 0, -24, 0, 0, 0, 0, 13, 0, 0, 0, 0, -1, 0, 0,
        0, -1, 0, 1, 0, -1, 10, 0, -10, 1, 0, 0, 0, 0, 0, 1, -10, 0, 10, -1, 0, 1, 0, -1, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 13, -24, 13, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    /// <summary>Whether there is something to estimate, and whereof: the first coefficients of all components at least in part, and
    /// no divisor zero.</summary>
    public static bool IsUseful(JpegFrame frame)
    {
        bool useful = false;
        foreach (JpegComponent component in frame.Components)
        {
            ReadOnlySpan<short> divisors = component.Quantisation;
            bool possible = component.Progress.Lowest[0] != JpegProgress.None && divisors[0] != 0;
            foreach (byte place in Places)
                possible &= divisors[place] != 0;
            if (!possible)
                return false;
            useful |= component.Progress.Lowest[1..JpegProgress.Smoothed].ContainsAnyExcept(0);
        }
        return frame.Progressive && useful;
    }

    /// <summary>Writes the block at (<paramref name="x"/>, <paramref name="y"/>) to <paramref name="target"/> with what is
    /// estimated.</summary>
    public static void Apply(JpegFrame frame, JpegComponent component, int x, int y, Span<short> target)
    {
        component.Block(x, y).CopyTo(target);
        Span<int> window = stackalloc int[Window];
        Neighbours(component, x, y, window);
        // Rows that the last scan did not reach are as the scans before left them.
        bool reached = frame.Scans == 1 || y / component.RowsOfMcu <= frame.LastGoodRow;
        ReadOnlySpan<int> lowest = reached ? component.Progress.Lowest : component.Progress.LowestBefore;
        bool alone = !lowest[1..JpegProgress.Smoothed].ContainsAnyExcept(JpegProgress.None);
        ReadOnlySpan<short> divisors = component.Quantisation, weights = alone ? Alone : BesideOthers;
        long first = (ushort)divisors[0];
        int estimated = weights.Length / Window;
        for (int i = 0; i < estimated && i < Places.Length; i++)
        {
            int place = Places[i], low = lowest[i + 1];
            if (low == 0 || target[place] != 0)
                continue;
            long most = low > 0 ? (1L << low) - 1 : long.MaxValue;
            target[place] = (short)Rounded(first * Sum(weights, i, window), (ushort)divisors[place], most);
        }
        if (alone)
            target[0] = (short)Rounded(first * Sum(weights, Places.Length, window), first, long.MaxValue);
    }

    /// <summary>Divides by 256 x <paramref name="divisor"/>, halves away from zero, and keeps the size within bounds.</summary>
    static int Rounded(long sum, long divisor, long most)
    {
        int size = (int)(((divisor << 7) + Math.Abs(sum)) / (divisor << 8));
        size = (int)Math.Min(size, most);
        return sum >= 0 ? size : -size;
    }

    static int Sum(ReadOnlySpan<short> weights, int number, ReadOnlySpan<int> window)
    {
        int sum = 0;
        for (int i = 0; i < Window; i++)
            sum += weights[number * Window + i] * window[i];
        return sum;
    }

    /// <summary>The first coefficients of 5 x 5 blocks. Beyond the borders there are copies of the blocks before them; which ones
    /// count as beyond is libjpeg's choice, and depends on how it keeps rows of MCUs.</summary>
    static void Neighbours(JpegComponent component, int x, int y, Span<int> window)
    {
        int wide = (component.Width + 7) / 8, high = (component.Height + 7) / 8, rows = component.RowsOfMcu;
        int mcu = y / rows, lastMcu = (high - 1) / rows, row = y % rows;
        int rowsHere = mcu < lastMcu ? rows : high - lastMcu * rows;
        int above = row > 0 || mcu > 0 ? y - 1 : y, below = row < rowsHere - 1 || mcu < lastMcu ? y + 1 : y;
        Span<int> lines =
        [
            row > 1 || mcu > 1 ? y - 2 : above, above, y, below, row < rowsHere - 2 || mcu + 1 < lastMcu ? y + 2 : below,
        ];
        for (int column = 0; column < 5; column++)
        {
            int from = Math.Clamp(x + column - 2, 0, wide - 1);
            // Beyond the right one of only two columns libjpeg sees the left one.
            if (wide == 2 && x + column - 2 > 1)
                from = 0;
            for (int line = 0; line < 5; line++)
                window[line * 5 + column] = component.Block(from, lines[line])[0];
        }
    }
}
