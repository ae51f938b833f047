using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

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
    public void SumIsThatOfDoublePrecision(int count)
    {
        float[] x = Normal(count);
        DeviceBuffer<float> y = Poisoned<float>(1), again = Poisoned<float>(1), source = Upload<float>(x);
        var kernels = new Reduce(Library);
        kernels.Sum(Stream, y, source, Scratch<double>(Reduce.Parts(count)), count);
        kernels.Sum(Stream, again, source, Scratch<double>(Reduce.Parts(count)), count);
        // float64 sums of float32 numbers: only the last rounding is left.
        AssertClose(Download(y), [(float)x.Sum(v => (double)v)], 1.2e-7, 1e-9);
        AssertClose(Download(again), Download(y), 0);
    }

    [TestCase(1, 1, 1)]
    [TestCase(3, 49, 33)]
    [TestCase(5, 31, 1)]
    [TestCase(2, 1025, 1)]
    [TestCase(8, 50, 384)]
    public void Mean(int outer, int n, int inner)
    {
        float[] x = Normal(outer * n * inner), dy = Normal(outer * inner);
        DeviceBuffer<float> y = Poisoned<float>(outer * inner), dx = Poisoned<float>(x.Length);
        var kernels = new Reduce(Library);
        kernels.Mean(Stream, y, Upload<float>(x), outer, n, inner);
        kernels.MeanBackward(Stream, dx, Upload<float>(dy), outer, n, inner);
        double[] expected = new double[outer * inner];
        for (int i = 0; i < x.Length; i++)
            expected[(i / inner / n * inner) + (i % inner)] += x[i] / (double)n;
        // n additions of numbers of order one, each rounded to 2^-24 of the running sum.
        AssertClose(Download(y), expected.Select(v => (float)v).ToArray(), 0, 6e-8 * Math.Sqrt(n) * 4);
        AssertClose(Download(dx), Enumerable.Range(0, x.Length).Select(i => dy[(i / inner / n * inner) + (i % inner)] / n).ToArray(), 0);
    }
}
