using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PerturbedForgetting.Vision.Imaging.Png;

/// <summary>Turns the rows of a PNG into 8-bit RGB: alpha is dropped, of 16 bits the high byte is kept.</summary>
sealed class PngColors
{
    /// <summary>Colours of all numbers that samples of up to 8 bits can be.</summary>
    readonly byte[] colors = new byte[256 * 3];
    PngHeader header;
    bool clamp;

    /// <summary>Begins an image.</summary>
    /// <param name="header">Its header.</param>
    /// <param name="palette">Its palette; numbers beyond it mean shades of grey, as for Pillow.</param>
    /// <param name="clampGrey">Whether 16-bit grey is cut off at 255 instead.</param>
    public void Begin(PngHeader header, ReadOnlySpan<byte> palette, bool clampGrey)
    {
        this.header = header;
        clamp = clampGrey && header.Color == PngColorType.Grey;
        int step = header is { Color: PngColorType.Grey, Depth: < 8 } ? 255 / ((1 << header.Depth) - 1) : 1;
        for (int i = 0; i < 256; i++)
            colors.AsSpan(i * 3, 3).Fill((byte)(i * step));
        if (header.Color == PngColorType.Palette)
            palette[..(palette.Length / 3 * 3)].CopyTo(colors);
    }

    /// <summary>Writes all pixels of a row.</summary>
    /// <param name="row">The row without its filter.</param>
    /// <param name="rgb">Three bytes for each of its pixels.</param>
    public void Write(ReadOnlySpan<byte> row, Span<byte> rgb)
    {
        int bytes = header.Depth / 8;
        switch (header.Color)
        {
            case PngColorType.Rgb when bytes == 1:
                row[..rgb.Length].CopyTo(rgb);
                break;
            case PngColorType.Rgb or PngColorType.RgbAlpha:
                TakeColors(row, header.PixelBits / 8, bytes, rgb);
                break;
            case PngColorType.GreyAlpha:
                TakeGrey(row, 2 * bytes, rgb);
                break;
            case PngColorType.Grey when bytes == 1:
                TakeGrey(row, 1, rgb);
                break;
            case PngColorType.Grey when bytes == 2:
                if (clamp)
                    ClampGrey(row, rgb);
                else
                    TakeGrey(row, 2, rgb);
                break;
            default:
                LookUp(row, rgb);
                break;
        }
    }

    static void TakeColors(ReadOnlySpan<byte> row, int pixelBytes, int sampleBytes, Span<byte> rgb)
    {
        ref byte from = ref MemoryMarshal.GetReference(row), to = ref MemoryMarshal.GetReference(rgb);
        int pixels = Math.Min(rgb.Length / 3, row.Length / pixelBytes);
        for (int i = 0; i < pixels; i++)
        {
            to = from;
            Unsafe.Add(ref to, 1) = Unsafe.Add(ref from, sampleBytes);
            Unsafe.Add(ref to, 2) = Unsafe.Add(ref from, 2 * sampleBytes);
            from = ref Unsafe.Add(ref from, pixelBytes);
            to = ref Unsafe.Add(ref to, 3);
        }
    }

    static void TakeGrey(ReadOnlySpan<byte> row, int pixelBytes, Span<byte> rgb)
    {
        for (int i = 0, at = 0; at + 2 < rgb.Length; i += pixelBytes, at += 3)
            rgb[at] = rgb[at + 1] = rgb[at + 2] = row[i];
    }

    static void ClampGrey(ReadOnlySpan<byte> row, Span<byte> rgb)
    {
        for (int i = 0, at = 0; at + 2 < rgb.Length; i += 2, at += 3)
            rgb[at] = rgb[at + 1] = rgb[at + 2] = row[i] == 0 ? row[i + 1] : (byte)255;
    }

    void LookUp(ReadOnlySpan<byte> row, Span<byte> rgb)
    {
        ReadOnlySpan<byte> table = colors;
        int depth = header.Depth, mask = (1 << depth) - 1;
        for (int i = 0, at = 0; i < row.Length; i++)
        {
            int bits = row[i];
            for (int shift = 8 - depth; shift >= 0 && at < rgb.Length; shift -= depth, at += 3)
            {
                ReadOnlySpan<byte> color = table.Slice((bits >> shift & mask) * 3, 3);
                (rgb[at], rgb[at + 1], rgb[at + 2]) = (color[0], color[1], color[2]);
            }
        }
    }
}
