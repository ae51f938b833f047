using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>The transform of <see cref="InverseDct"/> with AVX2: two rows lie in a vector, and 16-bit multiply-adds of two
/// coefficients do the sums of two products, which are those of 32 bits to the last.</summary>
static class InverseDct256
{
    /// <summary>Dequantises and transforms 64 coefficients into eight rows of eight samples.</summary>
    public static void Transform(ref short source, ref short scale, ref byte target, int stride)
    {
        Vector256<short> c04 = Rows(ref source, 0), c15 = Rows(ref source, 8), c26 = Rows(ref source, 16), c37 = Rows(ref source, 24);
        bool firstRowOnly = (c04.GetUpper().ToVector256() | c15 | c26 | c37) == Vector256<short>.Zero;
        c04 *= Rows(ref scale, 0);
        Vector256<short> c01, c32, c45, c76;
        if (firstRowOnly)
        {
            c01 = Avx2.Permute2x128(c04, c04, 0) << InverseDct.FirstPassBits;
            c32 = c45 = c76 = c01;
        }
        else
        {
            c15 *= Rows(ref scale, 8);
            c26 *= Rows(ref scale, 16);
            c37 *= Rows(ref scale, 24);
            Pass(c04, c15, c26, c37, InverseDct.ConstantBits - InverseDct.FirstPassBits, out c01, out c32, out c45, out c76);
        }
        Transpose(c01, c32, c45, c76, out c04, out c15, out c26, out c37);
        Pass(c04, c15, c26, c37, InverseDct.ConstantBits + InverseDct.FirstPassBits + 3, out c01, out c32, out c45, out c76);
        Transpose(c01, c32, c45, c76, out c04, out c15, out c26, out c37);
        // Samples around zero become bytes around 128: cut off at -128 and 127, then the top bit changed.
        Vector256<sbyte> center = Vector256.Create((sbyte)-128);
        Vector256<ulong> rows0145 = (Avx2.PackSignedSaturate(c04, c15) ^ center).AsUInt64();
        Vector256<ulong> rows2367 = (Avx2.PackSignedSaturate(c26, c37) ^ center).AsUInt64();
        Store(rows0145.GetLower(), ref target, stride);
        Store(rows2367.GetLower(), ref Unsafe.Add(ref target, 2 * stride), stride);
        Store(rows0145.GetUpper(), ref Unsafe.Add(ref target, 4 * stride), stride);
        Store(rows2367.GetUpper(), ref Unsafe.Add(ref target, 6 * stride), stride);
    }

    /// <summary>The row at <paramref name="at"/>, and the one four rows below it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<short> Rows(ref short block, nuint at) =>
        Vector256.Create(Vector128.LoadUnsafe(ref block, at), Vector128.LoadUnsafe(ref block, at + 32));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store(Vector128<ulong> rows, ref byte target, int stride)
    {
        Unsafe.WriteUnaligned(ref target, rows[0]);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, stride), rows[1]);
    }

    /// <summary>Eight transforms at once, of the lanes; results are cut off at 16 bits. The names of vectors are the numbers of their two
    /// rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Pass(
        Vector256<short> c04, Vector256<short> c15, Vector256<short> c26, Vector256<short> c37, int shift,
        out Vector256<short> c01, out Vector256<short> c32, out Vector256<short> c45, out Vector256<short> c76)
    {
        // Even rows: sum and difference of rows 0 and 4, and the rotation of rows 2 and 6.
        Vector256<short> c40 = Swap(c04), c62 = Swap(c26);
        Vector256<short> ends = Avx2.Sign(c04, Vector256.Create(Vector128.Create((short)1), Vector128.Create((short)-1))) + c40;
        Vector256<int> round = Vector256.Create(1 << (shift - 1));
        Vector256<int> endsLow = (Avx2.UnpackLow(Vector256<short>.Zero, ends).AsInt32() >> (16 - InverseDct.ConstantBits)) + round;
        Vector256<int> endsHigh = (Avx2.UnpackHigh(Vector256<short>.Zero, ends).AsInt32() >> (16 - InverseDct.ConstantBits)) + round;
        Vector256<short> rotation = Factors(4433 + 6270, 4433, 4433 - 15137, 4433);
        Vector256<int> turnedLow = Avx2.MultiplyAddAdjacent(Avx2.UnpackLow(c26, c62), rotation);
        Vector256<int> turnedHigh = Avx2.MultiplyAddAdjacent(Avx2.UnpackHigh(c26, c62), rotation);

        // Odd rows: what all four share by the sums of rows 7 and 3, and of 5 and 1; then two each.
        Vector256<short> c51 = Swap(c15), c73 = Swap(c37);
        Vector256<short> sumsLow = Avx2.UnpackLow(c73 + c37, c51 + c15), sumsHigh = Avx2.UnpackHigh(c73 + c37, c51 + c15);
        Vector256<short> sharing = Factors(9633 - 16069, 9633, 9633, 9633 - 3196), crossed = Swap(sharing);
        Vector256<short> pairsLow = Avx2.UnpackLow(c73, c15), pairsHigh = Avx2.UnpackHigh(c73, c15);
        Vector256<short> inner = Factors(2446 - 7373, -7373, -20995, 16819 - 20995);
        Vector256<short> outer = Factors(-7373, 12299 - 7373, 25172 - 20995, -20995);
        Vector256<int> odd01Low = Avx2.MultiplyAddAdjacent(pairsLow, inner) + Avx2.MultiplyAddAdjacent(sumsLow, sharing);
        Vector256<int> odd01High = Avx2.MultiplyAddAdjacent(pairsHigh, inner) + Avx2.MultiplyAddAdjacent(sumsHigh, sharing);
        Vector256<int> odd32Low = Avx2.MultiplyAddAdjacent(pairsLow, outer) + Avx2.MultiplyAddAdjacent(sumsLow, crossed);
        Vector256<int> odd32High = Avx2.MultiplyAddAdjacent(pairsHigh, outer) + Avx2.MultiplyAddAdjacent(sumsHigh, crossed);

        Vector256<int> even01Low = endsLow + turnedLow, even01High = endsHigh + turnedHigh;
        Vector256<int> even32Low = endsLow - turnedLow, even32High = endsHigh - turnedHigh;
        c01 = Avx2.PackSignedSaturate((even01Low + odd32Low) >> shift, (even01High + odd32High) >> shift);
        c76 = Avx2.PackSignedSaturate((even01Low - odd32Low) >> shift, (even01High - odd32High) >> shift);
        c32 = Avx2.PackSignedSaturate((even32Low + odd01Low) >> shift, (even32High + odd01High) >> shift);
        c45 = Avx2.PackSignedSaturate((even32Low - odd01Low) >> shift, (even32High - odd01High) >> shift);
    }

    /// <summary>Factors of two interleaved rows: those of the lower half of a vector, and those of its upper half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<short> Factors(short lower0, short lower1, short upper0, short upper1) => Vector256.Create(
        lower0, lower1, lower0, lower1, lower0, lower1, lower0, lower1, upper0, upper1, upper0, upper1, upper0, upper1, upper0, upper1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<short> Swap(Vector256<short> halves) => Avx2.Permute2x128(halves, halves, 1);

    /// <summary>Makes columns of rows, in the order in which <see cref="Pass"/> takes them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Transpose(
        Vector256<short> r01, Vector256<short> r32, Vector256<short> r45, Vector256<short> r76,
        out Vector256<short> c04, out Vector256<short> c15, out Vector256<short> c26, out Vector256<short> c37)
    {
        // The left halves of two rows come to the lower half of a vector, the right ones to the upper half.
        Vector256<short> q01 = Avx2.Permute4x64(r01.AsInt64(), 0b11_01_10_00).AsInt16();
        Vector256<short> q23 = Avx2.Permute4x64(r32.AsInt64(), 0b01_11_00_10).AsInt16();
        Vector256<short> q45 = Avx2.Permute4x64(r45.AsInt64(), 0b11_01_10_00).AsInt16();
        Vector256<short> q67 = Avx2.Permute4x64(r76.AsInt64(), 0b01_11_00_10).AsInt16();
        Vector256<short> q02 = Avx2.UnpackLow(q01, q23), q13 = Avx2.UnpackHigh(q01, q23);
        Vector256<short> q46 = Avx2.UnpackLow(q45, q67), q57 = Avx2.UnpackHigh(q45, q67);
        Vector256<long> upper01 = Avx2.UnpackLow(q02, q13).AsInt64(), upper23 = Avx2.UnpackHigh(q02, q13).AsInt64();
        Vector256<long> lower01 = Avx2.UnpackLow(q46, q57).AsInt64(), lower23 = Avx2.UnpackHigh(q46, q57).AsInt64();
        c04 = Avx2.UnpackLow(upper01, lower01).AsInt16();
        c15 = Avx2.UnpackHigh(upper01, lower01).AsInt16();
        c26 = Avx2.UnpackLow(upper23, lower23).AsInt16();
        c37 = Avx2.UnpackHigh(upper23, lower23).AsInt16();
    }
}
