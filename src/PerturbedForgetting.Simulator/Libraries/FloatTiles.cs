using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>Products of small matrices in float32, on the host, summed as libraries on a card do: multiply and add are fused, a long sum is
/// made in parts, each rounded at every term, and the parts are added up. Where the parts end depends on nothing but the lengths, so a
/// product repeats its bits; another length has other bits, and nobody may count on either.</summary>
static unsafe class FloatTiles
{
    /// <summary>Rows of a right factor and of a result are padded to a multiple of this.</summary>
    public static readonly int Padding = 2 * Vector<float>.Count;

    const int CacheLine = 16, LeastPart = 32, Parts = 7, PartStep = 16;

    /// <summary>Elements from one row to the next: padded, and an odd number of cache lines, so that a column does not fall into a few sets
    /// of the cache.</summary>
    public static int Stride(int columns)
    {
        int step = Math.Max(Padding, CacheLine), steps = (columns + step - 1) / step;
        return (steps | 1) * step;
    }

    /// <summary>Terms of a part of a sum of so many; no two lengths in a row have the same.</summary>
    public static int Part(long terms) => LeastPart + (PartStep * (int)(terms % Parts));

    /// <summary>c[m, n] += a[m, k] · b[k, n], where n is rounded up to <see cref="Padding"/>.</summary>
    /// <param name="m">Rows of the result.</param>
    /// <param name="n">Columns of the result.</param>
    /// <param name="k">Terms of a sum; they are added in order, in parts.</param>
    /// <param name="a">Left factor.</param>
    /// <param name="aRow">Elements from one row of it to the next.</param>
    /// <param name="aColumn">Elements from one column of it to the next.</param>
    /// <param name="b">Right factor.</param>
    /// <param name="bRow">Elements from one row of it to the next.</param>
    /// <param name="c">Result.</param>
    /// <param name="cRow">Elements from one row of it to the next.</param>
    /// <param name="part">Terms of a part: a multiple of it is added up before it is added to the result.</param>
    public static void MultiplyAdd(int m, int n, int k, float* a, int aRow, int aColumn, float* b, int bRow, float* c, int cRow, int part)
    {
        for (int first = 0; first < k; first += part)
        {
            int terms = Math.Min(part, k - first);
            float* aPart = a + ((long)first * aColumn), bPart = b + ((long)first * bRow);
            for (int j = 0; j < n; j += Padding)
            {
                int i = 0;
                for (; i + 4 <= m; i += 4)
                    FourRows(terms, aPart + ((long)i * aRow), aRow, aColumn, bPart + j, bRow, c + ((long)i * cRow) + j, cRow);
                for (; i < m; i++)
                    OneRow(terms, aPart + ((long)i * aRow), aColumn, bPart + j, bRow, c + ((long)i * cRow) + j);
            }
        }
    }

    static void FourRows(int k, float* a, int aRow, int aColumn, float* b, int bRow, float* c, int cRow)
    {
        float* a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        Vector<float> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default, s30 = default,
            s31 = default;
        for (int p = 0; p < k; p++)
        {
            Vector<float> b0 = Vector.Load(b), b1 = Vector.Load(b + Vector<float>.Count);
            long at = (long)p * aColumn;
            Add(ref s00, ref s01, a[at], b0, b1);
            Add(ref s10, ref s11, a1[at], b0, b1);
            Add(ref s20, ref s21, a2[at], b0, b1);
            Add(ref s30, ref s31, a3[at], b0, b1);
            b += bRow;
        }
        Add(c, s00, s01);
        Add(c + cRow, s10, s11);
        Add(c + (2L * cRow), s20, s21);
        Add(c + (3L * cRow), s30, s31);
    }

    static void OneRow(int k, float* a, int aColumn, float* b, int bRow, float* c)
    {
        Vector<float> s0 = default, s1 = default;
        for (int p = 0; p < k; p++)
        {
            Add(ref s0, ref s1, a[(long)p * aColumn], Vector.Load(b), Vector.Load(b + Vector<float>.Count));
            b += bRow;
        }
        Add(c, s0, s1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add(ref Vector<float> left, ref Vector<float> right, float factor, Vector<float> b0, Vector<float> b1)
    {
        Vector<float> all = new(factor);
        left = Vector.FusedMultiplyAdd(all, b0, left);
        right = Vector.FusedMultiplyAdd(all, b1, right);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add(float* c, Vector<float> left, Vector<float> right)
    {
        (Vector.Load(c) + left).Store(c);
        (Vector.Load(c + Vector<float>.Count) + right).Store(c + Vector<float>.Count);
    }

    /// <summary>destination += source.</summary>
    public static void Add(float* source, float* destination, int count)
    {
        int i = 0, lanes = Vector<float>.Count;
        for (; i + lanes <= count; i += lanes)
            (Vector.Load(destination + i) + Vector.Load(source + i)).Store(destination + i);
        for (; i < count; i++)
            destination[i] += source[i];
    }

    /// <summary>Copies float32, rounded to TF32 if wanted.</summary>
    public static void Copy(float* source, float* destination, int count, bool tf32)
    {
        int i = 0, lanes = Vector<float>.Count;
        for (; i + lanes <= count; i += lanes)
        {
            Vector<float> value = Vector.Load(source + i);
            (tf32 ? RoundToTf32(value) : value).Store(destination + i);
        }
        for (; i < count; i++)
            destination[i] = tf32 ? RoundToTf32(new Vector<float>(source[i]))[0] : source[i];
    }

    // To nearest, ties away from zero, as the conversion for the matrix units rounds (cvt.rna.tf32.f32).
    static Vector<float> RoundToTf32(Vector<float> value)
    {
        Vector<int> bits = Vector.AsVectorInt32(value);
        Vector<float> rounded = Vector.AsVectorSingle((bits + new Vector<int>(0x1000)) & new Vector<int>(~0x1fff));
        // The sum would make a number of a NaN whose bits are all set.
        return Vector.ConditionalSelect(Vector.Equals(value, value), rounded, value);
    }
}
