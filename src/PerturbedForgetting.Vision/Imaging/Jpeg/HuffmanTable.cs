namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>A canonical Huffman code (ITU-T T.81, annex C) with tables for fast decoding.</summary>
sealed class HuffmanTable
{
    /// <summary>Codes up to this length are decoded by one table look-up.</summary>
    public const int LookupBits = 11;

    /// <summary>So many bits are looked at to pass over coefficients.</summary>
    public const int SkipBits = 12;

    /// <summary>Set in an entry of <see cref="Skip"/> if the block ends.</summary>
    public const int SkipEnd = 64 << 6;

    readonly byte[] counts = new byte[16];
    readonly byte[] symbols = new byte[256];
    readonly int[] limit = new int[18];
    readonly int[] offset = new int[17];
    readonly uint[] lookup = new uint[1 << LookupBits];
    ulong[] pairs = [];
    ushort[] skip = [];
    int symbolCount = -1;
    bool pairsBuilt, skipBuilt;

    /// <summary>By the next eleven bits the code that they begin with, as <see cref="HuffmanCode"/>; 0 where it is longer.</summary>
    public ReadOnlySpan<uint> Lookup => lookup;

    /// <summary>By the next eleven bits the coefficients that they begin with, as <see cref="HuffmanPair"/>;
    /// <see cref="HuffmanPair.None"/> where the first one's code is longer.</summary>
    public ReadOnlySpan<ulong> Pairs
    {
        get
        {
            if (!pairsBuilt)
                BuildPairs();
            return pairs;
        }
    }

    /// <summary>By the next <see cref="SkipBits"/> bits what passes over the coefficients whose codes lie in them, and over the end of the
    /// block behind them: bits + 64 x coefficients + <see cref="SkipEnd"/> if the block ends; more coefficients than a block has where the
    /// first code is longer.</summary>
    public ReadOnlySpan<ushort> Skip
    {
        get
        {
            if (!skipBuilt)
                BuildSkip();
            return skip;
        }
    }

    /// <summary>Whether the file has defined the table.</summary>
    public bool Defined { get; set; }

    /// <summary>Whether it is a prefix code, without a code of ones only.</summary>
    public bool IsCode { get; private set; }

    /// <summary>Whether its symbols can be sizes of differences between DC coefficients: 0 to 15.</summary>
    public bool HasSizesOnly => !symbols.AsSpan(0, symbolCount).ContainsAnyExceptInRange((byte)0, (byte)15);

    /// <summary>Builds the code from the number of codes of each length 1 to 16 and the symbols in order, 256 at most.</summary>
    public void Build(ReadOnlySpan<byte> lengths, ReadOnlySpan<byte> values)
    {
        Defined = true;
        // Most files of a set have the same tables, those of the standard.
        if (values.Length == symbolCount && lengths.SequenceEqual(counts) && values.SequenceEqual(symbols.AsSpan(0, symbolCount)))
            return;
        lengths.CopyTo(counts);
        values.CopyTo(symbols);
        symbolCount = values.Length;
        IsCode = BuildLookup();
        pairsBuilt = skipBuilt = false;
    }

    /// <summary>Decodes a code longer than <see cref="LookupBits"/> from the next 16 bits.</summary>
    /// <returns>The code, or <see cref="HuffmanCode.None"/> if none matches.</returns>
    public uint DecodeLong(int next16)
    {
        int length = LookupBits + 1;
        while (next16 >= limit[length])
            length++;
        if (length > 16)
            return HuffmanCode.None;
        return HuffmanCode.Pack(length, symbols[((next16 >> (16 - length)) + offset[length]) & 255]);
    }

    bool BuildLookup()
    {
        Array.Clear(lookup);
        int code = 0, index = 0;
        for (int length = 1; length <= 16; length++)
        {
            offset[length] = index - code;
            int last = code + counts[length - 1];
            if (counts[length - 1] > 0 && last >= 1 << length)
                return false;
            for (; code < last; code++, index++)
            {
                if (length > LookupBits)
                    continue;
                int shift = LookupBits - length;
                lookup.AsSpan(code << shift, 1 << shift).Fill(HuffmanCode.Pack(length, symbols[index]));
            }
            limit[length] = code << (16 - length);
            code <<= 1;
        }
        limit[17] = int.MaxValue;
        return true;
    }

    void BuildPairs()
    {
        if (pairs.Length == 0)
            pairs = new ulong[1 << LookupBits];
        for (int i = 0; i < pairs.Length; i++)
            pairs[i] = HuffmanPair.Pack(lookup, i);
        pairsBuilt = true;
    }

    void BuildSkip()
    {
        if (skip.Length == 0)
            skip = new ushort[1 << SkipBits];
        for (int i = 0; i < skip.Length; i++)
        {
            uint next = (uint)i << (32 - SkipBits);
            int bits = 0, coefficients = 0;
            while (bits < SkipBits)
            {
                uint code = lookup[(int)(next << bits >> (32 - LookupBits))];
                if (code == 0 || bits + HuffmanCode.Length(code) > SkipBits)
                    break;
                if (HuffmanCode.IsEnd(code))
                {
                    bits += HuffmanCode.Length(code);
                    coefficients += 64;
                    break;
                }
                if (coefficients + HuffmanCode.Run(code) + 1 > 63)
                    break;
                bits += HuffmanCode.Bits(code);
                coefficients += HuffmanCode.Run(code) + 1;
            }
            skip[i] = (ushort)(bits | (bits == 0 ? 255 : coefficients) << 6);
        }
        skipBuilt = true;
    }
}
