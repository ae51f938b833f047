using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>The entropy-coded parameters of a scan (T.81, B.2.3).</summary>
/// <param name="Start">First coefficient in zigzag order.</param>
/// <param name="End">Last coefficient.</param>
/// <param name="High">Bit position of the previous scan of these coefficients, 0 for none.</param>
/// <param name="Low">Bit position that this scan delivers.</param>
readonly record struct Spectrum(int Start, int End, int High, int Low);

/// <summary>Huffman decoding of single blocks: sequential (T.81, F.2.2) and the four progressive procedures (G.2). Damaged data
/// are decoded as libjpeg decodes them: bits that match no code are a zero, and what lies behind the block is its last
/// coefficient.</summary>
static class EntropyDecoder
{
    /// <summary>Position in the block (rows of eight) of the n-th coefficient in zigzag order; the last again for the fifteen
    /// behind it, to which the run of damaged data may lead.</summary>
    public static ReadOnlySpan<byte> Natural =>
    [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
        35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
        63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
    ];

    /// <summary>Decodes a whole block over its coefficients, those that are zero left out.</summary>
    /// <returns>The position behind which there are only zeros.</returns>
    public static int Sequential(
        ref EntropyReader reader, Span<short> block, HuffmanTable dc, HuffmanTable ac, JpegComponent component)
    {
        (ulong bits, int count) = reader.Ahead;
        Difference(ref reader, ref bits, ref count, dc, component);
        ref short coefficients = ref MemoryMarshal.GetReference(block[..64]);
        coefficients = (short)component.Prediction;
        ref byte natural = ref MemoryMarshal.GetReference(Natural);
        ref uint lookup = ref MemoryMarshal.GetReference(ac.Lookup);
        int k = 1;
        while (k < 64)
        {
            reader.Ensure(ref bits, ref count);
            uint code = Unsafe.Add(ref lookup, (int)(bits >> (64 - HuffmanTable.LookupBits)));
            if (HuffmanCode.Total(code) == 0)
            {
                if (code == 0)
                    code = reader.LongCode(ac, bits);
                if (HuffmanCode.Total(code) == 0)
                {
                    bits <<= HuffmanCode.Length(code);
                    count -= HuffmanCode.Length(code);
                    if (HuffmanCode.Symbol(code) != 0xF0)
                        break;
                    k += 16;
                    continue;
                }
            }
            int value = Number(bits, code);
            bits <<= HuffmanCode.Total(code);
            count -= HuffmanCode.Total(code);
            k += HuffmanCode.Run(code);
            Unsafe.Add(ref coefficients, Unsafe.Add(ref natural, k)) = (short)value;
            k++;
        }
        reader.Ahead = (bits, count);
        return k - 1;
    }

    /// <summary>Passes over a block of which only the first coefficient matters to those behind it.</summary>
    public static void Skip(ref EntropyReader reader, HuffmanTable dc, HuffmanTable ac, JpegComponent component)
    {
        (ulong bits, int count) = reader.Ahead;
        Difference(ref reader, ref bits, ref count, dc, component);
        ref uint lookup = ref MemoryMarshal.GetReference(ac.Lookup);
        ref uint skip = ref MemoryMarshal.GetReference(ac.Skip);
        int k = 1;
        while (k < 64)
        {
            reader.Ensure(ref bits, ref count);
            int next = (int)(bits >> (64 - HuffmanTable.LookupBits));
            uint several = Unsafe.Add(ref skip, next);
            int passed = (byte)(several >> 8);
            if (several != 0 && k + passed < 64)
            {
                bits <<= (byte)several;
                count -= (byte)several;
                k += passed;
                if (several >= 1 << 16)
                    break;
                continue;
            }
            uint code = Unsafe.Add(ref lookup, next);
            if (code == 0)
                code = reader.LongCode(ac, bits);
            bits <<= HuffmanCode.Bits(code);
            count -= HuffmanCode.Bits(code);
            if (HuffmanCode.Size(code) > 0)
                k += HuffmanCode.Run(code) + 1;
            else if (HuffmanCode.Symbol(code) == 0xF0)
                k += 16;
            else
                break;
        }
        reader.Ahead = (bits, count);
    }

    /// <summary>Reads a block's first coefficient, coded as its difference to the one before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Difference(ref EntropyReader reader, ref ulong bits, ref int count, HuffmanTable dc, JpegComponent component)
    {
        reader.Ensure(ref bits, ref count);
        uint code = dc.Lookup[(int)(bits >> (64 - HuffmanTable.LookupBits))];
        if (code == 0)
            code = reader.LongCode(dc, bits);
        component.Prediction += Number(bits, code);
        bits <<= HuffmanCode.Bits(code);
        count -= HuffmanCode.Bits(code);
    }

    /// <summary>The number behind a code, of no bits at all: 0. One that begins with 0 is negative: its bits are those of its
    /// magnitude, inverted (T.81, figure F.12).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static int Number(ulong bits, uint code)
    {
        ulong number = bits << HuffmanCode.Length(code);
        long negative = ~((long)number >> 63);
        int value = (int)((number ^ (ulong)negative) >> 1 >> (63 - HuffmanCode.Size(code)));
        return (value ^ (int)negative) - (int)negative;
    }

    /// <summary>First scan of the DC coefficients.</summary>
    public static void DcFirst(ref EntropyReader reader, Span<short> block, HuffmanTable dc, JpegComponent component, int low)
    {
        (ulong bits, int count) = reader.Ahead;
        Difference(ref reader, ref bits, ref count, dc, component);
        reader.Ahead = (bits, count);
        block[0] = (short)(component.Prediction << low);
    }

    /// <summary>A further bit of the DC coefficients.</summary>
    public static void DcRefine(ref EntropyReader reader, Span<short> block, int low) =>
        block[0] |= (short)(reader.Bits(1) << low);

    /// <summary>First scan of a band of AC coefficients.</summary>
    /// <returns>How many blocks behind this one have none.</returns>
    public static int AcFirst(ref EntropyReader reader, Span<short> block, HuffmanTable ac, Spectrum spectrum)
    {
        for (int k = spectrum.Start; k <= spectrum.End; k++)
        {
            int symbol = reader.Symbol(ac), run = symbol >> 4, size = symbol & 15;
            if (size == 0 && run < 15)
                return (1 << run) + reader.Bits(run) - 1;
            k += run;
            if (size > 0)
                block[Natural[k]] = (short)(reader.Signed(size) << spectrum.Low);
        }
        return 0;
    }

    /// <summary>A further bit of a band of AC coefficients, and those that become non-zero with it; <paramref name="endRun"/> counts
    /// blocks in which none does.</summary>
    public static void AcRefine(ref EntropyReader reader, Span<short> block, HuffmanTable ac, Spectrum spectrum, ref int endRun)
    {
        int k = spectrum.Start;
        short plus = (short)(1 << spectrum.Low), minus = (short)-plus;
        for (; endRun == 0 && k <= spectrum.End; k++)
        {
            int symbol = reader.Symbol(ac), run = symbol >> 4, size = symbol & 15;
            if (size == 0 && run < 15)
            {
                endRun = (1 << run) + reader.Bits(run);
                break;
            }
            reader.MetBadCode |= size > 1;
            short value = size == 0 ? (short)0 : reader.Bits(1) != 0 ? plus : minus;
            k = Refine(ref reader, block, k, spectrum.End, run, plus);
            if (value != 0)
                block[Natural[k]] = value;
        }
        if (endRun == 0)
            return;
        endRun--;
        // Most blocks that a run passes have nothing to refine.
        if (block[1..].ContainsAnyExcept((short)0))
            Refine(ref reader, block, k, spectrum.End, int.MaxValue, plus);
    }

    /// <summary>Corrects the non-zero coefficients from <paramref name="k"/> on, until <paramref name="zeros"/> zero ones
    /// were passed; returns the position of the next zero one.</summary>
    static int Refine(ref EntropyReader reader, Span<short> block, int k, int end, int zeros, short plus)
    {
        for (; k <= end; k++)
        {
            ref short coefficient = ref block[Natural[k]];
            if (coefficient == 0)
            {
                if (zeros-- == 0)
                    break;
            }
            else if (reader.Bits(1) != 0 && (coefficient & plus) == 0)
            {
                coefficient += coefficient >= 0 ? plus : (short)-plus;
            }
        }
        return k;
    }
}
