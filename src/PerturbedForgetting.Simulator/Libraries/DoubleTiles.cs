using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>Products of small matrices in float64, on the host. The product of two float32 is exact, so that fused and separate
/// multiply-add give the same bits, and the order of a sum depends on nothing but the place in the result.</summary>
static unsafe class DoubleTiles
{
    /// <summary>Rows of a right factor and of a result are padded to a multiple of this.</summary>
    public static readonly int Padding = 2 * Vector<double>.Count;

    const int CacheLine = 8;

    /// <summary>Elements from one row to the next: padded, and an odd number of cache lines, so that a column does not fall into a few sets
    /// of the cache.</summary>
    public static int Stride(int columns)
    {
        int step = Math.Max(Padding, CacheLine), steps = (columns + step - 1) / step;
        return (steps | 1) * step;
    }

    /// <summary>c[m, n] += a[m, k] · b[k, n], where n is rounded up to <see cref="Padding"/>.</summary>
    /// <param name="m">Rows of the result.</param>
    /// <param name="n">Columns of the result.</param>
    /// <param name="k">Terms of a sum; they are added in order.</param>
    /// <param name="a">Left factor.</param>
    /// <param name="aRow">Elements from one row of it to the next.</param>
    /// <param name="aColumn">Elements from one column of it to the next.</param>
    /// <param name="b">Right factor.</param>
    /// <param name="bRow">Elements from one row of it to the next.</param>
    /// <param name="c">Result.</param>
    /// <param name="cRow">Elements from one row of it to the next.</param>
    public static void MultiplyAdd(int m, int n, int k, double* a, int aRow, int aColumn, double* b, int bRow, double* c, int cRow)
    {
        for (int j = 0; j < n; j += Padding)
        {
            int i = 0;
            for (; i + 4 <= m; i += 4)
                FourRows(k, a + ((long)i * aRow), aRow, aColumn, b + j, bRow, c + ((long)i * cRow) + j, cRow);
            for (; i < m; i++)
                OneRow(k, a + ((long)i * aRow), aColumn, b + j, bRow, c + ((long)i * cRow) + j);
        }
    }

    static void FourRows(int k, double* a, int aRow, int aColumn, double* b, int bRow, double* c, int cRow)
    {
        int right = Vector<double>.Count;
        double* c1 = c + cRow, c2 = c1 + cRow, c3 = c2 + cRow, a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        Vector<double> s00 = Vector.Load(c), s01 = Vector.Load(c + right), s10 = Vector.Load(c1), s11 = Vector.Load(c1 + right);
        Vector<double> s20 = Vector.Load(c2), s21 = Vector.Load(c2 + right), s30 = Vector.Load(c3), s31 = Vector.Load(c3 + right);
        for (int p = 0; p < k; p++)
        {
            Vector<double> b0 = Vector.Load(b), b1 = Vector.Load(b + right);
            long at = (long)p * aColumn;
            Add(ref s00, ref s01, a[at], b0, b1);
            Add(ref s10, ref s11, a1[at], b0, b1);
            Add(ref s20, ref s21, a2[at], b0, b1);
            Add(ref s30, ref s31, a3[at], b0, b1);
            b += bRow;
        }
        s00.Store(c);
        s01.Store(c + right);
        s10.Store(c1);
        s11.Store(c1 + right);
        s20.Store(c2);
        s21.Store(c2 + right);
        s30.Store(c3);
        s31.Store(c3 + right);
    }

    static void OneRow(int k, double* a, int aColumn, double* b, int bRow, double* c)
    {
        int right = Vector<double>.Count;
        Vector<double> s0 = Vector.Load(c), s1 = Vector.Load(c + right);
        for (int p = 0; p < k; p++)
        {
            Add(ref s0, ref s1, a[(long)p * aColumn], Vector.Load(b), Vector.Load(b + right));
            b += bRow;
        }
        s0.Store(c);
        s1.Store(c + right);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Add(ref Vector<double> left, ref Vector<double> right, double factor, Vector<double> b0, Vector<double> b1)
    {
        Vector<double> all = new(factor);
        left = Vector.FusedMultiplyAdd(all, b0, left);
        right = Vector.FusedMultiplyAdd(all, b1, right);
    }

    /// <summary>destination += source.</summary>
    public static void Add(double* source, double* destination, int count)
    {
        int i = 0, lanes = Vector<double>.Count;
        for (; i + lanes <= count; i += lanes)
            (Vector.Load(destination + i) + Vector.Load(source + i)).Store(destination + i);
        for (; i < count; i++)
            destination[i] += source[i];
    }

    /// <summary>Widens float32, rounded to TF32 first if wanted.</summary>
    public static void Widen(float* source, double* destination, int count, bool tf32)
    {
        int i = 0, lanes = Vector<float>.Count, half = Vector<double>.Count;
        for (; i + lanes <= count; i += lanes)
        {
            Vector<float> value = Vector.Load(source + i);
            Vector.Widen(tf32 ? RoundToTf32(value) : value, out Vector<double> low, out Vector<double> high);
            low.Store(destination + i);
            high.Store(destination + i + half);
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
