namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>Colour conversion of one row in 16-bit fixed point, with libjpeg's roundings.</summary>
static class JpegColor
{
    const int Half = 1 << 15;

    public static void FromGrey(ReadOnlySpan<byte> grey, Span<byte> target)
    {
        for (int x = 0, at = 0; x < grey.Length; x++, at += 3)
            target[at] = target[at + 1] = target[at + 2] = grey[x];
    }

    public static void FromRgb(ReadOnlySpan<byte> red, ReadOnlySpan<byte> green, ReadOnlySpan<byte> blue, Span<byte> target)
    {
        for (int x = 0, at = 0; x < red.Length; x++, at += 3)
            (target[at], target[at + 1], target[at + 2]) = (red[x], green[x], blue[x]);
    }

    /// <summary>YCbCr to RGB (JFIF 1.02): R = Y + 1.402 Cr, G = Y - 0.34414 Cb - 0.71414 Cr, B = Y + 1.772 Cb.</summary>
    public static void FromYcc(ReadOnlySpan<byte> luma, ReadOnlySpan<byte> cb, ReadOnlySpan<byte> cr, Span<byte> target)
    {
        cb = cb[..luma.Length];
        cr = cr[..luma.Length];
        target = target[..(luma.Length * 3)];
        for (int x = 0, at = 0; x < luma.Length && at + 2 < target.Length; x++, at += 3)
        {
            (int red, int green, int blue) = Ycc(luma[x], cb[x], cr[x]);
            target[at] = Clamp(red);
            target[at + 1] = Clamp(green);
            target[at + 2] = Clamp(blue);
        }
    }

    /// <summary>CMYK or YCCK to RGB. Samples are taken as inverted (255 = no ink), which is what every writer of such
    /// files does and what Pillow assumes; then ink and black multiply, in Pillow's rounding.</summary>
    public static void FromInks(
        ReadOnlySpan<byte> cyan, ReadOnlySpan<byte> magenta, ReadOnlySpan<byte> yellow, ReadOnlySpan<byte> black, bool transformed, Span<byte> target)
    {
        for (int x = 0, at = 0; x < cyan.Length; x++, at += 3)
        {
            (int c, int m, int y) = (cyan[x], magenta[x], yellow[x]);
            if (transformed)
            {
                (int red, int green, int blue) = Ycc(c, m, y);
                (c, m, y) = (255 - Clamp(red), 255 - Clamp(green), 255 - Clamp(blue));
            }
            int light = black[x];
            target[at] = Mix(255 - c, light);
            target[at + 1] = Mix(255 - m, light);
            target[at + 2] = Mix(255 - y, light);
        }
    }

    static (int Red, int Green, int Blue) Ycc(int luma, int cb, int cr)
    {
        cb -= 128;
        cr -= 128;
        return (
            luma + (91881 * cr + Half >> 16),
            luma + (Half - 22554 * cb - 46802 * cr >> 16),
            luma + (116130 * cb + Half >> 16));
    }

    static byte Mix(int ink, int light)
    {
        int product = ink * light + 128;
        return (byte)Math.Clamp(light - ((product >> 8) + product >> 8), 0, 255);
    }

    static byte Clamp(int value) => (uint)value <= 255 ? (byte)value : value < 0 ? (byte)0 : (byte)255;
}
