using System.Numerics;
using System.Runtime.Intrinsics;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator.Instructions;

/// <summary>Sums of tensor cores against the same rules in whole numbers of any length.</summary>
public unsafe class TensorCoreSumTests
{
    const int Columns = 4;

    // Numbers are multiples of 2⁻³²⁰.
    const int Shift = 320;

    static BigInteger Whole(double value)
    {
        long bits = BitConverter.DoubleToInt64Bits(value);
        int exponent = (int)(bits >> 52 & 0x7ff);
        BigInteger mantissa = (bits & ((1L << 52) - 1)) | (exponent == 0 ? 0 : 1L << 52);
        int shift = Math.Max(exponent, 1) - 1075 + Shift;
        BigInteger whole = shift >= 0 ? mantissa << shift : mantissa >> -shift;
        return value < 0 ? -whole : whole;
    }

    /// <summary>Towards zero, to a multiple of a power of two.</summary>
    static BigInteger Cut(BigInteger value, int bits) => bits <= 0 ? value : BigInteger.Divide(value, BigInteger.One << bits) << bits;

    static int Exponent(BigInteger value) => (int)BigInteger.Abs(value).GetBitLength() - 1;

    static double Expected(double sum, double[] a, double[] b, int atOnce)
    {
        BigInteger total = Whole(sum);
        for (int first = 0; first < a.Length; first += atOnce)
        {
            BigInteger[] terms = [total, .. Enumerable.Range(first, atOnce).Select(p => Whole(a[p] * b[p]))];
            int greatest = Math.Max(terms.Max(Exponent), Shift - 126);
            total = terms.Aggregate(BigInteger.Zero, (s, t) => s + Cut(t, greatest - 23));
            total = Cut(total, Exponent(total) - 23);
        }
        return Math.ScaleB((double)(total >> Math.Max(Exponent(total) - 60, 0)), Math.Max(Exponent(total) - 60, 0) - Shift);
    }

    static double[] Actual(double[] sums, double[] a, double[] b, int atOnce)
    {
        double* left = stackalloc double[a.Length], right = stackalloc double[b.Length];
        a.CopyTo(new Span<double>(left, a.Length));
        b.CopyTo(new Span<double>(right, b.Length));
        Vector256<double> result = TensorCoreSum.Add(Vector256.Create(sums), left, right, Columns, a.Length, atOnce);
        return [.. Enumerable.Range(0, Columns).Select(c => result[c])];
    }

    [TestCase(4, 4)]
    [TestCase(8, 4)]
    [TestCase(8, 8)]
    [TestCase(16, 8)]
    public void BitsAreThoseOfTheRules(int terms, int atOnce)
    {
        Random random = Device.Random();
        for (int round = 0; round < 500; round++)
        {
            int spread = random.Next(1, 30), middle = random.Next(4) == 0 ? random.Next(-20, 20) : 0;
            // Factors of 11 bits; now and then 0.
            double Factor() => random.Next(20) == 0
                ? 0
                : Math.ScaleB(random.Next(1024, 2048) * (random.Next(2) == 0 ? 1 : -1), random.Next(-spread, spread) - 10 + middle);
            double[] a = [.. Enumerable.Range(0, terms).Select(_ => Factor())],
                b = [.. Enumerable.Range(0, terms * Columns).Select(_ => Factor())],
                sums = [.. Enumerable.Range(0, Columns).Select(_ => (double)(float)(Factor() * Factor() * (1 + random.NextDouble())))],
                actual = Actual(sums, a, b, atOnce);
            for (int c = 0; c < Columns; c++)
            {
                double[] column = [.. Enumerable.Range(0, terms).Select(p => b[(p * Columns) + c])];
                Assert.That(actual[c], Is.EqualTo(Expected(sums[c], a, column, atOnce)));
            }
        }
    }

    /// <summary>Small terms are lost one by one beside a large one, whichever sign; behind it they are not.</summary>
    [Test]
    public void SmallTermsAreCutOff()
    {
        double small = Math.ScaleB(1, -24);
        double[] a = [1, 1, 1, 1], b = [.. Enumerable.Range(0, 16).Select(i => i % 2 == 0 ? small : -small)];
        Assert.That(Actual([1, 1, -1, 0], a, b, 4), Is.EqualTo((double[])[1, 1, -1, -4 * small]));
    }

    [Test]
    public void WhatIsNoNumberStaysSo()
    {
        double infinite = double.PositiveInfinity;
        double[] actual = Actual([0, 1, -infinite, double.NaN], [infinite, 1, 1, 1], [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 4);
        Assert.That(actual, Is.EqualTo((double[])[double.NaN, infinite, double.NaN, double.NaN]));
        actual = Actual([1, 2, 3, infinite], [1, 0, 0, 0], [1, 1, 1, 1, .. new double[12]], 4);
        Assert.That(actual, Is.EqualTo((double[])[2, 3, 4, infinite]));
    }
}
