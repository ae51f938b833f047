using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Blas;

namespace PerturbedForgetting.Tests.Cuda.Blas;

/// <summary><see cref="Cublas"/> against sums in float64.</summary>
[TestFixtureSource(typeof(BlasDevices))]
sealed class CublasTests(string device) : BlasFixture(device)
{
    static IEnumerable<TestCaseData> Cases()
    {
        // The last has more than one tile of the software GPU in every direction.
        foreach ((int m, int n, int k, int batch) in new[] { (1, 1, 1, 1), (2, 3, 1, 1), (31, 33, 17, 2), (5, 1, 129, 3), (64, 64, 128, 1),
            (65, 130, 257, 1) })
            for (int ops = 0; ops < 4; ops++)
                yield return new TestCaseData(m, n, k, batch, (ops & 2) != 0, (ops & 1) != 0);
    }

    [TestCaseSource(nameof(Cases))]
    public void Products(int m, int n, int k, int batch, bool transposeA, bool transposeB) =>
        Check(m, n, k, batch, transposeA, transposeB, isTf32: false);

    [TestCaseSource(nameof(Cases))]
    public void ProductsInTf32(int m, int n, int k, int batch, bool transposeA, bool transposeB) =>
        Check(m, n, k, batch, transposeA, transposeB, isTf32: true);

    /// <summary>Rows longer than the matrix, gaps between the matrices, one B for all: nothing beside C is written.</summary>
    void Check(int m, int n, int k, int batch, bool transposeA, bool transposeB, bool isTf32)
    {
        int lda = (transposeA ? m : k) + 1, ldb = (transposeB ? k : n) + 2, ldc = n + 3;
        int strideA = (lda * (transposeA ? k : m)) + 5, strideC = (ldc * m) + 1;
        float[] a = Normal(strideA * batch), b = Normal(ldb * (transposeB ? n : k)), c = Normal(strideC * batch);
        DeviceBuffer<float> left = Upload<float>(a), right = Upload<float>(b), plain = Upload<float>(c), added = Upload<float>(c);
        Cublas.AllowTf32 = isTf32;
        Cublas.Gemm(transposeA, transposeB, m, n, k, left, lda, strideA, right, ldb, 0, plain, ldc, strideC, batch, accumulate: false);
        Cublas.Gemm(transposeA, transposeB, m, n, k, left, lda, strideA, right, ldb, 0, added, ldc, strideC, batch, accumulate: true);
        float[] actual = Download(plain), sums = Download(added);
        var expected = Array.ConvertAll(c, static x => new ExactSum(x, 0, 0));
        ExactSum[] expectedSums = [.. expected];
        for (int p = 0; p < batch; p++)
            for (int i = 0; i < m; i++)
                for (int j = 0; j < n; j++)
                {
                    ExactSum sum = default;
                    for (int d = 0; d < k; d++)
                        sum += (double)Factor(a[(p * strideA) + (transposeA ? (d * lda) + i : (i * lda) + d)])
                            * Factor(b[transposeB ? (j * ldb) + d : (d * ldb) + j]);
                    int at = (p * strideC) + (i * ldc) + j;
                    (expected[at], expectedSums[at]) = (sum, sum + c[at]);
                }
        AssertSums(actual, expected, isTf32);
        AssertSums(sums, expectedSums, isTf32);

        float Factor(float x) => isTf32 && IsSimulated ? ToTf32(x) : x;
    }

    [Test]
    public void SumsOfNoTermsAreZero()
    {
        DeviceBuffer<float> c = Poisoned<float>(6), kept = Upload<float>(1, 2, 3, 4, 5, 6);
        Cublas.Gemm(false, false, 2, 3, 0, DevicePointer.Null, 1, 0, DevicePointer.Null, 3, 0, c, 3, 0, 1, accumulate: false);
        Cublas.Gemm(false, false, 2, 3, 0, DevicePointer.Null, 1, 0, DevicePointer.Null, 3, 0, kept, 3, 0, 1, accumulate: true);
        Assert.That(Download(c), Is.All.Zero);
        Assert.That(Download(kept), Is.EqualTo(new float[] { 1, 2, 3, 4, 5, 6 }));
    }

    [Test]
    public void WhatIsOverwrittenMayBeNaN()
    {
        DeviceBuffer<float> c = Poisoned<float>(1), a = Upload<float>(2), b = Upload<float>(3);
        Cublas.Gemm(false, false, 1, 1, 1, a, 1, 0, b, 1, 0, c, 1, 0, 1, accumulate: false);
        Assert.That(Download(c)[0], Is.EqualTo(6));
    }

    /// <summary>The heads of an attention layer: [tokens, heads, size] on all sides, one product a head.</summary>
    [Test]
    public void MatricesOfABatchMayLieBesideEachOther()
    {
        const int tokens = 7, heads = 3, size = 5;
        float[] q = Normal(tokens * heads * size), w = Normal(size * size);
        DeviceBuffer<float> x = Upload<float>(q), weight = Upload<float>(w), y = Poisoned<float>(q.Length);
        Cublas.Gemm(false, false, tokens, size, size, x, heads * size, size, weight, size, 0, y, heads * size, size, heads,
            accumulate: false);
        var expected = new ExactSum[q.Length];
        for (int row = 0; row < tokens * heads; row++)
            for (int j = 0; j < size; j++)
                for (int d = 0; d < size; d++)
                    expected[(row * size) + j] += (double)q[(row * size) + d] * w[(d * size) + j];
        AssertSums(Download(y), expected);
    }

    [Test]
    public void ALaunchIsCountedWithItsBytes()
    {
        const int m = 33, n = 20, k = 9, batch = 2;
        DeviceBuffer<float> a = Upload<float>(Normal(batch * m * k)), b = Upload<float>(Normal(k * n)), c = Poisoned<float>(batch * m * n);
        Cublas.Gemm(false, false, m, n, k, a, k, m * k, b, n, 0, c, n, m * n, batch, accumulate: false);
        AssertTraffic("cublas sgemm", loaded: 4 * ((batch * m * k) + (k * n)), stored: 4 * batch * m * n);
        Cublas.Gemm(false, false, m, n, k, a, k, m * k, b, n, 0, c, n, m * n, batch, accumulate: true);
        AssertTraffic("cublas sgemm", loaded: 4 * ((2 * ((batch * m * k) + (k * n))) + (batch * m * n)), stored: 2 * 4 * batch * m * n);
        if (IsSimulated)
        {
            Assert.That(CountersOf("cublas sgemm")!.Launches, Is.EqualTo(2));
            Assert.That(CountersOf("cublas sgemm")!.FloatingPointOperations, Is.EqualTo(2 * 2 * batch * m * n * k));
        }
    }
}
