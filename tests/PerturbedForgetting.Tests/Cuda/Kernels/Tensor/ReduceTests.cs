using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class ReduceTests(string device) : KernelFixture(device)
{
    [TestCase(1)]
    [TestCase(31)]
    [TestCase(33)]
    [TestCase(1023)]
    [TestCase(1025)]
    [TestCase(70001)]
    // Work space of 64 parts, which the allocator does not round up.
    [TestCase(64 * 4096)]
    public void SumIsThatOfDoublePrecision(int count)
    {
        float[] x = Normal(count);
        Tensor y = Output(1), again = Output(1), source = Input(x);
        Backend.Sum(source, y);
        Backend.Sum(source, again);
        // float64 sums of float32 numbers: only the last rounding is left.
        AssertClose(y, [(float)x.Sum(v => (double)v)], 1.2e-7, 1e-9);
        AssertClose(again, y, 0);
    }

    [TestCase(1, 1, 1)]
    [TestCase(3, 49, 33)]
    [TestCase(5, 31, 1)]
    [TestCase(2, 1025, 1)]
    [TestCase(8, 50, 384)]
    public void Mean(int outer, int n, int inner)
    {
        float[] x = Normal(outer * n * inner), dy = Normal(outer * inner);
        Tensor y = Output(outer, inner), dx = Output(outer, n, inner);
        Backend.Mean(Input(x, outer, n, inner), 1, y);
        Backend.MeanBackward(Input(dy, outer, inner), 1, dx);
        double[] expected = new double[outer * inner];
        for (int i = 0; i < x.Length; i++)
            expected[(i / inner / n * inner) + (i % inner)] += x[i] / (double)n;
        // n additions of numbers of order one, each rounded to 2^-24 of the running sum.
        AssertClose(y, expected.Select(v => (float)v).ToArray(), 0, 6e-8 * Math.Sqrt(n) * 4);
        AssertClose(dx, Enumerable.Range(0, x.Length).Select(i => dy[(i / inner / n * inner) + (i % inner)] / n).ToArray(), 0);
    }
}
