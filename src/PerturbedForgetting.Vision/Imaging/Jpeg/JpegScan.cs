namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>Decodes scans (T.81, B.2.3): sequential ones straight into samples, progressive ones into coefficients.</summary>
sealed class JpegScan
{
    readonly JpegComponent[] components = new JpegComponent[4];
    readonly short[] block = new short[64];
    Spectrum spectrum;
    int count;
    int endRun;
    int seen;

    /// <summary>A scan has begun.</summary>
    public bool Any { get; private set; }

    /// <summary>A scan was left behind the last row that is needed.</summary>
    public bool StoppedEarly { get; private set; }

    /// <summary>Whether the sequential scans so far reached every component.</summary>
    public bool CoversAll(JpegFrame frame) => seen == (1 << frame.Count) - 1;

    /// <summary>Forgets the scans of the image before.</summary>
    public void Reset() => (Any, StoppedEarly, seen) = (false, false, 0);

    /// <summary>Reads the scan's header.</summary>
    public void Begin(JpegFrame frame, ReadOnlySpan<byte> segment)
    {
        if (!frame.Defined)
            throw Corrupt("a scan comes before the frame header");
        count = segment.Length > 0 ? segment[0] : 0;
        if (count is < 1 or > 4 || count > frame.Count || segment.Length < 4 + 2 * count)
            throw Corrupt("a scan header is cut short or names too many components");
        for (int i = 0; i < count; i++)
        {
            JpegComponent component = frame.Find(segment[1 + 2 * i])
                ?? throw Corrupt($"a scan names component {segment[1 + 2 * i]}, which the frame does not have");
            if (components.AsSpan(0, i).Contains(component))
                throw Corrupt($"a scan names component {component.Id} twice");
            component.DcTable = segment[2 + 2 * i] >> 4;
            component.AcTable = segment[2 + 2 * i] & 15;
            if (component.DcTable > 3 || component.AcTable > 3)
                throw Corrupt("a scan names an impossible Huffman table");
            components[i] = component;
        }
        segment = segment[(1 + 2 * count)..];
        spectrum = frame.Progressive
            ? new Spectrum(segment[0], segment[1], segment[2] >> 4, segment[2] & 15)
            : new Spectrum(0, 63, 0, 0);
        if (frame.Progressive)
            CheckProgression();
        Any = true;
    }

    /// <summary>Decodes the data of the scan just begun, a sequential one as far as it is needed; returns the position behind
    /// them.</summary>
    public int Decode(
        JpegFrame frame, HuffmanTable[] dc, HuffmanTable[] ac, int[][] quant, bool[] quantDefined, int restartInterval,
        ReadOnlySpan<byte> data, int position)
    {
        CheckTables(dc, ac, quantDefined);
        JpegComponent first = components[0];
        int wide = count > 1 ? frame.McusWide : (first.Width + 7) / 8;
        int high = count > 1 ? frame.McusHigh : (first.Height + 7) / 8;
        if (!frame.Progressive && NeededRows() < high)
            (high, StoppedEarly) = (NeededRows(), true);
        var reader = new EntropyReader(data, position);
        StartInterval();
        int untilRestart = restartInterval, restarts = 0;
        for (int y = 0; y < high; y++)
        {
            for (int x = 0; x < wide; x++)
            {
                if (restartInterval > 0 && untilRestart-- == 0)
                {
                    reader.Restart(FindRestart(data, reader.Position, restarts++));
                    StartInterval();
                    untilRestart = restartInterval - 1;
                }
                bool good = frame.Progressive ? ProgressiveMcu(ref reader, x, y, dc, ac) : SequentialMcu(ref reader, x, y, dc, ac, quant);
                if (reader.Overread)
                    throw CutShort(data, reader.Position);
                if (!good)
                    throw Corrupt(FormattableString.Invariant($"bad code before byte {reader.Position}"));
            }
        }
        for (int i = 0; i < count; i++)
            seen |= 1 << frame.Components.IndexOf(components[i]);
        return reader.Position;
    }

    /// <summary>Transforms the coefficients of a progressive frame into samples.</summary>
    public void TransformAll(JpegFrame frame, int[][] quant)
    {
        foreach (JpegComponent component in frame.Components)
        {
            int[] table = quant[component.QuantTable];
            for (int y = component.Rows.Begin / 8; y < component.Rows.End / 8; y++)
            {
                for (int x = component.Columns.Begin / 8; x < component.Columns.End / 8; x++)
                    InverseDct.Transform(component.Block(x, y), table, Samples(component, x, y), component.Stride);
            }
        }
    }

    /// <summary>Rows of MCUs down to the last that is needed.</summary>
    int NeededRows()
    {
        int rows = 0;
        foreach (JpegComponent component in components.AsSpan(0, count))
        {
            int high = count > 1 ? component.V * 8 : 8;
            rows = Math.Max(rows, (component.Rows.End + high - 1) / high);
        }
        return rows;
    }

    void CheckProgression()
    {
        (int start, int end, int high, int low) = spectrum;
        bool good = start <= end && end <= 63 && low <= 13 && (high == 0 || high == low + 1) && (start == 0 ? end == 0 : count == 1);
        if (!good)
            throw Corrupt($"a scan has impossible parameters {start}-{end}, {high}/{low}");
        for (int i = 0; i < count; i++)
            components[i].Precision.AsSpan(start, end - start + 1).Fill(low);
    }

    void CheckTables(HuffmanTable[] dc, HuffmanTable[] ac, bool[] quantDefined)
    {
        foreach (JpegComponent component in components.AsSpan(0, count))
        {
            bool needsDc = spectrum is { Start: 0, High: 0 }, needsAc = spectrum.End > 0;
            if ((needsDc && !dc[component.DcTable].Defined) || (needsAc && !ac[component.AcTable].Defined)
                || !quantDefined[component.QuantTable])
                throw Corrupt("a scan uses a table that the file does not define");
        }
    }

    void StartInterval()
    {
        endRun = 0;
        foreach (JpegComponent component in components.AsSpan(0, count))
            component.Prediction = 0;
    }

    bool SequentialMcu(ref EntropyReader reader, int mcuX, int mcuY, HuffmanTable[] dc, HuffmanTable[] ac, int[][] quant)
    {
        foreach (JpegComponent component in components.AsSpan(0, count))
        {
            (int h, int v) = count > 1 ? (component.H, component.V) : (1, 1);
            HuffmanTable dcTable = dc[component.DcTable], acTable = ac[component.AcTable];
            int[] table = quant[component.QuantTable];
            for (int y = mcuY * v; y < mcuY * v + v; y++)
            {
                for (int x = mcuX * h; x < mcuX * h + h; x++)
                {
                    if (!component.Needs(x, y))
                    {
                        if (!EntropyDecoder.Skip(ref reader, dcTable, acTable, component))
                            return false;
                        continue;
                    }
                    block.AsSpan(0, 64).Clear();
                    if (!EntropyDecoder.Sequential(ref reader, block, dcTable, acTable, component, out int last))
                        return false;
                    if (last == 0)
                        InverseDct.TransformDc(block[0] * table[0], Samples(component, x, y), component.Stride);
                    else
                        InverseDct.Transform(block, table, Samples(component, x, y), component.Stride);
                }
            }
        }
        return true;
    }

    bool ProgressiveMcu(ref EntropyReader reader, int mcuX, int mcuY, HuffmanTable[] dc, HuffmanTable[] ac)
    {
        foreach (JpegComponent component in components.AsSpan(0, count))
        {
            (int h, int v) = count > 1 ? (component.H, component.V) : (1, 1);
            for (int y = mcuY * v; y < mcuY * v + v; y++)
            {
                for (int x = mcuX * h; x < mcuX * h + h; x++)
                {
                    if (!ProgressiveBlock(ref reader, component.Block(x, y), component, dc, ac))
                        return false;
                }
            }
        }
        return true;
    }

    bool ProgressiveBlock(ref EntropyReader reader, Span<short> target, JpegComponent component, HuffmanTable[] dc, HuffmanTable[] ac)
    {
        if (spectrum.Start > 0)
        {
            HuffmanTable table = ac[component.AcTable];
            return spectrum.High == 0
                ? EntropyDecoder.AcFirst(ref reader, target, table, spectrum, ref endRun)
                : EntropyDecoder.AcRefine(ref reader, target, table, spectrum, ref endRun);
        }
        if (spectrum.High == 0)
            return EntropyDecoder.DcFirst(ref reader, target, dc[component.DcTable], component, spectrum.Low);
        EntropyDecoder.DcRefine(ref reader, target, spectrum.Low);
        return true;
    }

    static Span<byte> Samples(JpegComponent component, int x, int y) =>
        component.Plane.AsSpan(y * 8 * component.Stride + x * 8);

    static int FindRestart(ReadOnlySpan<byte> data, int position, int number)
    {
        while (position + 1 < data.Length && (data[position] != 0xFF || data[position + 1] is 0 or 0xFF))
            position++;
        if (position + 1 >= data.Length)
            throw CutShort(data, position);
        if (data[position + 1] != 0xD0 + (number & 7))
            throw Corrupt(FormattableString.Invariant($"restart marker {number & 7} is missing at byte {position}"));
        return position + 2;
    }

    /// <summary>Bits ran out: at the end of the file it is cut short, at a marker it is damaged.</summary>
    static ImageDecodeException CutShort(ReadOnlySpan<byte> data, int position) => position + 2 >= data.Length
        ? new(ImageProblem.Truncated, FormattableString.Invariant($"the file ends within the image, after {data.Length} bytes"))
        : Corrupt(FormattableString.Invariant($"image data end too early, at byte {position}"));

    static ImageDecodeException Corrupt(string reason) => new(ImageProblem.Corrupt, "the JPEG is damaged: " + reason);
}
