using System.Numerics;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tests.Tensors.Backends.Cpu;

[TestFixture, NonParallelizable]
sealed unsafe class GemmTests
{
    // Around the register tiles (6, 12, 8, 16, 32), the row block (240), the depth block (192), and each way of planning: own panels,
    // shared panels, split depth. Few threads share panels where there are more than 1024 rows; the last but one size takes five blocks of
    // depth of shared panels on many threads, the last one three on few, two at a time and the odd one alone.
    static readonly int[][] sizes =
    [
        [1, 1, 1], [1, 31, 33], [31, 1, 33], [33, 31, 1], [5, 7, 0], [6, 16, 4], [7, 17, 5], [11, 31, 255], [12, 32, 256],
        [13, 33, 257], [25, 65, 513], [50, 50, 64], [239, 40, 100], [241, 33, 259], [250, 97, 300], [16, 144, 5000],
        [144, 16, 2100], [3, 5, 1999], [500, 129, 31], [64, 576, 1100], [300, 520, 800], [385, 547, 800], [1031, 40, 390],
    ];

    static readonly int[] threads = [1, 2, 64];

    [Test]
    public void MatchesDoubleReference([Values] bool transA, [Values] bool transB, [Values] bool accumulate,
        [ValueSource(nameof(sizes))] int[] size)
    {
        Check<float>(transA, transB, accumulate, size[0], size[1], size[2]);
        if ((long)size[0] * size[1] * size[2] < 10_000_000)
            Check<double>(transA, transB, accumulate, size[0], size[1], size[2]);
    }

    static void Check<T>(bool transA, bool transB, bool accumulate, int m, int n, int k)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var test = new ComputeCase();
        // Rows longer than needed: a wrong leading dimension shows.
        int lda = (transA ? m : k) + 3, ldb = (transB ? k : n) + 2, ldc = n + 1;
        T* a = test.Normal<T>((long)(transA ? k : m) * lda), b = test.Normal<T>((long)(transB ? n : k) * ldb);
        T* start = test.Normal<T>((long)m * ldc);
        (double[] expected, double[] magnitude) = Reference(transA, transB, m, n, k, a, lda, b, ldb, start, ldc, accumulate);
        foreach (SimdKind level in ComputeCase.Levels)
        {
            SimdLevel.Current = level;
            T* first = null;
            foreach (int threads in GemmTests.threads)
            {
                WorkerPool.Threads = threads;
                T* c = test.Copy(start, m * ldc);
                Gemm.Run(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate);
                string what = $"{typeof(T).Name} {level} {threads} threads";
                ComputeCase.AssertClose(c, expected, magnitude, k, what);
                if (first == null)
                    first = c;
                else
                    ComputeCase.AssertSameBits(c, first, m * ldc, what);
            }
        }
    }

    /// <summary>The product in double, and the sum of absolute products; columns beyond n must keep their value.</summary>
    static (double[] Expected, double[] Magnitude) Reference<T>(bool transA, bool transB, int m, int n, int k,
        T* a, int lda, T* b, int ldb, T* start, int ldc, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        double[] expected = new double[m * ldc], magnitude = new double[m * ldc];
        double[] rows = Lines(m, k, a, transA ? 1 : lda, transA ? lda : 1), columns = Lines(n, k, b, transB ? ldb : 1, transB ? 1 : ldb);
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < ldc; j++)
            {
                double old = double.CreateChecked(start[(i * ldc) + j]);
                double sum = j == n || accumulate ? old : 0, absolute = Math.Abs(sum);
                ReadOnlySpan<double> row = rows.AsSpan(i * k, k), column = columns.AsSpan(Math.Min(j, n - 1) * k, k);
                for (int d = 0; j < n && d < row.Length; d++)
                {
                    double product = row[d] * column[d];
                    sum += product;
                    absolute += Math.Abs(product);
                }
                expected[(i * ldc) + j] = sum;
                magnitude[(i * ldc) + j] = absolute;
            }
        }
        return (expected, magnitude);
    }

    static double[] Lines<T>(int lines, int depth, T* values, int lineStep, int depthStep)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        double[] result = new double[lines * depth];
        for (int i = 0; i < result.Length; i++)
            result[i] = double.CreateChecked(values[(i / depth * lineStep) + (i % depth * depthStep)]);
        return result;
    }

    [Test]
    public void LevelsWithFusedMultiplyAddGiveTheSameBits([ValueSource(nameof(sizes))] int[] size)
    {
        using var test = new ComputeCase();
        var (m, n, k) = (size[0], size[1], size[2]);
        float* a = test.Normal<float>((long)m * k), b = test.Normal<float>((long)n * k), first = null;
        foreach (SimdKind level in ComputeCase.Levels.Where(l => l > SimdKind.Portable))
        {
            SimdLevel.Current = level;
            float* c = test.Empty<float>((long)m * n);
            Gemm.Run(false, true, m, n, k, a, k, b, k, c, n, false);
            if (first == null)
                first = c;
            else
                ComputeCase.AssertSameBits(c, first, m * n, $"{level}");
        }
    }

    [Test]
    public void SharedAndOwnPanelsGiveTheSameBits()
    {
        // Eleven blocks of depth. All rows: shared panels, in two slices of columns; some of them: each task its own panels.
        const int M = 2060, N = 2110, K = 2000, Row = 1650;
        using var test = new ComputeCase();
        float* a = test.Normal<float>((long)M * K), b = test.Normal<float>((long)N * K);
        foreach (SimdKind level in ComputeCase.Levels)
        {
            SimdLevel.Current = level;
            Assert.That(GemmPlan.For(M, N, K, 12, 32, 2) is { OwnRight: false, Splits: 1, SliceColumns: < N });
            Assert.That(GemmPlan.For(M - Row, N, K, 12, 32, 2) is { OwnRight: true, Splits: 1 });
            float* all = test.Empty<float>((long)M * N), some = test.Empty<float>((long)(M - Row) * N);
            Gemm.Run(false, false, M, N, K, a, K, b, N, all, N, false);
            Gemm.Run(false, false, M - Row, N, K, a + ((long)Row * K), K, b, N, some, N, false);
            ComputeCase.AssertSameBits(some, all + ((long)Row * N), (M - Row) * N, $"{level}");
        }
    }

    [Test]
    public void BatchedMatchesSingleProducts([Values(1, 3, 24)] int batch, [Values] bool transB, [Values] bool accumulate)
    {
        using var test = new ComputeCase();
        const int M = 50, N = 37, K = 64;
        long strideA = (M * K) + 5, strideB = K * N, strideC = (M * N) + 1;
        float* a = test.Normal<float>(batch * strideA), b = test.Normal<float>(batch * strideB),
            start = test.Normal<float>(batch * strideC);
        int ldb = transB ? K : N;
        foreach (SimdKind level in ComputeCase.Levels)
        {
            SimdLevel.Current = level;
            float* single = test.Copy(start, batch * strideC);
            for (int i = 0; i < batch; i++)
                Gemm.Run(false, transB, M, N, K, a + (i * strideA), K, b + (i * strideB), ldb, single + (i * strideC), N, accumulate);
            foreach (int threads in GemmTests.threads)
            {
                WorkerPool.Threads = threads;
                float* c = test.Copy(start, batch * strideC);
                Gemm.RunBatched(batch, false, transB, M, N, K, a, K, strideA, b, ldb, strideB, c, N, strideC, accumulate);
                ComputeCase.AssertSameBits(c, single, (int)(batch * strideC), $"{level} {threads} threads");
            }
        }
    }

    [Test]
    public void EpilogueSeesEveryFinishedElementOnce([Values(10, 300)] int m, [Values(5, 70)] int n, [Values(7, 600, 5000)] int k)
    {
        using var test = new ComputeCase();
        float* a = test.Normal<float>(m * k), b = test.Normal<float>(k * n), bias = test.Normal<float>(n);
        float* plain = test.Empty<float>(m * n), biased = test.Empty<float>(m * n);
        Gemm.Run(false, false, m, n, k, a, k, b, n, plain, n, false);
        Gemm.Run(false, false, m, n, k, a, k, b, n, biased, n, false, new BiasEpilogue<float>(bias));
        for (int i = 0; i < m * n; i++)
            plain[i] += bias[i % n];
        ComputeCase.AssertSameBits(biased, plain, m * n, "bias");
    }

    [TestCase(null), TestCase(""), TestCase("portable"), TestCase("AVX2"), TestCase("avx512")]
    public void LevelFromVariableIsNeverAboveTheProcessor(string? value) =>
        Assert.That(SimdLevel.Initial(value), Is.EqualTo(string.IsNullOrEmpty(value)
            ? SimdLevel.Supported
            : (SimdKind)Math.Min((int)Enum.Parse<SimdKind>(value, true), (int)SimdLevel.Supported)));

    [TestCase("sse"), TestCase("7")]
    public void UnknownLevelIsRefused(string value) =>
        Assert.That(() => SimdLevel.Initial(value),
            Throws.TypeOf<EnvironmentVariableException>().With.Message.Contains(SimdLevel.Variable));
}
