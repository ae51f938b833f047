namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>The entropy-coded parameters of a scan (T.81, B.2.3).</summary>
/// <param name="Start">First coefficient in zigzag order.</param>
/// <param name="End">Last coefficient.</param>
/// <param name="High">Bit position of the previous scan of these coefficients, 0 for none.</param>
/// <param name="Low">Bit position that this scan delivers.</param>
readonly record struct Spectrum(int Start, int End, int High, int Low);

/// <summary>Huffman decoding of single blocks: sequential (T.81, F.2.2) and the four progressive procedures (G.2).
/// Each returns false where the bits match no code or leave the block.</summary>
static class EntropyDecoder
{
    /// <summary>Position in the block (rows of eight) of the n-th coefficient in zigzag order.</summary>
    public static ReadOnlySpan<byte> Natural =>
    [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
        35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    ];

    /// <summary>Decodes a whole block into zeroed coefficients; <paramref name="last"/> is the last position that is not zero.</summary>
    public static bool Sequential(
        ref EntropyReader reader, Span<short> block, HuffmanTable dc, HuffmanTable ac, JpegComponent component, out int last)
    {
        last = 0;
        int size = reader.Symbol(dc);
        if (size > 15)
            return false;
        component.Prediction += reader.Signed(size);
        block[0] = (short)component.Prediction;
        for (int k = 1; k < 64; k++)
        {
            int fast = reader.FastAc(ac);
            if (fast != 0)
            {
                k += fast >> 4 & 15;
                if (k > 63)
                    return false;
                block[Natural[k]] = (short)(fast >> 8);
                last = k;
                continue;
            }
            int symbol = reader.Symbol(ac);
            if (symbol > 255)
                return false;
            size = symbol & 15;
            if (size == 0)
            {
                if (symbol != 0xF0)
                    break;
                k += 15;
                continue;
            }
            k += symbol >> 4;
            if (k > 63)
                return false;
            block[Natural[k]] = (short)reader.Signed(size);
            last = k;
        }
        return true;
    }

    /// <summary>First scan of the DC coefficients.</summary>
    public static bool DcFirst(ref EntropyReader reader, Span<short> block, HuffmanTable dc, JpegComponent component, int low)
    {
        int size = reader.Symbol(dc);
        if (size > 15)
            return false;
        component.Prediction += reader.Signed(size);
        block[0] = (short)(component.Prediction << low);
        return true;
    }

    /// <summary>A further bit of the DC coefficients.</summary>
    public static void DcRefine(ref EntropyReader reader, Span<short> block, int low) =>
        block[0] |= (short)(reader.Bits(1) << low);

    /// <summary>First scan of a band of AC coefficients; <paramref name="endRun"/> counts blocks that have none left.</summary>
    public static bool AcFirst(ref EntropyReader reader, Span<short> block, HuffmanTable ac, Spectrum spectrum, ref int endRun)
    {
        if (endRun > 0)
        {
            endRun--;
            return true;
        }
        for (int k = spectrum.Start; k <= spectrum.End; k++)
        {
            int symbol = reader.Symbol(ac);
            if (symbol > 255)
                return false;
            int run = symbol >> 4, size = symbol & 15;
            if (size == 0)
            {
                if (run < 15)
                {
                    endRun = (1 << run) + reader.Bits(run) - 1;
                    break;
                }
                k += 15;
                continue;
            }
            k += run;
            if (k > spectrum.End)
                return false;
            block[Natural[k]] = (short)(reader.Signed(size) << spectrum.Low);
        }
        return true;
    }

    /// <summary>A further bit of a band of AC coefficients, and those that become non-zero with it.</summary>
    public static bool AcRefine(ref EntropyReader reader, Span<short> block, HuffmanTable ac, Spectrum spectrum, ref int endRun)
    {
        int k = spectrum.Start;
        short plus = (short)(1 << spectrum.Low), minus = (short)-plus;
        for (; endRun == 0 && k <= spectrum.End; k++)
        {
            int symbol = reader.Symbol(ac);
            if (symbol > 255)
                return false;
            int run = symbol >> 4, size = symbol & 15;
            if (size > 1)
                return false;
            if (size == 0 && run < 15)
            {
                endRun = (1 << run) + reader.Bits(run);
                break;
            }
            short value = size == 0 ? (short)0 : reader.Bits(1) != 0 ? plus : minus;
            k = Refine(ref reader, block, k, spectrum.End, run, plus);
            if (value != 0)
            {
                if (k > spectrum.End)
                    return false;
                block[Natural[k]] = value;
            }
        }
        if (endRun > 0)
        {
            Refine(ref reader, block, k, spectrum.End, int.MaxValue, plus);
            endRun--;
        }
        return true;
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
