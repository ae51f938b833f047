using System.Buffers.Binary;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>How rows of plainly stored samples become RGB, with Pillow's roundings.</summary>
static class SampleRow
{
    /// <summary>A palette before a file gives it entries: where it has none, an index is a grey, as in Pillow.</summary>
    public static void ResetPalette(Span<byte> palette)
    {
        for (int i = 0; i < palette.Length; i++)
            palette[i] = (byte)(i / 3);
    }

    /// <summary>Gives each sample of 1, 2, 4 or 8 bits a byte; the first one is in the highest bits.</summary>
    public static void Unpack(ReadOnlySpan<byte> packed, int bits, Span<byte> samples)
    {
        if (bits == 8)
        {
            packed[..samples.Length].CopyTo(samples);
            return;
        }
        int mask = (1 << bits) - 1, perByte = 8 / bits;
        for (int x = 0, at = 0; x < samples.Length; at++)
        {
            int value = packed[at];
            for (int shift = 8 - bits, end = Math.Min(x + perByte, samples.Length); x < end; x++, shift -= bits)
                samples[x] = (byte)(value >> shift & mask);
        }
    }

    /// <summary>Samples of <paramref name="bits"/> bits, a byte each, to the full range; inverted if 0 is white.</summary>
    public static void Stretch(Span<byte> samples, int bits, bool inverted)
    {
        int scale = 255 / ((1 << bits) - 1), flip = inverted ? 255 : 0;
        for (int x = 0; x < samples.Length; x++)
            samples[x] = (byte)(samples[x] * scale ^ flip);
    }

    /// <summary>Indices into 256 entries of red, green, blue.</summary>
    public static void FromPalette(ReadOnlySpan<byte> indices, ReadOnlySpan<byte> palette, Span<byte> target)
    {
        for (int x = 0, at = 0; x < indices.Length; x++, at += 3)
        {
            ReadOnlySpan<byte> color = palette.Slice(indices[x] * 3, 3);
            (target[at], target[at + 1], target[at + 2]) = (color[0], color[1], color[2]);
        }
    }

    /// <summary>Blue, green, red, and what else fills <paramref name="step"/> bytes.</summary>
    public static void FromBgr(ReadOnlySpan<byte> source, int step, Span<byte> target)
    {
        for (int from = 0, at = 0; at < target.Length; from += step, at += 3)
            (target[at], target[at + 1], target[at + 2]) = (source[from + 2], source[from + 1], source[from]);
    }

    /// <summary>Little-endian words of five bits each for red, green and blue; the highest bit is no colour.</summary>
    public static void From555(ReadOnlySpan<byte> source, Span<byte> target)
    {
        for (int from = 0, at = 0; at < target.Length; from += 2, at += 3)
        {
            int pixel = BinaryPrimitives.ReadUInt16LittleEndian(source[from..]);
            target[at] = (byte)((pixel >> 10 & 31) * 255 / 31);
            target[at + 1] = (byte)((pixel >> 5 & 31) * 255 / 31);
            target[at + 2] = (byte)((pixel & 31) * 255 / 31);
        }
    }
}
