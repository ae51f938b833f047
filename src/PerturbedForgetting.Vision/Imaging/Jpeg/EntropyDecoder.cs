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

    /// <summary>Decodes a whole block into zeros.</summary>
    /// <returns>Whether there may be others than the first.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool Sequential(
        ref EntropyReader reader, Span<short> block, HuffmanTable dc, HuffmanTable ac, JpegComponent component)
    {
        ref short coefficients = ref MemoryMarshal.GetReference(block[..64]);
        ref byte natural = ref MemoryMarshal.GetReference(Natural);
        ref ulong pairs = ref MemoryMarshal.GetReference(ac.Pairs);
        Difference(ref reader, dc, component);
        coefficients = (short)component.Prediction;
        ref byte at = ref reader.Ahead(out ulong bits, out int count);
        nint k = 1;
        while (k < 64)
        {
            bits |= EntropyReader.Load(ref at) >> count;
            at = ref Unsafe.Add(ref at, EntropyReader.Bytes(count));
            count |= EntropyReader.Full;
            ulong pair = Unsafe.Add(ref pairs, (nint)(bits >> (64 - HuffmanTable.LookupBits)));
            nint next = k + HuffmanPair.Count(pair);
            if (next < 64)
            {
                // It takes 26 bits at most, eleven and a number: what is left is enough for another one.
                Put(ref coefficients, ref natural, k, pair, bits);
                bits <<= HuffmanPair.Bits(pair);
                count -= HuffmanPair.Bits(pair);
                k = next;
                pair = Unsafe.Add(ref pairs, (nint)(bits >> (64 - HuffmanTable.LookupBits)));
                next = k + HuffmanPair.Count(pair);
            }
            if (next >= 64 && !HuffmanPair.EndsWithin(pair, next))
            {
                // A long code, or the last of the block, behind which the pair is of the next one. No register outlives the call.
                reader.GiveBack(ref at, bits, count);
                k = Single(ref reader, block, ac, (int)k);
                at = ref reader.Ahead(out bits, out count);
                continue;
            }
            Put(ref coefficients, ref natural, k, pair, bits);
            bits <<= HuffmanPair.Bits(pair);
            count -= HuffmanPair.Bits(pair);
            k = next;
        }
        reader.GiveBack(ref at, bits, count);
        return k != 1 + HuffmanPair.End;
    }

    /// <summary>Writes the coefficients of a pair from <paramref name="k"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Put(ref short coefficients, ref byte natural, nint k, ulong pair, ulong bits)
    {
        // Where there is no second one, it is a zero, which the first one may write over, or where one is.
        nint second = Unsafe.Add(ref natural, k + HuffmanPair.SecondPlace(pair));
        Unsafe.Add(ref coefficients, second) = (short)HuffmanPair.SecondValue(pair);
        nint first = Unsafe.Add(ref natural, k + HuffmanPair.Run(pair));
        Unsafe.Add(ref coefficients, first) = (short)HuffmanPair.FirstValue(pair, bits);
    }

    /// <summary>Passes over a block of which only the first coefficient matters to those behind it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Skip(ref EntropyReader reader, HuffmanTable dc, HuffmanTable ac, JpegComponent component)
    {
        ref ushort skip = ref MemoryMarshal.GetReference(ac.Skip);
        Difference(ref reader, dc, component);
        ref byte at = ref reader.Ahead(out ulong bits, out int count);
        nint k = 1;
        while (k < 64)
        {
            bits |= EntropyReader.Load(ref at) >> count;
            at = ref Unsafe.Add(ref at, EntropyReader.Bytes(count));
            count |= EntropyReader.Full;
            int several = Unsafe.Add(ref skip, (nint)(bits >> (64 - HuffmanTable.SkipBits)));
            nint next = k + (several >> 6);
            if (next < 64)
            {
                // It takes 27 bits at most, twelve and a number: what is left is enough for another one.
                bits <<= several;
                count -= several;
                k = next;
                several = Unsafe.Add(ref skip, (nint)(bits >> (64 - HuffmanTable.SkipBits)));
                next = k + (several >> 6);
            }
            if (next >= 64 && (several < HuffmanTable.SkipEnd || next >= 128))
            {
                reader.GiveBack(ref at, bits, count);
                k = Single(ref reader, [], ac, (int)k);
                at = ref reader.Ahead(out bits, out count);
                continue;
            }
            bits <<= several;
            count -= several;
            k = next;
        }
        reader.GiveBack(ref at, bits, count);
    }

    /// <summary>Reads a block's first coefficient, coded as its difference to the one before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Difference(ref EntropyReader reader, HuffmanTable dc, JpegComponent component)
    {
        uint code = reader.Code(dc);
        component.Prediction += reader.Signed(HuffmanCode.Size(code));
    }

    /// <summary>Reads coefficient <paramref name="k"/>, or the end of the block.</summary>
    /// <returns>The next coefficient, 64 at most; where the block ends, <see cref="HuffmanPair.End"/> more than the one read.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Single(ref EntropyReader reader, Span<short> block, HuffmanTable ac, int k)
    {
        uint code = reader.Code(ac);
        if (HuffmanCode.IsEnd(code))
            return k + HuffmanPair.End;
        k += HuffmanCode.Run(code);
        int value = reader.Signed(HuffmanCode.Size(code));
        if (value != 0 && block.Length > 0)
            block[Natural[k]] = (short)value;
        return Math.Min(k + 1, 64);
    }

    /// <summary>First scan of the DC coefficients.</summary>
    public static void DcFirst(ref EntropyReader reader, Span<short> block, HuffmanTable dc, JpegComponent component, int low)
    {
        Difference(ref reader, dc, component);
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
            int symbol = HuffmanCode.Symbol(reader.Code(ac)), run = symbol >> 4, size = symbol & 15;
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
            int symbol = HuffmanCode.Symbol(reader.Code(ac)), run = symbol >> 4, size = symbol & 15;
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
