using System.Buffers.Binary;
using PerturbedForgetting.Vision.Imaging.Jpeg;

namespace PerturbedForgetting.Vision.Imaging.Tiff;

/// <summary>Turns unpacked rows of samples into RGB.</summary>
sealed class TiffRow(TiffLayout layout, Grey16Conversion grey16) : IDisposable
{
    readonly byte[] palette = new byte[768];
    byte[] samples = [];

    bool Grey => layout.Color is TiffColor.WhiteIsZero or TiffColor.BlackIsZero;

    /// <summary>How many of the samples decide about the colour: those behind them are not read where each has strips of its own.
    /// </summary>
    public int Needed => layout.Color switch
    {
        TiffColor.Rgb or TiffColor.Ycc => layout.Premultiplied ? 4 : 3,
        TiffColor.Cmyk => 4,
        _ => 1,
    };

    /// <summary>Takes over the palette; its entries are 16 bits each, of which the high bytes count: all reds, all greens, all
    /// blues.</summary>
    public void Read(ReadOnlySpan<byte> file)
    {
        if (layout.Color != TiffColor.Palette)
            return;
        int entries = 1 << layout.Bits;
        if (!layout.Directory.TryFind((int)TiffTag.ColorMap, out TiffField map) || map.Type != 3 || map.Count < 3 * entries)
            throw DecodeErrors.Corrupt("TIFF", "its palette is missing or too short");
        for (int i = 0; i < 3 * entries; i++)
            palette[i % entries * 3 + i / entries] = (byte)(map.Number(file, i) >> 8);
    }

    /// <summary>A row in which the samples of each pixel follow each other.</summary>
    public void Convert(ReadOnlySpan<byte> stored, Span<byte> target)
    {
        int step = layout.Samples;
        ReadOnlySpan<byte> bytes = Narrow(stored, target.Length / 3 * step);
        switch (layout.Color)
        {
            case TiffColor.Palette:
                for (int from = 0, at = 0; at < target.Length; from += step, at += 3)
                    palette.AsSpan(bytes[from] * 3, 3).CopyTo(target[at..]);
                break;
            case TiffColor.WhiteIsZero or TiffColor.BlackIsZero:
                for (int from = 0, at = 0; at < target.Length; from += step, at += 3)
                    target[at] = target[at + 1] = target[at + 2] = bytes[from];
                break;
            default:
                for (int from = 0, at = 0; at < target.Length; from += step, at += 3)
                    bytes.Slice(from, 3).CopyTo(target[at..]);
                if (Needed == 4)
                    Finish(bytes[3..], step, target);
                break;
        }
    }

    /// <summary>A row of one sample of each pixel; all samples up to <see cref="Needed"/> come one after the other.</summary>
    public void Convert(ReadOnlySpan<byte> stored, int sample, Span<byte> target)
    {
        ReadOnlySpan<byte> bytes = Narrow(stored, target.Length / 3);
        if (layout.Color == TiffColor.Palette)
            SampleRow.FromPalette(bytes, palette, target);
        else if (Grey)
            JpegColor.FromGrey(bytes, target);
        else if (sample == 3)
            Finish(bytes, 1, target);
        else
        {
            for (int x = 0; x < bytes.Length; x++)
                target[3 * x + sample] = bytes[x];
        }
    }

    public void Dispose() => PooledBuffer.Release(ref samples);

    /// <summary>What the fourth sample does to the first three: black to inks, alpha to colours that were multiplied by it.</summary>
    void Finish(ReadOnlySpan<byte> fourth, int step, Span<byte> target)
    {
        bool inks = layout.Color == TiffColor.Cmyk;
        for (int from = 0, at = 0; at < target.Length; from += step, at += 3)
        {
            int value = fourth[from];
            for (int c = at; c < at + 3; c++)
            {
                target[c] = inks ? JpegColor.Mix(target[c], 255 - value)
                    : value == 0 ? (byte)0 : (byte)Math.Min(target[c] * 255 / value, 255);
            }
        }
    }

    /// <summary>The samples in 8 bits each; indices stay as they are.</summary>
    ReadOnlySpan<byte> Narrow(ReadOnlySpan<byte> stored, int count)
    {
        bool inverted = layout.Color == TiffColor.WhiteIsZero;
        if (layout.Bits == 8 && !inverted)
            return stored[..count];
        PooledBuffer.Ensure(ref samples, count);
        Span<byte> narrow = samples.AsSpan(0, count);
        if (layout.Bits > 8)
        {
            for (int i = 0; i < count; i++)
                narrow[i] = Narrow(layout.Bits == 12 ? Twelve(stored, i) : Sixteen(stored, i), inverted);
            return narrow;
        }
        SampleRow.Unpack(stored, layout.Bits, narrow);
        if (Grey)
            SampleRow.Stretch(narrow, layout.Bits, inverted);
        return narrow;
    }

    byte Narrow(int sample, bool inverted)
    {
        if (inverted)
            sample = (1 << layout.Bits) - 1 - sample;
        return Grey && grey16 == Grey16Conversion.Clamp ? (byte)Math.Min(sample, 255) : (byte)(sample >> layout.Bits - 8);
    }

    int Sixteen(ReadOnlySpan<byte> stored, int index) => layout.Directory.BigEndian
        ? BinaryPrimitives.ReadUInt16BigEndian(stored[(2 * index)..]) : BinaryPrimitives.ReadUInt16LittleEndian(stored[(2 * index)..]);

    /// <summary>Two samples take three bytes.</summary>
    static int Twelve(ReadOnlySpan<byte> stored, int index)
    {
        ReadOnlySpan<byte> at = stored[(index / 2 * 3)..];
        return (index & 1) == 0 ? at[0] << 4 | at[1] >> 4 : (at[1] & 15) << 8 | at[2];
    }
}
