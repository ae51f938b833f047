namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>A canonical Huffman code (ITU-T T.81, annex C) with tables for fast decoding.</summary>
sealed class HuffmanTable
{
    /// <summary>Codes up to this length are decoded by one table look-up.</summary>
    public const int LookupBits = 11;

    readonly byte[] counts = new byte[16];
    readonly byte[] symbols = new byte[256];
    readonly int[] limit = new int[18];
    readonly int[] offset = new int[17];
    readonly uint[] lookup = new uint[1 << LookupBits];
    readonly uint[] skip = new uint[1 << LookupBits];
    int symbolCount = -1;
    bool skipBuilt;

    /// <summary>By the next eleven bits the code that they begin with, as <see cref="HuffmanCode"/>; 0 where it is longer.</summary>
    public ReadOnlySpan<uint> Lookup => lookup;

    /// <summary>By the next eleven bits what passes over the coefficients whose codes lie whole in them, and over the end of the block
    /// behind them: bits + 256 x coefficients + 65536 if the block ends; 0 where not even one does.</summary>
    public ReadOnlySpan<uint> Skip
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
        skipBuilt = false;
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

    void BuildSkip()
    {
        for (int i = 0; i < skip.Length; i++)
        {
            int bits = 0, coefficients = 0, end = 0;
            while (bits < LookupBits)
            {
                uint code = lookup[(i << bits) & (1 << LookupBits) - 1];
                if (code == 0 || bits + HuffmanCode.Length(code) > LookupBits || HuffmanCode.Symbol(code) == 0xF0)
                    break;
                bits += HuffmanCode.Bits(code);
                if (HuffmanCode.Size(code) == 0)
                {
                    end = 1 << 16;
                    break;
                }
                coefficients += HuffmanCode.Run(code) + 1;
            }
            skip[i] = (uint)(bits | coefficients << 8 | end);
        }
        skipBuilt = true;
    }
}

/// <summary>A Huffman code in 32 bits: from the top its length, its symbol (a run of zeros, and the size of the number that
/// follows), and the bits of code and number together, these only where a number follows.</summary>
static class HuffmanCode
{
    /// <summary>What bits that match no code are taken for: so many as to know that, and the symbol 0.</summary>
    public const uint None = 17 << 24;

    public static uint Pack(int length, byte symbol) =>
        (uint)(length << 24 | symbol << 16 | ((symbol & 15) == 0 ? 0 : length + (symbol & 15)));

    /// <summary>Bits of the code.</summary>
    public static int Length(uint code) => (int)(code >> 24);

    public static int Symbol(uint code) => (int)(code >> 16) & 255;

    public static int Run(uint code) => (int)(code >> 20) & 15;

    public static int Size(uint code) => (int)(code >> 16) & 15;

    /// <summary>Bits of code and number; 0 if there is no number.</summary>
    public static int Total(uint code) => (byte)code;

    /// <summary>Bits of code and number.</summary>
    public static int Bits(uint code) => Length(code) + Size(code);
}
