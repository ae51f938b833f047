using System.Runtime.InteropServices;

namespace PerturbedForgetting.Vision.Imaging.Gif;

/// <summary>Expands the codes of a GIF (LZW, lowest bit first, of 2 to 12 bits). A code means a string that stands among the pixels
/// already: where it begins and how long it is are the table.</summary>
sealed class GifCodes
{
    /// <summary>No byte of codes gives more pixels: 12 bits mean 4096 pixels at most.</summary>
    public const int LargestExpansion = 2800;

    /// <summary>Bytes behind the codes that may be read.</summary>
    public const int Slack = 4;

    const int TableSize = 4096, LongestCode = 12;

    readonly int[] starts = new int[TableSize];
    readonly int[] lengths = new int[TableSize];

    /// <summary>Expands codes until the pixels are full.</summary>
    /// <param name="codes">The codes and <see cref="Slack"/> bytes.</param>
    /// <param name="pixelBits">Bits of the numbers that stand for themselves, 1 to 8.</param>
    /// <param name="pixels">Receives numbers of the palette.</param>
    /// <returns>How many pixels there are; fewer than asked for if the codes end.</returns>
    /// <exception cref="ImageDecodeException">A code means nothing.</exception>
    public int Expand(ReadOnlySpan<byte> codes, int pixelBits, Span<byte> pixels)
    {
        int clear = 1 << pixelBits, end = clear + 1, bits = pixelBits + 1, next = clear + 2;
        int start = 0, length = 0, filled = 0;
        long bitCount = (codes.Length - Slack) * 8L;
        for (long bit = 0; filled < pixels.Length && bit + bits <= bitCount;)
        {
            int code = (int)(MemoryMarshal.Read<uint>(codes[(int)(bit >> 3)..]) >> (int)(bit & 7)) & ((1 << bits) - 1);
            bit += bits;
            if (code == clear)
            {
                (bits, next, length) = (pixelBits + 1, clear + 2, 0);
                continue;
            }
            if (code == end)
                break;
            if (code > next || (code == next && next == TableSize) || (code > end && length == 0))
                throw DecodeErrors.Corrupt(GifDecoder.Name, FormattableString.Invariant($"code {code} means nothing at pixel {filled}"));
            // The string before and the first pixel of this one are the next entry, which may be this very code.
            bool learns = length > 0 && next < TableSize;
            if (learns)
                (starts[next], lengths[next]) = (start, length + 1);
            int from = filled;
            if (code < clear)
                (pixels[filled], length) = ((byte)code, 1);
            else
                (from, length) = (starts[code], Math.Min(lengths[code], pixels.Length - filled));
            start = filled;
            if (code > end)
                Repeat(pixels, from, filled, length);
            filled += length;
            if (learns && ++next == 1 << bits && bits < LongestCode)
                bits++;
        }
        return filled;
    }

    /// <summary>Copies a string that ends at most one pixel behind where its copy begins.</summary>
    static void Repeat(Span<byte> pixels, int from, int to, int length)
    {
        if (from + length <= to)
        {
            pixels.Slice(from, length).CopyTo(pixels[to..]);
            return;
        }
        pixels.Slice(from, length - 1).CopyTo(pixels[to..]);
        pixels[to + length - 1] = pixels[to];
    }
}
