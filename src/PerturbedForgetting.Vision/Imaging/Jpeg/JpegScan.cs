namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>Decodes scans (T.81, B.2.3): the only one of a sequential frame straight into samples, others into coefficients. Damaged
/// data give what they give in libjpeg-turbo, and warnings.</summary>
sealed class JpegScan
{
    /// <summary>More scans are refused: encoders make ten or twenty, and each may cost a look at every block.</summary>
    public const int MostScans = 500;

    /// <summary>Most blocks of an MCU (T.81, B.2.3).</summary>
    const int MostBlocks = 10;

    readonly JpegComponent[] components = new JpegComponent[4];
    readonly HuffmanTable[] dcTables = new HuffmanTable[4], acTables = new HuffmanTable[4];
    readonly short[] block = new short[64];
    readonly byte[] window = new byte[EntropyReader.WindowBytes];
    Spectrum spectrum;
    int count;
    int endRun;
    int seen;
    bool metEnd;

    /// <summary>The scan was left behind the last row that is needed.</summary>
    public bool StoppedEarly { get; private set; }

    /// <summary>What was wrong with the scans so far.</summary>
    public ImageWarnings Warnings { get; private set; }

    /// <summary>Whether the scans so far are all of the image. The only one of a frame is where it meets a marker at the latest.</summary>
    public bool IsComplete(JpegFrame frame)
    {
        if (frame.Scans == 0 || metEnd)
            return false;
        return !frame.Collected || ((Warnings & ImageWarnings.ShortData) == 0
            && (frame.Progressive ? frame.HasAllBits() : seen == (1 << frame.Count) - 1));
    }

    /// <summary>Forgets the scans of the image before.</summary>
    public void Reset() => (StoppedEarly, Warnings, seen, metEnd) = (false, ImageWarnings.None, 0, false);

    /// <summary>Reads the scan's header.</summary>
    public void Begin(JpegFrame frame, JpegTables tables, ReadOnlySpan<byte> segment)
    {
        if (!frame.Defined)
            throw JpegDecoder.Corrupt("a scan comes before the frame header");
        if (frame.Scans == MostScans)
            throw new ImageDecodeException(ImageProblem.TooLarge, $"the JPEG has more than {MostScans} scans; write it anew with fewer");
        count = segment.Length > 0 ? segment[0] : 0;
        if (count is < 1 or > 4 || segment.Length != 4 + 2 * count)
            throw JpegDecoder.Corrupt("a scan header has not the length of its components");
        int blocks = 0;
        for (int i = 0; i < count; i++)
        {
            JpegComponent component = frame.Find(segment[1 + 2 * i], i)
                ?? throw JpegDecoder.Corrupt($"a scan names component {segment[1 + 2 * i]}, which the frame does not have there");
            if (components.AsSpan(0, i).Contains(component))
                throw JpegDecoder.Corrupt($"a scan names component {component.Id} twice");
            component.DcTable = segment[2 + 2 * i] >> 4;
            component.AcTable = segment[2 + 2 * i] & 15;
            components[i] = component;
            blocks += component.H * component.V;
        }
        if (count > 1 && blocks > MostBlocks)
            throw JpegDecoder.Corrupt($"a scan has {blocks} blocks in an MCU, {MostBlocks} at most are allowed");
        segment = segment[(1 + 2 * count)..];
        spectrum = frame.Progressive
            ? new Spectrum(segment[0], segment[1], segment[2] >> 4, segment[2] & 15)
            : new Spectrum(0, 63, 0, 0);
        frame.BeginScan(count);
        Prepare(frame, tables);
    }

    /// <summary>Decodes the data of the scan just begun, as far as they are needed; returns the position behind them.</summary>
    public int Decode(JpegFrame frame, int restartInterval, ReadOnlySpan<byte> data, int position, DecodeBudget budget)
    {
        JpegComponent first = components[0];
        int wide = count > 1 ? frame.McusWide : (first.Width + 7) / 8;
        int high = count > 1 ? frame.McusHigh : (first.Height + 7) / 8;
        int rows = count > 1 ? 1 : first.RowsOfMcu;
        if (!frame.Collected && NeededRows() < high)
            (high, StoppedEarly) = (NeededRows(), true);
        var reader = new EntropyReader(data, position, window);
        var restarts = new RestartMarkers(restartInterval);
        StartInterval();
        frame.LastGoodRow = 0;
        bool starved = false;
        for (int y = 0; y < high; y++)
        {
            budget.Check();
            for (int x = 0; x < wide; x++)
            {
                if (!starved)
                    frame.LastGoodRow = y / rows;
                if (restarts.AreDue)
                {
                    // Before a marker that is left where it is there are no data either.
                    if (restarts.Pass(ref reader, data))
                        starved = false;
                    StartInterval();
                }
                restarts.CountMcu();
                if (starved)
                    continue;
                reader.Prepare();
                if (frame.Progressive)
                    ProgressiveMcu(ref reader, x, y);
                else
                    SequentialMcu(ref reader, x, y, frame.Collected);
                starved = reader.Overread;
                if (starved)
                    NoteShortData(reader.Position == data.Length);
            }
        }
        Warnings |= restarts.Warnings | (reader.MetBadCode ? ImageWarnings.BadCodes : ImageWarnings.None);
        return reader.Position;
    }

    /// <summary>Makes the tables ready that the scan needs, and notes what it brings.</summary>
    void Prepare(JpegFrame frame, JpegTables tables)
    {
        if (frame.Progressive)
            CheckProgression();
        else if (frame.Scans == 1)
            tables.DefineStandard();
        for (int i = 0; i < count; i++)
        {
            JpegComponent component = components[i];
            tables.KeepQuantisation(component);
            if (frame.Progressive && !component.Progress.Advance(spectrum, frame.Scans == 1))
                Warnings |= ImageWarnings.ScanOrder;
            if (spectrum is { Start: 0, High: 0 })
                dcTables[i] = JpegTables.Usable(tables.Dc, component.DcTable, forDc: true);
            if (spectrum.End > 0)
                acTables[i] = JpegTables.Usable(tables.Ac, component.AcTable, forDc: false);
            seen |= 1 << frame.Components.IndexOf(component);
        }
    }

    void NoteShortData(bool atEnd)
    {
        Warnings |= ImageWarnings.ShortData;
        metEnd |= atEnd;
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
            throw JpegDecoder.Corrupt($"a scan has impossible parameters {start}-{end}, {high}/{low}");
    }

    void StartInterval()
    {
        endRun = 0;
        foreach (JpegComponent component in components.AsSpan(0, count))
            component.Prediction = 0;
    }

    void SequentialMcu(ref EntropyReader reader, int mcuX, int mcuY, bool collected)
    {
        for (int i = 0; i < count; i++)
        {
            JpegComponent component = components[i];
            (int h, int v) = count > 1 ? (component.H, component.V) : (1, 1);
            HuffmanTable dc = dcTables[i], ac = acTables[i];
            for (int y = mcuY * v; y < mcuY * v + v; y++)
            {
                for (int x = mcuX * h; x < mcuX * h + h; x++)
                {
                    if (collected)
                        DecodeCoefficients(ref reader, component, dc, ac, component.Block(x, y));
                    else if (component.Needs(x, y))
                        DecodeSamples(ref reader, component, dc, ac, component.Samples(x, y));
                    else
                        EntropyDecoder.Skip(ref reader, dc, ac, component);
                }
            }
        }
    }

    void DecodeSamples(ref EntropyReader reader, JpegComponent component, HuffmanTable dc, HuffmanTable ac, Span<byte> samples)
    {
        block.AsSpan(0, 64).Clear();
        if (EntropyDecoder.Sequential(ref reader, block, dc, ac, component))
            InverseDct.Transform(block, component.Quantisation, samples, component.Stride);
        else
            InverseDct.TransformDc(block[0] * component.Quantisation[0], samples, component.Stride);
    }

    /// <summary>What a scan does not bring stays as the scans before left it: damaged files may bring a component twice.</summary>
    void DecodeCoefficients(ref EntropyReader reader, JpegComponent component, HuffmanTable dc, HuffmanTable ac, Span<short> target)
    {
        block.AsSpan(0, 64).Clear();
        EntropyDecoder.Sequential(ref reader, block, dc, ac, component);
        target[0] = block[0];
        for (int i = 1; i < 64; i++)
        {
            if (block[i] != 0)
                target[i] = block[i];
        }
    }

    void ProgressiveMcu(ref EntropyReader reader, int mcuX, int mcuY)
    {
        for (int i = 0; i < count; i++)
        {
            JpegComponent component = components[i];
            (int h, int v) = count > 1 ? (component.H, component.V) : (1, 1);
            for (int y = mcuY * v; y < mcuY * v + v; y++)
            {
                for (int x = mcuX * h; x < mcuX * h + h; x++)
                    ProgressiveBlock(ref reader, component.Block(x, y), i);
            }
        }
    }

    void ProgressiveBlock(ref EntropyReader reader, Span<short> target, int component)
    {
        if (spectrum is { Start: 0, High: 0 })
            EntropyDecoder.DcFirst(ref reader, target, dcTables[component], components[component], spectrum.Low);
        else if (spectrum.Start == 0)
            EntropyDecoder.DcRefine(ref reader, target, spectrum.Low);
        else if (spectrum.High > 0)
            EntropyDecoder.AcRefine(ref reader, target, acTables[component], spectrum, ref endRun);
        else if (endRun > 0)
            endRun--;
        else
            endRun = EntropyDecoder.AcFirst(ref reader, target, acTables[component], spectrum);
    }
}
