using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>The accurate integer inverse DCT: Loeffler, Ligtenberg and Moschytz's 11-multiplication algorithm in 13-bit
/// fixed point, two passes, with the roundings of libjpeg's "islow", so that samples agree with it bit for bit. Coefficients that
/// only damaged files have are too large for it; then the vector code of libjpeg-turbo is what is agreed with, which multiplies and
/// adds in 16 bits.</summary>
static class InverseDct
{
    public const int ConstantBits = 13, FirstPassBits = 2;

    /// <summary>Dequantises and transforms a block (natural order) into 8 x 8 samples.</summary>
    public static void Transform(ReadOnlySpan<short> block, ReadOnlySpan<short> quant, Span<byte> samples, int stride)
    {
        ref short source = ref MemoryMarshal.GetReference(block[..64]);
        ref short scale = ref MemoryMarshal.GetReference(quant[..64]);
        ref byte target = ref MemoryMarshal.GetReference(samples[..(7 * stride + 8)]);
        if (Avx2.IsSupported)
            InverseDct256.Transform(ref source, ref scale, ref target, stride);
        else
            Transform(ref source, ref scale, ref target, stride);
    }

    static void Transform(ref short source, ref short scale, ref byte target, int stride)
    {
        Vector128<short> c0 = Vector128.LoadUnsafe(ref source), c1 = Vector128.LoadUnsafe(ref source, 8);
        Vector128<short> c2 = Vector128.LoadUnsafe(ref source, 16), c3 = Vector128.LoadUnsafe(ref source, 24);
        Vector128<short> c4 = Vector128.LoadUnsafe(ref source, 32), c5 = Vector128.LoadUnsafe(ref source, 40);
        Vector128<short> c6 = Vector128.LoadUnsafe(ref source, 48), c7 = Vector128.LoadUnsafe(ref source, 56);
        bool firstRowOnly = (c1 | c2 | c3 | c4 | c5 | c6 | c7) == Vector128<short>.Zero;
        c0 *= Vector128.LoadUnsafe(ref scale);
        if (firstRowOnly)
        {
            c0 <<= FirstPassBits;
            c1 = c2 = c3 = c4 = c5 = c6 = c7 = c0;
        }
        else
        {
            c1 *= Vector128.LoadUnsafe(ref scale, 8);
            c2 *= Vector128.LoadUnsafe(ref scale, 16);
            c3 *= Vector128.LoadUnsafe(ref scale, 24);
            c4 *= Vector128.LoadUnsafe(ref scale, 32);
            c5 *= Vector128.LoadUnsafe(ref scale, 40);
            c6 *= Vector128.LoadUnsafe(ref scale, 48);
            c7 *= Vector128.LoadUnsafe(ref scale, 56);
            Pass(ref c0, ref c1, ref c2, ref c3, ref c4, ref c5, ref c6, ref c7, ConstantBits - FirstPassBits);
        }
        Transpose(ref c0, ref c1, ref c2, ref c3, ref c4, ref c5, ref c6, ref c7);
        Pass(ref c0, ref c1, ref c2, ref c3, ref c4, ref c5, ref c6, ref c7, ConstantBits + FirstPassBits + 3);
        Transpose(ref c0, ref c1, ref c2, ref c3, ref c4, ref c5, ref c6, ref c7);
        Store(c0, c1, ref target, stride);
        Store(c2, c3, ref Unsafe.Add(ref target, 2 * stride), stride);
        Store(c4, c5, ref Unsafe.Add(ref target, 4 * stride), stride);
        Store(c6, c7, ref Unsafe.Add(ref target, 6 * stride), stride);
    }

    /// <summary>A block whose only coefficient is the first, here dequantised: eight equal rows.</summary>
    public static void TransformDc(int value, Span<byte> samples, int stride)
    {
        int first = (short)(value << FirstPassBits);
        byte sample = (byte)Math.Clamp((first + (1 << (FirstPassBits + 2)) >> (FirstPassBits + 3)) + 128, 0, 255);
        for (int i = 0; i < 8; i++)
            samples.Slice(i * stride, 8).Fill(sample);
    }

    /// <summary>Two rows of samples around zero as bytes around 128: cut off at -128 and 127, then the top bit changed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store(Vector128<short> r0, Vector128<short> r1, ref byte target, int stride)
    {
        Vector128<ulong> rows = (Vector128.NarrowWithSaturation(r0, r1).AsByte() ^ Vector128.Create((byte)128)).AsUInt64();
        Unsafe.WriteUnaligned(ref target, rows[0]);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, stride), rows[1]);
    }

    /// <summary>Eight transforms at once, of the lanes; results are cut off at 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Pass(
        ref Vector128<short> c0, ref Vector128<short> c1, ref Vector128<short> c2, ref Vector128<short> c3,
        ref Vector128<short> c4, ref Vector128<short> c5, ref Vector128<short> c6, ref Vector128<short> c7, int shift)
    {
        Vector256<int> r1 = Widen(c1), r2 = Widen(c2), r3 = Widen(c3), r5 = Widen(c5), r6 = Widen(c6), r7 = Widen(c7);
        Vector256<int> z1 = (r2 + r6) * 4433;
        Vector256<int> even2 = z1 - r6 * 15137;
        Vector256<int> even3 = z1 + r2 * 6270;
        Vector256<int> round = Vector256.Create(1 << (shift - 1));
        Vector256<int> even0 = (Widen(c0 + c4) << ConstantBits) + round;
        Vector256<int> even1 = (Widen(c0 - c4) << ConstantBits) + round;
        Vector256<int> t10 = even0 + even3, t13 = even0 - even3, t11 = even1 + even2, t12 = even1 - even2;

        Vector256<int> z3 = Widen(c7 + c3), z4 = Widen(c5 + c1);
        Vector256<int> z5 = (z3 + z4) * 9633;
        z3 = z5 - z3 * 16069;
        z4 = z5 - z4 * 3196;
        z1 = (r7 + r1) * -7373;
        Vector256<int> z2 = (r5 + r3) * -20995;
        Vector256<int> odd0 = r7 * 2446 + z1 + z3;
        Vector256<int> odd1 = r5 * 16819 + z2 + z4;
        Vector256<int> odd2 = r3 * 25172 + z2 + z3;
        Vector256<int> odd3 = r1 * 12299 + z1 + z4;

        c0 = Narrow((t10 + odd3) >> shift);
        c7 = Narrow((t10 - odd3) >> shift);
        c1 = Narrow((t11 + odd2) >> shift);
        c6 = Narrow((t11 - odd2) >> shift);
        c2 = Narrow((t12 + odd1) >> shift);
        c5 = Narrow((t12 - odd1) >> shift);
        c3 = Narrow((t13 + odd0) >> shift);
        c4 = Narrow((t13 - odd0) >> shift);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Widen(Vector128<short> lanes) => Vector256.WidenLower(lanes.ToVector256Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<short> Narrow(Vector256<int> lanes) => Vector128.NarrowWithSaturation(lanes.GetLower(), lanes.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Transpose(
        ref Vector128<short> c0, ref Vector128<short> c1, ref Vector128<short> c2, ref Vector128<short> c3,
        ref Vector128<short> c4, ref Vector128<short> c5, ref Vector128<short> c6, ref Vector128<short> c7)
    {
        if (!Sse2.IsSupported)
        {
            TransposeScalar(ref c0, ref c1, ref c2, ref c3, ref c4, ref c5, ref c6, ref c7);
            return;
        }
        Vector128<int> a0 = Sse2.UnpackLow(c0, c1).AsInt32(), a1 = Sse2.UnpackHigh(c0, c1).AsInt32();
        Vector128<int> a2 = Sse2.UnpackLow(c2, c3).AsInt32(), a3 = Sse2.UnpackHigh(c2, c3).AsInt32();
        Vector128<int> a4 = Sse2.UnpackLow(c4, c5).AsInt32(), a5 = Sse2.UnpackHigh(c4, c5).AsInt32();
        Vector128<int> a6 = Sse2.UnpackLow(c6, c7).AsInt32(), a7 = Sse2.UnpackHigh(c6, c7).AsInt32();
        Vector128<long> b0 = Sse2.UnpackLow(a0, a2).AsInt64(), b1 = Sse2.UnpackHigh(a0, a2).AsInt64();
        Vector128<long> b2 = Sse2.UnpackLow(a1, a3).AsInt64(), b3 = Sse2.UnpackHigh(a1, a3).AsInt64();
        Vector128<long> b4 = Sse2.UnpackLow(a4, a6).AsInt64(), b5 = Sse2.UnpackHigh(a4, a6).AsInt64();
        Vector128<long> b6 = Sse2.UnpackLow(a5, a7).AsInt64(), b7 = Sse2.UnpackHigh(a5, a7).AsInt64();
        c0 = Sse2.UnpackLow(b0, b4).AsInt16();
        c1 = Sse2.UnpackHigh(b0, b4).AsInt16();
        c2 = Sse2.UnpackLow(b1, b5).AsInt16();
        c3 = Sse2.UnpackHigh(b1, b5).AsInt16();
        c4 = Sse2.UnpackLow(b2, b6).AsInt16();
        c5 = Sse2.UnpackHigh(b2, b6).AsInt16();
        c6 = Sse2.UnpackLow(b3, b7).AsInt16();
        c7 = Sse2.UnpackHigh(b3, b7).AsInt16();
    }

    static void TransposeScalar(
        ref Vector128<short> c0, ref Vector128<short> c1, ref Vector128<short> c2, ref Vector128<short> c3,
        ref Vector128<short> c4, ref Vector128<short> c5, ref Vector128<short> c6, ref Vector128<short> c7)
    {
        Span<Vector128<short>> rows = [c0, c1, c2, c3, c4, c5, c6, c7];
        Span<short> values = MemoryMarshal.Cast<Vector128<short>, short>(rows);
        for (int y = 0; y < 8; y++)
        {
            for (int x = 0; x < y; x++)
                (values[y * 8 + x], values[x * 8 + y]) = (values[x * 8 + y], values[y * 8 + x]);
        }
        (c0, c1, c2, c3, c4, c5, c6, c7) = (rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]);
    }
}
