using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

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
        int done = Ssse3.IsSupported ? FromYccVector(luma, cb, cr, target) : 0;
        for (int x = done, at = 3 * done; x < luma.Length && at + 2 < target.Length; x++, at += 3)
        {
            (int red, int green, int blue) = Ycc(luma[x], cb[x], cr[x]);
            target[at] = Clamp(red);
            target[at + 1] = Clamp(green);
            target[at + 2] = Clamp(blue);
        }
    }

    /// <summary>Sixteen pixels at a time; returns how many pixels are done.</summary>
    static int FromYccVector(ReadOnlySpan<byte> luma, ReadOnlySpan<byte> cb, ReadOnlySpan<byte> cr, Span<byte> target)
    {
        ref byte y0 = ref MemoryMarshal.GetReference(luma), b0 = ref MemoryMarshal.GetReference(cb), r0 = ref MemoryMarshal.GetReference(cr);
        ref byte to = ref MemoryMarshal.GetReference(target);
        int x = 0;
        for (; x + 16 <= luma.Length; x += 16)
        {
            (Vector128<ushort> yLow, Vector128<ushort> yHigh) = Vector128.Widen(Vector128.LoadUnsafe(ref y0, (nuint)x));
            (Vector128<ushort> bLow, Vector128<ushort> bHigh) = Vector128.Widen(Vector128.LoadUnsafe(ref b0, (nuint)x));
            (Vector128<ushort> rLow, Vector128<ushort> rHigh) = Vector128.Widen(Vector128.LoadUnsafe(ref r0, (nuint)x));
            Vector128<short> center = Vector128.Create((short)128);
            Channels(yLow.AsInt16(), bLow.AsInt16() - center, rLow.AsInt16() - center, out Vector128<short> red0, out Vector128<short> green0, out Vector128<short> blue0);
            Channels(yHigh.AsInt16(), bHigh.AsInt16() - center, rHigh.AsInt16() - center, out Vector128<short> red1, out Vector128<short> green1, out Vector128<short> blue1);
            Interleave(Sse2.PackUnsignedSaturate(red0, red1), Sse2.PackUnsignedSaturate(green0, green1), Sse2.PackUnsignedSaturate(blue0, blue1), ref Unsafe.Add(ref to, x * 3));
        }
        return x;
    }

    /// <summary>The formula of <see cref="Ycc"/> with the factors' whole parts split off, so that the rest fits 16 bits:
    /// 91881 = 65536 + 26345, 116130 = 2 x 65536 - 14942, -46802 = -65536 + 18734.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Channels(
        Vector128<short> y, Vector128<short> cb, Vector128<short> cr, out Vector128<short> red, out Vector128<short> green, out Vector128<short> blue)
    {
        Vector128<short> two = Vector128.Create((short)2);
        red = y + cr + Products(cr, two, 26345, Half / 2, 0);
        green = y - cr + Products(cb, cr, -22554, 18734, Half);
        blue = y + cb + cb + Products(cb, two, -14942, Half / 2, 0);
    }

    /// <summary>(a fa + b fb + addend) >> 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<short> Products(Vector128<short> a, Vector128<short> b, short fa, short fb, int addend)
    {
        Vector128<short> factors = Vector128.Create((ushort)fa | (uint)(ushort)fb << 16).AsInt16();
        Vector128<int> low = Sse2.MultiplyAddAdjacent(Sse2.UnpackLow(a, b), factors), high = Sse2.MultiplyAddAdjacent(Sse2.UnpackHigh(a, b), factors);
        Vector128<int> add = Vector128.Create(addend);
        return Sse2.PackSignedSaturate((low + add) >> 16, (high + add) >> 16);
    }

    /// <summary>Writes sixteen pixels of separate channels as 48 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Interleave(Vector128<byte> red, Vector128<byte> green, Vector128<byte> blue, ref byte target)
    {
        const byte no = 128;
        Vector128<byte> first = Ssse3.Shuffle(red, Vector128.Create((byte)0, no, no, 1, no, no, 2, no, no, 3, no, no, 4, no, no, 5))
            | Ssse3.Shuffle(green, Vector128.Create(no, 0, no, no, 1, no, no, 2, no, no, 3, no, no, 4, no, no))
            | Ssse3.Shuffle(blue, Vector128.Create(no, no, 0, no, no, 1, no, no, 2, no, no, 3, no, no, 4, no));
        Vector128<byte> second = Ssse3.Shuffle(red, Vector128.Create(no, no, 6, no, no, 7, no, no, 8, no, no, 9, no, no, 10, no))
            | Ssse3.Shuffle(green, Vector128.Create((byte)5, no, no, 6, no, no, 7, no, no, 8, no, no, 9, no, no, 10))
            | Ssse3.Shuffle(blue, Vector128.Create(no, 5, no, no, 6, no, no, 7, no, no, 8, no, no, 9, no, no));
        Vector128<byte> third = Ssse3.Shuffle(red, Vector128.Create(no, 11, no, no, 12, no, no, 13, no, no, 14, no, no, 15, no, no))
            | Ssse3.Shuffle(green, Vector128.Create(no, no, 11, no, no, 12, no, no, 13, no, no, 14, no, no, 15, no))
            | Ssse3.Shuffle(blue, Vector128.Create((byte)10, no, no, 11, no, no, 12, no, no, 13, no, no, 14, no, no, 15));
        first.StoreUnsafe(ref target);
        second.StoreUnsafe(ref target, 16);
        third.StoreUnsafe(ref target, 32);
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
