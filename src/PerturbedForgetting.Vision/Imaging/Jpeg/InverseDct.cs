using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>The accurate integer inverse DCT: Loeffler, Ligtenberg and Moschytz's 11-multiplication algorithm in 13-bit
/// fixed point, two passes, with the roundings of libjpeg's "islow", so that samples agree with it bit for bit.</summary>
static class InverseDct
{
    const int ConstantBits = 13, FirstPassBits = 2;

    /// <summary>Dequantises and transforms a block (natural order) into 8 x 8 samples.</summary>
    public static void Transform(ReadOnlySpan<short> block, ReadOnlySpan<int> quant, Span<byte> samples, int stride)
    {
        ref short source = ref MemoryMarshal.GetReference(block[..64]);
        ref int scale = ref MemoryMarshal.GetReference(quant[..64]);
        Vector256<int> r0 = Row(ref source, ref scale, 0), r1 = Row(ref source, ref scale, 1), r2 = Row(ref source, ref scale, 2);
        Vector256<int> r3 = Row(ref source, ref scale, 3), r4 = Row(ref source, ref scale, 4), r5 = Row(ref source, ref scale, 5);
        Vector256<int> r6 = Row(ref source, ref scale, 6), r7 = Row(ref source, ref scale, 7);
        Pass(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7, ConstantBits - FirstPassBits);
        Transpose(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7);
        Pass(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7, ConstantBits + FirstPassBits + 3);
        Transpose(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7);
        ref byte target = ref MemoryMarshal.GetReference(samples[..(7 * stride + 8)]);
        Store(r0, r1, r2, r3, ref target, stride);
        Store(r4, r5, r6, r7, ref Unsafe.Add(ref target, 4 * stride), stride);
    }

    /// <summary>A block whose only coefficient is the first: eight equal rows.</summary>
    public static void TransformDc(int value, Span<byte> samples, int stride)
    {
        byte sample = (byte)Math.Clamp(((value << FirstPassBits) + (1 << (FirstPassBits + 2)) >> (FirstPassBits + 3)) + 128, 0, 255);
        for (int i = 0; i < 8; i++)
            samples.Slice(i * stride, 8).Fill(sample);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Row(ref short source, ref int scale, nuint i) =>
        Vector256.WidenLower(Vector128.LoadUnsafe(ref source, i * 8).ToVector256Unsafe()) * Vector256.LoadUnsafe(ref scale, i * 8);

    /// <summary>Four rows of samples around zero as bytes around 128: cut off at -128 and 127, then the top bit changed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store(Vector256<int> r0, Vector256<int> r1, Vector256<int> r2, Vector256<int> r3, ref byte target, int stride)
    {
        Vector256<sbyte> signed =
            Vector256.NarrowWithSaturation(Vector256.NarrowWithSaturation(r0, r1), Vector256.NarrowWithSaturation(r2, r3));
        Vector256<ulong> rows = (signed.AsByte() ^ Vector256.Create((byte)128)).AsUInt64();
        for (int i = 0; i < 4; i++)
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, i * stride), rows[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Pass(
        ref Vector256<int> r0, ref Vector256<int> r1, ref Vector256<int> r2, ref Vector256<int> r3,
        ref Vector256<int> r4, ref Vector256<int> r5, ref Vector256<int> r6, ref Vector256<int> r7, int shift)
    {
        Vector256<int> z1 = (r2 + r6) * 4433;
        Vector256<int> even2 = z1 - r6 * 15137;
        Vector256<int> even3 = z1 + r2 * 6270;
        Vector256<int> round = Vector256.Create(1 << (shift - 1));
        Vector256<int> even0 = ((r0 + r4) << ConstantBits) + round;
        Vector256<int> even1 = ((r0 - r4) << ConstantBits) + round;
        Vector256<int> t10 = even0 + even3, t13 = even0 - even3, t11 = even1 + even2, t12 = even1 - even2;

        Vector256<int> z5 = (r7 + r3 + r5 + r1) * 9633;
        Vector256<int> z3 = z5 - (r7 + r3) * 16069;
        Vector256<int> z4 = z5 - (r5 + r1) * 3196;
        z1 = (r7 + r1) * -7373;
        Vector256<int> z2 = (r5 + r3) * -20995;
        Vector256<int> odd0 = r7 * 2446 + z1 + z3;
        Vector256<int> odd1 = r5 * 16819 + z2 + z4;
        Vector256<int> odd2 = r3 * 25172 + z2 + z3;
        Vector256<int> odd3 = r1 * 12299 + z1 + z4;

        r0 = (t10 + odd3) >> shift;
        r7 = (t10 - odd3) >> shift;
        r1 = (t11 + odd2) >> shift;
        r6 = (t11 - odd2) >> shift;
        r2 = (t12 + odd1) >> shift;
        r5 = (t12 - odd1) >> shift;
        r3 = (t13 + odd0) >> shift;
        r4 = (t13 - odd0) >> shift;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Transpose(
        ref Vector256<int> r0, ref Vector256<int> r1, ref Vector256<int> r2, ref Vector256<int> r3,
        ref Vector256<int> r4, ref Vector256<int> r5, ref Vector256<int> r6, ref Vector256<int> r7)
    {
        if (!Avx2.IsSupported)
        {
            TransposeScalar(ref r0, ref r1, ref r2, ref r3, ref r4, ref r5, ref r6, ref r7);
            return;
        }
        Vector256<int> a0 = Avx2.UnpackLow(r0, r1), a1 = Avx2.UnpackHigh(r0, r1);
        Vector256<int> a2 = Avx2.UnpackLow(r2, r3), a3 = Avx2.UnpackHigh(r2, r3);
        Vector256<int> a4 = Avx2.UnpackLow(r4, r5), a5 = Avx2.UnpackHigh(r4, r5);
        Vector256<int> a6 = Avx2.UnpackLow(r6, r7), a7 = Avx2.UnpackHigh(r6, r7);
        Vector256<long> b0 = Avx2.UnpackLow(a0.AsInt64(), a2.AsInt64()), b1 = Avx2.UnpackHigh(a0.AsInt64(), a2.AsInt64());
        Vector256<long> b2 = Avx2.UnpackLow(a1.AsInt64(), a3.AsInt64()), b3 = Avx2.UnpackHigh(a1.AsInt64(), a3.AsInt64());
        Vector256<long> b4 = Avx2.UnpackLow(a4.AsInt64(), a6.AsInt64()), b5 = Avx2.UnpackHigh(a4.AsInt64(), a6.AsInt64());
        Vector256<long> b6 = Avx2.UnpackLow(a5.AsInt64(), a7.AsInt64()), b7 = Avx2.UnpackHigh(a5.AsInt64(), a7.AsInt64());
        r0 = Avx2.Permute2x128(b0, b4, 0x20).AsInt32();
        r1 = Avx2.Permute2x128(b1, b5, 0x20).AsInt32();
        r2 = Avx2.Permute2x128(b2, b6, 0x20).AsInt32();
        r3 = Avx2.Permute2x128(b3, b7, 0x20).AsInt32();
        r4 = Avx2.Permute2x128(b0, b4, 0x31).AsInt32();
        r5 = Avx2.Permute2x128(b1, b5, 0x31).AsInt32();
        r6 = Avx2.Permute2x128(b2, b6, 0x31).AsInt32();
        r7 = Avx2.Permute2x128(b3, b7, 0x31).AsInt32();
    }

    static void TransposeScalar(
        ref Vector256<int> r0, ref Vector256<int> r1, ref Vector256<int> r2, ref Vector256<int> r3,
        ref Vector256<int> r4, ref Vector256<int> r5, ref Vector256<int> r6, ref Vector256<int> r7)
    {
        Span<Vector256<int>> rows = [r0, r1, r2, r3, r4, r5, r6, r7];
        Span<int> values = MemoryMarshal.Cast<Vector256<int>, int>(rows);
        for (int y = 0; y < 8; y++)
        {
            for (int x = 0; x < y; x++)
                (values[y * 8 + x], values[x * 8 + y]) = (values[x * 8 + y], values[y * 8 + x]);
        }
        (r0, r1, r2, r3, r4, r5, r6, r7) = (rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]);
    }
}
