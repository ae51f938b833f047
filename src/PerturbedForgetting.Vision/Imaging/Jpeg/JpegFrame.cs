namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>The frame header of a JPEG (T.81, B.2.2) and its components.</summary>
sealed class JpegFrame
{
    readonly JpegComponent[] components = [new(), new(), new(), new()];

    public int Width { get; private set; }

    public int Height { get; private set; }

    public bool Progressive { get; private set; }

    /// <summary>The frame header has been read.</summary>
    public bool Defined { get; private set; }

    public int MaxH { get; private set; }

    public int MaxV { get; private set; }

    public int McusWide { get; private set; }

    public int McusHigh { get; private set; }

    public int Count { get; private set; }

    public ReadOnlySpan<JpegComponent> Components => components.AsSpan(0, Count);

    /// <summary>Coefficients are collected from several scans and transformed at the end; otherwise one scan gives the samples.</summary>
    public bool Collected { get; private set; }

    /// <summary>Scans that have begun.</summary>
    public int Scans { get; private set; }

    /// <summary>The last row of MCUs that the last scan had data for.</summary>
    public int LastGoodRow { get; set; }

    /// <summary>Reads the header, and checks the size against <paramref name="maxPixels"/> and against the length of the file.</summary>
    public void Read(ReadOnlySpan<byte> segment, bool progressive, long maxPixels, long fileLength)
    {
        if (Defined)
            throw JpegDecoder.Corrupt("it has two frames");
        if (segment.Length < 6 || segment.Length != 6 + 3 * segment[5])
            throw JpegDecoder.Corrupt("its frame header has not the length of its components");
        if (segment[0] != 8)
            throw Unsupported($"JPEG with {segment[0]} bits a sample is not read; convert it to 8 bits");
        Height = segment[1] << 8 | segment[2];
        Width = segment[3] << 8 | segment[4];
        Count = segment[5];
        Progressive = progressive;
        if (Height == 0 && Width > 0)
            throw Unsupported("JPEG whose height is given after the image (DNL) is not read");
        if (Width == 0 || Height == 0)
            throw JpegDecoder.Corrupt($"its size is {Width} x {Height}");
        if (Count is not (1 or 3 or 4))
            throw Unsupported($"JPEG with {Count} components is not read");
        ImageLimits.CheckPixels(Width, Height, maxPixels);
        ReadComponents(segment[6..]);
        LayOut();

        // A block takes at least one bit in the first scan: a header that promises many more blocks than the file has bits is
        // cut short or a decompression bomb.
        const long few = 1 << 16;
        long blocks = 0;
        foreach (JpegComponent component in Components)
            blocks += component.BlockCount;
        if (blocks > Math.Max(few, fileLength * 8))
            throw new ImageDecodeException(ImageProblem.Truncated, $"the file is too short for {Width} x {Height} pixels");
        Defined = true;
    }

    /// <summary>Forgets the frame of the image before.</summary>
    public void Reset() => (Defined, Collected, Scans, LastGoodRow) = (false, false, 0, 0);

    /// <summary>Notes that a scan of so many components begins. The first one decides how much memory the samples take.</summary>
    public void BeginScan(int componentsOfScan)
    {
        if (Scans == 0)
        {
            Collected = Progressive || componentsOfScan < Count;
            foreach (JpegComponent component in Components)
                component.Allocate(Collected);
        }
        else if (!Collected)
        {
            throw JpegDecoder.Corrupt("a scan comes after one of all components");
        }
        Scans++;
    }

    /// <summary>The part of the image that is to be decoded.</summary>
    public CropBox Region { get; private set; }

    /// <summary>Sets <see cref="Region"/>, as far as it lies within the image, and with it the samples that are needed.</summary>
    public void Need(CropBox region)
    {
        Region = region.Within(Width, Height);
        foreach (JpegComponent component in Components)
            component.Need(Region, MaxH, MaxV);
    }

    /// <summary>The component that a scan names as its <paramref name="position"/>-th, as libjpeg-turbo finds it: the first of that
    /// name from that place on, so that components with one name are told apart by their order.</summary>
    public JpegComponent? Find(int id, int position)
    {
        for (int i = position; i < Count; i++)
        {
            if (components[i].Id == id)
                return components[i];
        }
        return null;
    }

    /// <summary>Whether every coefficient of a progressive frame has come down to its last bit.</summary>
    public bool HasAllBits()
    {
        foreach (JpegComponent component in Components)
        {
            if (!component.Progress.IsComplete)
                return false;
        }
        return true;
    }

    public void Release()
    {
        foreach (JpegComponent component in components)
            component.Release();
    }

    void ReadComponents(ReadOnlySpan<byte> bytes)
    {
        (MaxH, MaxV) = (1, 1);
        for (int i = 0; i < Count; i++, bytes = bytes[3..])
        {
            JpegComponent component = components[i];
            component.Id = bytes[0];
            component.H = bytes[1] >> 4;
            component.V = component.RowsOfMcu = bytes[1] & 15;
            component.QuantTable = bytes[2];
            if (component.H is < 1 or > 4 || component.V is < 1 or > 4)
                throw JpegDecoder.Corrupt("its frame header has an impossible sampling factor");
            MaxH = Math.Max(MaxH, component.H);
            MaxV = Math.Max(MaxV, component.V);
        }
        if (Count == 1)
        {
            // One component is never interleaved: its sampling factors have no meaning.
            (components[0].H, components[0].V, MaxH, MaxV) = (1, 1, 1, 1);
        }
        foreach (JpegComponent component in Components)
        {
            if (MaxH % component.H != 0 || MaxV % component.V != 0)
                throw Unsupported($"JPEG with sampling factors {component.H}x{component.V} beside {MaxH}x{MaxV} is not read");
        }
    }

    void LayOut()
    {
        McusWide = (Width + MaxH * 8 - 1) / (MaxH * 8);
        McusHigh = (Height + MaxV * 8 - 1) / (MaxV * 8);
        foreach (JpegComponent component in Components)
            component.SetSize(Width, Height, MaxH, MaxV, McusWide, McusHigh);
    }

    static ImageDecodeException Unsupported(string reason) => new(ImageProblem.Unsupported, reason);
}
