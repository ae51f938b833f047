namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>The tables that a JPEG defines as it goes on, and defines anew: for quantisation (T.81, B.2.4.1) and Huffman codes
/// (B.2.4.2).</summary>
sealed class JpegTables
{
    readonly short[][] quant = [new short[64], new short[64], new short[64], new short[64]];
    readonly bool[] quantDefined = new bool[4];

    public HuffmanTable[] Dc { get; } = [new(), new(), new(), new()];

    public HuffmanTable[] Ac { get; } = [new(), new(), new(), new()];

    /// <summary>Forgets the tables of the image before.</summary>
    public void Reset()
    {
        Array.Clear(quantDefined);
        for (int i = 0; i < 4; i++)
            Dc[i].Defined = Ac[i].Defined = false;
    }

    public void ReadQuantisation(ReadOnlySpan<byte> segment)
    {
        while (segment.Length > 0)
        {
            int bytes = segment[0] >> 4 == 0 ? 1 : 2, table = segment[0] & 15;
            if (table > 3 || segment.Length < 1 + 64 * bytes)
                throw JpegDecoder.Corrupt("a quantisation table is cut short or has an impossible number");
            ReadOnlySpan<byte> values = segment[1..];
            for (int k = 0; k < 64; k++)
                quant[table][EntropyDecoder.Natural[k]] = (short)(bytes == 1 ? values[k] : values[2 * k] << 8 | values[2 * k + 1]);
            quantDefined[table] = true;
            segment = segment[(1 + 64 * bytes)..];
        }
    }

    public void ReadHuffman(ReadOnlySpan<byte> segment)
    {
        while (segment.Length > 0)
        {
            int kind = segment[0] >> 4, table = segment[0] & 15, total = 0;
            if (kind > 1 || table > 3 || segment.Length < 17)
                throw JpegDecoder.Corrupt("a Huffman table is cut short or has an impossible number");
            foreach (byte count in segment[1..17])
                total += count;
            if (total > 256 || segment.Length < 17 + total)
                throw JpegDecoder.Corrupt("a Huffman table is cut short");
            (kind == 0 ? Dc : Ac)[table].Build(segment[1..17], segment.Slice(17, total));
            segment = segment[(17 + total)..];
        }
    }

    /// <summary>Gives the standard's tables to a file that has none of its own, as the frames of Motion JPEG.</summary>
    public void DefineStandard()
    {
        for (int i = 0; i < 2; i++)
        {
            if (!Dc[i].Defined)
                StandardHuffman.BuildDc(Dc[i], i);
            if (!Ac[i].Defined)
                StandardHuffman.BuildAc(Ac[i], i);
        }
    }

    /// <summary>Keeps the quantisation table that is defined where a component's first scan begins; a later one changes nothing.</summary>
    public void KeepQuantisation(JpegComponent component)
    {
        if (component.HasQuantisation)
            return;
        if (component.QuantTable > 3 || !quantDefined[component.QuantTable])
            throw JpegDecoder.Corrupt("a scan uses a quantisation table that the file does not define");
        component.Keep(quant[component.QuantTable]);
    }

    /// <summary>The table of a scan.</summary>
    /// <exception cref="ImageDecodeException">The file does not define it, or it is no code for what it is used for.</exception>
    public static HuffmanTable Usable(HuffmanTable[] tables, int number, bool forDc)
    {
        if (number > 3 || !tables[number].Defined)
            throw JpegDecoder.Corrupt("a scan uses a Huffman table that the file does not define");
        if (!tables[number].IsCode || (forDc && !tables[number].HasSizesOnly))
            throw JpegDecoder.Corrupt("a Huffman table is no prefix code for its coefficients");
        return tables[number];
    }
}
