using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class BroadcastTests(string device) : KernelFixture(device)
{
    [TestCase(1, 1)]
    [TestCase(31, 33)]
    [TestCase(1025, 7)]
    [TestCase(400, 64)]
    [TestCase(2, 1025)]
    public void AddAndSum(int rows, int columns)
    {
        float[] x = Normal(rows * columns), b = Normal(columns), old = Normal(columns);
        Tensor y = Output(rows, columns), sum = Output(columns), added = Input(old), source = Input(x, rows, columns);
        Backend.AddBroadcast(source, Input(b), y);
        Backend.SumLeading(source, sum, accumulate: false);
        Backend.SumLeading(source, added, accumulate: true);
        AssertClose(y, x.Select((v, i) => v + b[i % columns]).ToArray(), 0);
        double[] expected = new double[columns];
        for (int i = 0; i < x.Length; i++)
            expected[i % columns] += x[i];
        // At most rows additions in float32, the sum of normal numbers being of order sqrt(rows).
        double tolerance = Math.ScaleB(rows * Math.Sqrt(rows), -24);
        AssertClose(sum, expected.Select(v => (float)v).ToArray(), 1e-6, tolerance);
        AssertClose(added, expected.Select((v, c) => (float)(v + old[c])).ToArray(), 1e-6, tolerance + 1e-6);
        if (columns % 32 == 0)
            Assert.That(CountersOf("sum_leading")?.SectorEfficiency ?? 1, Is.EqualTo(1));
    }

    /// <summary>There are 4096 counters; more groups of columns are not cut into parts.</summary>
    [TestCase(4096 * 64, 15)]
    [TestCase((4096 * 64) + 4, 1)]
    [TestCase((4096 * 16) - 1, 15)]
    [TestCase((4096 * 16) + 1, 1)]
    public void GroupsThatHaveNoCounterAreOnePart(int columns, int parts) => Assert.That(new ColumnParts(1000, columns).Count, Is.EqualTo(parts));
}
