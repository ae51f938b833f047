using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class GemmTests(string device) : KernelFixture(device)
{
    static IEnumerable<TestCaseData> Cases()
    {
        foreach ((int m, int n, int k, int batch) in new[] { (1, 1, 1, 1), (31, 33, 17, 2), (128, 128, 16, 1), (129, 130, 33, 1),
            (5, 257, 64, 1), (49, 64, 49, 3) })
            for (int ops = 0; ops < 4; ops++)
                yield return new TestCaseData(m, n, k, batch, (ops & 2) != 0, (ops & 1) != 0);
    }

    [TestCaseSource(nameof(Cases))]
    public void CudaCores(int m, int n, int k, int batch, bool transposeA, bool transposeB) =>
        // k products are added, each sum rounded to 2^-24 of itself, and a running sum of k normal products is of order sqrt(k).
        Check(new GemmKernel(Library, tensorCores: false), m, n, k, batch, transposeA, transposeB, x =>
            x, Math.ScaleB(k * Math.Sqrt(k), -24));

    /// <summary>Against operands rounded to tf32 beforehand, so that only the sums' rounding is left; devices cut sums off:
    /// 2^-23.</summary>
    [TestCaseSource(nameof(Cases))]
    public void TensorCores(int m, int n, int k, int batch, bool transposeA, bool transposeB) =>
        Check(new GemmKernel(Library, tensorCores: true), m, n, k, batch, transposeA, transposeB, ToTf32,
            Math.ScaleB(k * Math.Sqrt(k), -23));

    /// <summary>10 bits of mantissa, ties away from zero.</summary>
    static float ToTf32(float x) => BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(x) + 0x1000) & 0xffff_e000);

    void Check(GemmKernel kernel, int m, int n, int k, int batch, bool transposeA, bool transposeB, Func<float, float> operand,
        double tolerance)
    {
        float[] a = Normal(batch * m * k), b = Normal(k * n), bias = Normal(n), c = Normal(batch * m * n);
        DeviceBuffer<float> plain = Poisoned<float>(c.Length), again = Poisoned<float>(c.Length), added = Upload<float>(c),
            left = Upload<float>(a), right = Upload<float>(b);
        var first = new MatrixOperand(left, transposeA, transposeA ? m : k, (long)m * k);
        // One matrix for the whole batch.
        var second = new MatrixOperand(right, transposeB, transposeB ? k : n, 0);
        kernel.Launch(Stream, plain, (long)m * n, first, second, DevicePointer.Null, m, n, k, batch, accumulate: false);
        kernel.Launch(Stream, again, (long)m * n, first, second, DevicePointer.Null, m, n, k, batch, accumulate: false);
        kernel.Launch(Stream, added, (long)m * n, first, second, Upload<float>(bias), m, n, k, batch, accumulate: true);
        float[] expected = new float[c.Length], sum = new float[c.Length];
        for (int p = 0; p < batch; p++)
            for (int i = 0; i < m; i++)
                for (int j = 0; j < n; j++)
                {
                    double v = 0;
                    for (int d = 0; d < k; d++)
                        v += (double)operand(a[(p * m * k) + (transposeA ? (d * m) + i : (i * k) + d)])
                            * operand(b[transposeB ? (j * k) + d : (d * n) + j]);
                    int at = (((p * m) + i) * n) + j;
                    (expected[at], sum[at]) = ((float)v, (float)(v + bias[j] + c[at]));
                }
        AssertClose(Download(plain), expected, 1e-6, tolerance);
        AssertClose(Download(again), Download(plain), 0);
        AssertClose(Download(added), sum, 1e-6, tolerance + 1e-6);
    }
}
