using PerturbedForgetting.Vision.Imaging.Jpeg;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>Writes Huffman codes as a JPEG has them (T.81, F.1.2), stuffed.</summary>
sealed class CodeWriter
{
    readonly List<byte> bytes = [];
    int pending, count;

    /// <summary>Bits of the magnitude of a number.</summary>
    public static int SizeOf(int number) => 32 - int.LeadingZeroCount(Math.Abs(number));

    /// <summary>Writes the code of a symbol and the number behind it, whose size the symbol has in its low four bits.</summary>
    public void Write(HuffmanTable table, int symbol, int number)
    {
        (int code, int length) = Find(table, symbol);
        Put(code, length);
        int size = symbol & 15;
        Put(number < 0 ? number + (1 << size) - 1 : number, size);
    }

    /// <summary>Writes the coefficients of a block behind the first.</summary>
    public void WriteBlock(HuffmanTable table, short[] block)
    {
        int run = 0;
        for (int k = 1; k < 64; k++)
        {
            int value = block[EntropyDecoder.Natural[k]];
            if (value == 0)
            {
                run++;
                continue;
            }
            for (; run > 15; run -= 16)
                Write(table, 0xF0, 0);
            Write(table, run << 4 | SizeOf(value), value);
            run = 0;
        }
        if (run > 0)
            Write(table, 0x00, 0);
    }

    /// <summary>All bytes, the last filled up with ones.</summary>
    public byte[] End()
    {
        Put((1 << ((8 - count) & 7)) - 1, (8 - count) & 7);
        return [.. bytes];
    }

    void Put(int value, int length)
    {
        for (int i = length - 1; i >= 0; i--)
        {
            pending = pending << 1 | value >> i & 1;
            if (++count < 8)
                continue;
            bytes.Add((byte)pending);
            if ((byte)pending == 0xFF)
                bytes.Add(0);
            (pending, count) = (0, 0);
        }
    }

    /// <summary>The code of a symbol, found as a reader finds it.</summary>
    static (int Code, int Length) Find(HuffmanTable table, int symbol)
    {
        for (int next = 0; next < 1 << 16; next++)
        {
            uint code = table.Lookup[next >> (16 - HuffmanTable.LookupBits)];
            if (code == 0)
                code = table.DecodeLong(next);
            if (code != HuffmanCode.None && HuffmanCode.Symbol(code) == symbol)
                return (next >> (16 - HuffmanCode.Length(code)), HuffmanCode.Length(code));
        }
        throw new ArgumentException($"no code has the symbol {symbol:X2}", nameof(symbol));
    }
}
