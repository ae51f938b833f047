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
        Rows rows = default;
        for (int i = 0; i < 8; i++)
        {
            Vector128<short> row = Vector128.LoadUnsafe(ref source, (nuint)(i * 8));
            Vector256<int> wide = Vector256.Create(Vector128.WidenLower(row), Vector128.WidenUpper(row));
            rows[i] = wide * Vector256.LoadUnsafe(ref scale, (nuint)(i * 8));
        }
        Pass(ref rows, ConstantBits - FirstPassBits);
        Transpose(ref rows);
        Pass(ref rows, ConstantBits + FirstPassBits + 3);
        Transpose(ref rows);
        for (int i = 0; i < 8; i++)
        {
            Vector256<int> row = rows[i] + Vector256.Create(128);
            row = Vector256.Min(Vector256.Max(row, Vector256<int>.Zero), Vector256.Create(255));
            Vector128<short> narrow = Vector128.Narrow(row.GetLower(), row.GetUpper());
            Vector128<byte> bytes = Vector128.Narrow(narrow.AsUInt16(), narrow.AsUInt16());
            Unsafe.WriteUnaligned(ref samples.Slice(i * stride, 8)[0], bytes.AsUInt64().ToScalar());
        }
    }

    /// <summary>A block whose only coefficient is the first: eight equal rows.</summary>
    public static void TransformDc(int value, Span<byte> samples, int stride)
    {
        byte sample = (byte)Math.Clamp(((value << FirstPassBits) + (1 << (FirstPassBits + 2)) >> (FirstPassBits + 3)) + 128, 0, 255);
        for (int i = 0; i < 8; i++)
            samples.Slice(i * stride, 8).Fill(sample);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Pass(ref Rows r, int shift)
    {
        Vector256<int> z1 = (r[2] + r[6]) * 4433;
        Vector256<int> even2 = z1 - r[6] * 15137;
        Vector256<int> even3 = z1 + r[2] * 6270;
        Vector256<int> round = Vector256.Create(1 << (shift - 1));
        Vector256<int> even0 = ((r[0] + r[4]) << ConstantBits) + round;
        Vector256<int> even1 = ((r[0] - r[4]) << ConstantBits) + round;
        Vector256<int> t10 = even0 + even3, t13 = even0 - even3, t11 = even1 + even2, t12 = even1 - even2;

        Vector256<int> z5 = (r[7] + r[3] + r[5] + r[1]) * 9633;
        Vector256<int> z3 = z5 - (r[7] + r[3]) * 16069;
        Vector256<int> z4 = z5 - (r[5] + r[1]) * 3196;
        z1 = (r[7] + r[1]) * -7373;
        Vector256<int> z2 = (r[5] + r[3]) * -20995;
        Vector256<int> odd0 = r[7] * 2446 + z1 + z3;
        Vector256<int> odd1 = r[5] * 16819 + z2 + z4;
        Vector256<int> odd2 = r[3] * 25172 + z2 + z3;
        Vector256<int> odd3 = r[1] * 12299 + z1 + z4;

        r[0] = (t10 + odd3) >> shift;
        r[7] = (t10 - odd3) >> shift;
        r[1] = (t11 + odd2) >> shift;
        r[6] = (t11 - odd2) >> shift;
        r[2] = (t12 + odd1) >> shift;
        r[5] = (t12 - odd1) >> shift;
        r[3] = (t13 + odd0) >> shift;
        r[4] = (t13 - odd0) >> shift;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Transpose(ref Rows r)
    {
        if (!Avx2.IsSupported)
        {
            TransposeScalar(ref r);
            return;
        }
        Vector256<int> a0 = Avx2.UnpackLow(r[0], r[1]), a1 = Avx2.UnpackHigh(r[0], r[1]);
        Vector256<int> a2 = Avx2.UnpackLow(r[2], r[3]), a3 = Avx2.UnpackHigh(r[2], r[3]);
        Vector256<int> a4 = Avx2.UnpackLow(r[4], r[5]), a5 = Avx2.UnpackHigh(r[4], r[5]);
        Vector256<int> a6 = Avx2.UnpackLow(r[6], r[7]), a7 = Avx2.UnpackHigh(r[6], r[7]);
        Vector256<long> b0 = Avx2.UnpackLow(a0.AsInt64(), a2.AsInt64()), b1 = Avx2.UnpackHigh(a0.AsInt64(), a2.AsInt64());
        Vector256<long> b2 = Avx2.UnpackLow(a1.AsInt64(), a3.AsInt64()), b3 = Avx2.UnpackHigh(a1.AsInt64(), a3.AsInt64());
        Vector256<long> b4 = Avx2.UnpackLow(a4.AsInt64(), a6.AsInt64()), b5 = Avx2.UnpackHigh(a4.AsInt64(), a6.AsInt64());
        Vector256<long> b6 = Avx2.UnpackLow(a5.AsInt64(), a7.AsInt64()), b7 = Avx2.UnpackHigh(a5.AsInt64(), a7.AsInt64());
        r[0] = Avx2.Permute2x128(b0, b4, 0x20).AsInt32();
        r[1] = Avx2.Permute2x128(b1, b5, 0x20).AsInt32();
        r[2] = Avx2.Permute2x128(b2, b6, 0x20).AsInt32();
        r[3] = Avx2.Permute2x128(b3, b7, 0x20).AsInt32();
        r[4] = Avx2.Permute2x128(b0, b4, 0x31).AsInt32();
        r[5] = Avx2.Permute2x128(b1, b5, 0x31).AsInt32();
        r[6] = Avx2.Permute2x128(b2, b6, 0x31).AsInt32();
        r[7] = Avx2.Permute2x128(b3, b7, 0x31).AsInt32();
    }

    static void TransposeScalar(ref Rows rows)
    {
        Span<int> values = MemoryMarshal.Cast<Vector256<int>, int>(MemoryMarshal.CreateSpan(ref rows[0], 8));
        for (int y = 0; y < 8; y++)
        {
            for (int x = 0; x < y; x++)
                (values[y * 8 + x], values[x * 8 + y]) = (values[x * 8 + y], values[y * 8 + x]);
        }
    }

    [InlineArray(8)]
    struct Rows
    {
        Vector256<int> first;
    }
}
