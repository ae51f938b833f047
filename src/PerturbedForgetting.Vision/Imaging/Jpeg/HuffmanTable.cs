namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>A canonical Huffman code (ITU-T T.81, annex C) with tables for fast decoding.</summary>
sealed class HuffmanTable
{
    /// <summary>Codes up to this length are decoded by one table look-up.</summary>
    public const int LookupBits = 10;

    readonly byte[] symbols = new byte[256];
    readonly int[] limit = new int[18];
    readonly int[] offset = new int[17];

    /// <summary>By the next ten bits: code length x 256 + symbol, or 0 where the code is longer.</summary>
    public ushort[] Lookup { get; } = new ushort[1 << LookupBits];

    /// <summary>By the next ten bits: a whole AC coefficient whose code and magnitude fit in them, as
    /// value x 256 + run x 16 + bits used; 0 where they do not fit.</summary>
    public short[] FastAc { get; } = new short[1 << LookupBits];

    /// <summary>Whether the file has defined the table.</summary>
    public bool Defined { get; set; }

    /// <summary>Builds the code from the number of codes of each length 1 to 16 and the symbols in order.</summary>
    /// <returns>False if the lengths are not those of a prefix code.</returns>
    public bool Build(ReadOnlySpan<byte> counts, ReadOnlySpan<byte> values)
    {
        values.CopyTo(symbols);
        Lookup.AsSpan().Clear();
        int code = 0, index = 0;
        for (int length = 1; length <= 16; length++)
        {
            offset[length] = index - code;
            int last = code + counts[length - 1];
            if (last > 1 << length)
                return false;
            for (; code < last; code++, index++)
            {
                if (length > LookupBits)
                    continue;
                int shift = LookupBits - length;
                Lookup.AsSpan(code << shift, 1 << shift).Fill((ushort)(length << 8 | symbols[index]));
            }
            limit[length] = code << (16 - length);
            code <<= 1;
        }
        limit[17] = int.MaxValue;
        BuildFastAc();
        Defined = true;
        return true;
    }

    /// <summary>Decodes a code longer than <see cref="LookupBits"/> from the next 16 bits.</summary>
    /// <returns>length x 256 + symbol, or 0 if no code matches.</returns>
    public int DecodeLong(int next16)
    {
        int length = LookupBits + 1;
        while (next16 >= limit[length])
            length++;
        if (length > 16)
            return 0;
        return length << 8 | symbols[((next16 >> (16 - length)) + offset[length]) & 255];
    }

    void BuildFastAc()
    {
        for (int i = 0; i < FastAc.Length; i++)
        {
            FastAc[i] = 0;
            int length = Lookup[i] >> 8, run = Lookup[i] >> 4 & 15, size = Lookup[i] & 15;
            if (length == 0 || size == 0 || length + size > LookupBits)
                continue;
            int magnitude = (i << length & (1 << LookupBits) - 1) >> (LookupBits - size);
            int value = magnitude < 1 << (size - 1) ? magnitude - (1 << size) + 1 : magnitude;
            if (value is >= -128 and <= 127)
                FastAc[i] = (short)(value * 256 + run * 16 + length + size);
        }
    }
}
