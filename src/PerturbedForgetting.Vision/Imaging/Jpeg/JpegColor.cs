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
        int done = Avx2.IsSupported ? FromYccVector(luma, cb, cr, target) : 0;
        for (int x = done, at = 3 * done; x < luma.Length && at + 2 < target.Length; x++, at += 3)
        {
            (int red, int green, int blue) = Ycc(luma[x], cb[x], cr[x]);
            target[at] = Clamp(red);
            target[at + 1] = Clamp(green);
            target[at + 2] = Clamp(blue);
        }
    }

    /// <summary>Thirty-two pixels at a time, the last ones together with some before them; returns how many pixels are done.</summary>
    static int FromYccVector(ReadOnlySpan<byte> luma, ReadOnlySpan<byte> cb, ReadOnlySpan<byte> cr, Span<byte> target)
    {
        if (luma.Length < 32)
            return 0;
        ref byte y0 = ref MemoryMarshal.GetReference(luma), b0 = ref MemoryMarshal.GetReference(cb),
            r0 = ref MemoryMarshal.GetReference(cr);
        ref byte to = ref MemoryMarshal.GetReference(target);
        Vector256<byte> zero = Vector256<byte>.Zero;
        Vector256<short> center = Vector256.Create((short)128);
        for (int next = 0; next < luma.Length; next += 32)
        {
            int x = Math.Min(next, luma.Length - 32);
            Vector256<byte> y = Vector256.LoadUnsafe(ref y0, (nuint)x), b = Vector256.LoadUnsafe(ref b0, (nuint)x),
                r = Vector256.LoadUnsafe(ref r0, (nuint)x);
            // Unpacking and packing both work on halves of 16 bytes: the order comes back.
            Channels(Avx2.UnpackLow(y, zero).AsInt16(), Avx2.UnpackLow(b, zero).AsInt16() - center,
                Avx2.UnpackLow(r, zero).AsInt16() - center,
                out Vector256<short> red0, out Vector256<short> green0, out Vector256<short> blue0);
            Channels(Avx2.UnpackHigh(y, zero).AsInt16(), Avx2.UnpackHigh(b, zero).AsInt16() - center,
                Avx2.UnpackHigh(r, zero).AsInt16() - center,
                out Vector256<short> red1, out Vector256<short> green1, out Vector256<short> blue1);
            Interleave(Avx2.PackUnsignedSaturate(red0, red1), Avx2.PackUnsignedSaturate(green0, green1),
                Avx2.PackUnsignedSaturate(blue0, blue1), ref Unsafe.Add(ref to, x * 3));
        }
        return luma.Length;
    }

    /// <summary>The formula of <see cref="Ycc"/> with the factors' whole parts split off, so that the rest fits 16 bits:
    /// 91881 = 65536 + 26345, 116130 = 2 x 65536 - 14942, -46802 = -65536 + 18734.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Channels(
        Vector256<short> y, Vector256<short> cb, Vector256<short> cr, out Vector256<short> red, out Vector256<short> green,
        out Vector256<short> blue)
    {
        Vector256<short> two = Vector256.Create((short)2);
        red = y + cr + Products(cr, two, 26345, Half / 2, 0);
        green = y - cr + Products(cb, cr, -22554, 18734, Half);
        blue = y + cb + cb + Products(cb, two, -14942, Half / 2, 0);
    }

    /// <summary>(a fa + b fb + addend) >> 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<short> Products(Vector256<short> a, Vector256<short> b, short fa, short fb, int addend)
    {
        Vector256<short> factors = Vector256.Create((ushort)fa | (uint)(ushort)fb << 16).AsInt16();
        Vector256<int> low = Avx2.MultiplyAddAdjacent(Avx2.UnpackLow(a, b), factors),
            high = Avx2.MultiplyAddAdjacent(Avx2.UnpackHigh(a, b), factors);
        Vector256<int> add = Vector256.Create(addend);
        return Avx2.PackSignedSaturate((low + add) >> 16, (high + add) >> 16);
    }

    /// <summary>Writes thirty-two pixels of separate channels as 96 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Interleave(Vector256<byte> red, Vector256<byte> green, Vector256<byte> blue, ref byte target)
    {
        const byte no = 128;
        Vector256<byte> first = Spread(red, Vector128.Create((byte)0, no, no, 1, no, no, 2, no, no, 3, no, no, 4, no, no, 5))
            | Spread(green, Vector128.Create(no, 0, no, no, 1, no, no, 2, no, no, 3, no, no, 4, no, no))
            | Spread(blue, Vector128.Create(no, no, 0, no, no, 1, no, no, 2, no, no, 3, no, no, 4, no));
        Vector256<byte> second = Spread(red, Vector128.Create(no, no, 6, no, no, 7, no, no, 8, no, no, 9, no, no, 10, no))
            | Spread(green, Vector128.Create((byte)5, no, no, 6, no, no, 7, no, no, 8, no, no, 9, no, no, 10))
            | Spread(blue, Vector128.Create(no, 5, no, no, 6, no, no, 7, no, no, 8, no, no, 9, no, no));
        Vector256<byte> third = Spread(red, Vector128.Create(no, 11, no, no, 12, no, no, 13, no, no, 14, no, no, 15, no, no))
            | Spread(green, Vector128.Create(no, no, 11, no, no, 12, no, no, 13, no, no, 14, no, no, 15, no))
            | Spread(blue, Vector128.Create((byte)10, no, no, 11, no, no, 12, no, no, 13, no, no, 14, no, no, 15));
        first.GetLower().StoreUnsafe(ref target);
        second.GetLower().StoreUnsafe(ref target, 16);
        third.GetLower().StoreUnsafe(ref target, 32);
        first.GetUpper().StoreUnsafe(ref target, 48);
        second.GetUpper().StoreUnsafe(ref target, 64);
        third.GetUpper().StoreUnsafe(ref target, 80);
    }

    /// <summary>Puts the samples of each sixteen pixels to the places of <paramref name="order"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<byte> Spread(Vector256<byte> channel, Vector128<byte> order) => Avx2.Shuffle(channel, Vector256.Create(order, order));

    /// <summary>CMYK or YCCK to RGB. Samples are taken as inverted (255 = no ink), which is what every writer of such
    /// files does and what Pillow assumes; then ink and black multiply, in Pillow's rounding.</summary>
    public static void FromInks(
        ReadOnlySpan<byte> cyan, ReadOnlySpan<byte> magenta, ReadOnlySpan<byte> yellow, ReadOnlySpan<byte> black, bool transformed,
        Span<byte> target)
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

    /// <summary>What an ink leaves of the light that black leaves.</summary>
    public static byte Mix(int ink, int light)
    {
        int product = ink * light + 128;
        return (byte)Math.Clamp(light - ((product >> 8) + product >> 8), 0, 255);
    }

    static byte Clamp(int value) => (uint)value <= 255 ? (byte)value : value < 0 ? (byte)0 : (byte)255;
}
