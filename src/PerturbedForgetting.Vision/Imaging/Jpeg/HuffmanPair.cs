using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>One or two coefficients of a block, and perhaps its end behind them, that the bits of a look-up begin with, in 64 bits. Of
/// the first one only the code lies in the look-up: its number is taken from the bits. Of the second one code and number do.</summary>
/// <remarks>Shifts take the low six bits of a number: what is shifted by needs no mask.</remarks>
static class HuffmanPair
{
    const int LengthAt = 6, SizeAt = 12, RunAt = 18, SecondAt = 24, CountAt = 32, ValueAt = 48;

    /// <summary>Set in <see cref="Count"/> where the block ends.</summary>
    public const int End = 64;

    /// <summary>What stands for a code that is not whole in the look-up: more coefficients than a block has.</summary>
    public const ulong None = 255UL << CountAt;

    /// <summary>What the bits of look-up <paramref name="index"/> begin with.</summary>
    public static ulong Pack(ReadOnlySpan<uint> lookup, int index)
    {
        uint first = lookup[index];
        if (first == 0)
            return None;
        int bits = HuffmanCode.Bits(first), count = HuffmanCode.IsEnd(first) ? End : HuffmanCode.Run(first) + 1;
        int place = 0, value = 0;
        uint second = count == End ? 0 : Behind(lookup, index, bits);
        if (second != 0 && !HuffmanCode.IsEnd(second) && bits + HuffmanCode.Bits(second) <= HuffmanTable.LookupBits)
        {
            if (HuffmanCode.Size(second) > 0)
            {
                place = count + HuffmanCode.Run(second);
                ulong rest = (ulong)index << (64 - HuffmanTable.LookupBits + bits);
                value = Number(rest, HuffmanCode.Length(second), 63 - HuffmanCode.Size(second));
            }
            bits += HuffmanCode.Bits(second);
            count += HuffmanCode.Run(second) + 1;
            second = Behind(lookup, index, bits);
        }
        if (second != 0 && HuffmanCode.IsEnd(second))
        {
            bits += HuffmanCode.Length(second);
            count += End;
        }
        return (uint)bits | (uint)HuffmanCode.Length(first) << LengthAt | (uint)(63 - HuffmanCode.Size(first)) << SizeAt
            | (ulong)HuffmanCode.Run(first) << RunAt | (ulong)place << SecondAt | (ulong)count << CountAt | (ulong)(ushort)value << ValueAt;
    }

    /// <summary>Bits of all of it, in the low six bits.</summary>
    public static int Bits(ulong pair) => (int)pair;

    /// <summary>Zeros before the first coefficient.</summary>
    public static int Run(ulong pair) => (int)(pair >> RunAt) & 15;

    /// <summary>The coefficients up to the second one; 0 if there is none, and <see cref="SecondValue"/> too.</summary>
    public static int SecondPlace(ulong pair) => (byte)(pair >> SecondAt);

    public static int SecondValue(ulong pair) => (int)((long)pair >> ValueAt);

    /// <summary>Coefficients that it passes over, and <see cref="End"/>.</summary>
    public static int Count(ulong pair) => (byte)(pair >> CountAt);

    /// <summary>Whether a block ends with the pair that would go on at coefficient <paramref name="next"/>, all of which is of that
    /// block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool EndsWithin(ulong pair, nint next) => Count(pair) >= End && next < End + 64;

    /// <summary>The number behind the first code; 0 if there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int FirstValue(ulong pair, ulong bits) => Number(bits, (int)pair >> LengthAt, (int)pair >> SizeAt);

    /// <summary>The number behind a code, of no bits at all: 0. One that begins with 0 is negative: its bits are those of its
    /// magnitude, inverted (T.81, figure F.12).</summary>
    /// <param name="bits">The bits from the code on.</param>
    /// <param name="length">Bits of the code, in the low six bits.</param>
    /// <param name="unused">63 - bits of the number, in the low six bits.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Number(ulong bits, int length, int unused)
    {
        ulong number = bits << length;
        long negative = ~((long)number >> 63);
        int value = (int)((number ^ (ulong)negative) >> 1 >> unused);
        return (value ^ (int)negative) - (int)negative;
    }

    /// <summary>The code behind the first <paramref name="used"/> bits of an index; 0 if it is not whole in it.</summary>
    static uint Behind(ReadOnlySpan<uint> lookup, int index, int used)
    {
        if (used >= HuffmanTable.LookupBits)
            return 0;
        uint code = lookup[index << used & lookup.Length - 1];
        return used + HuffmanCode.Length(code) <= HuffmanTable.LookupBits ? code : 0;
    }
}
