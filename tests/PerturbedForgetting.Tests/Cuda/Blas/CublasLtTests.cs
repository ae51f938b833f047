using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Blas;

namespace PerturbedForgetting.Tests.Cuda.Blas;

/// <summary><see cref="CublasLt"/> against sums in float64.</summary>
[TestFixtureSource(typeof(BlasDevices))]
sealed class CublasLtTests(string device) : BlasFixture(device)
{
    // Rows, inputs, outputs: whole tiles, odd sizes, sums that are split.
    static readonly object[] shapes =
        [new[] { 1, 1, 1 }, new[] { 3, 5, 7 }, new[] { 64, 128, 64 }, new[] { 67, 33, 129 }, new[] { 300, 4, 8 }, new[] { 2, 515, 10 }];

    [TestCaseSource(nameof(shapes))]
    public void Linear(int rows, int inputs, int outputs)
    {
        float[] x = Normal(rows * inputs), weight = Normal(outputs * inputs), bias = Normal(outputs);
        DeviceBuffer<float> from = Upload<float>(x), by = Upload<float>(weight), with = Upload<float>(bias);
        foreach ((bool hasBias, bool isTf32) in new[] { (false, false), (true, false), (false, true), (true, true) })
        {
            DeviceBuffer<float> y = Poisoned<float>(rows * outputs);
            bool isDone = CublasLt.Linear(Stream, from, by, hasBias
                ? with.Pointer
                : DevicePointer.Null, y, rows, inputs, outputs, isTf32, Workspace, WorkspaceBytes);
            Assert.That(isDone, Is.True);
            var expected = new ExactSum[rows * outputs];
            for (int r = 0; r < rows; r++)
                for (int o = 0; o < outputs; o++)
                {
                    ExactSum sum = default;
                    for (int i = 0; i < inputs; i++)
                        sum += (double)Factor(x[(r * inputs) + i], isTf32) * Factor(weight[(o * inputs) + i], isTf32);
                    expected[(r * outputs) + o] = hasBias ? sum + bias[o] : sum;
                }
            AssertSums(Download(y), expected, isTf32);
        }
    }

    [TestCaseSource(nameof(shapes))]
    public void LinearBackwardWeight(int rows, int inputs, int outputs)
    {
        float[] dy = Normal(rows * outputs), x = Normal(rows * inputs), before = Normal(outputs * inputs);
        DeviceBuffer<float> gradient = Upload<float>(dy), from = Upload<float>(x);
        foreach ((bool hasBias, bool isTf32, bool accumulate) in new[] { (false, false, false), (true, false, false), (true, true, true),
            (false, true, true) })
        {
            DeviceBuffer<float> dweight = Upload<float>(before), dbias = Poisoned<float>(outputs);
            bool isDone = CublasLt.LinearBackwardWeight(Stream, gradient, from, dweight, hasBias
                ? dbias.Pointer
                : DevicePointer.Null, rows, inputs, outputs, isTf32, Workspace, WorkspaceBytes, accumulate);
            Assert.That(isDone, Is.True);
            var expected = new ExactSum[outputs * inputs];
            var sums = new ExactSum[outputs];
            for (int o = 0; o < outputs; o++)
            {
                for (int r = 0; r < rows; r++)
                    sums[o] += dy[(r * outputs) + o];
                for (int i = 0; i < inputs; i++)
                {
                    ExactSum sum = default;
                    for (int r = 0; r < rows; r++)
                        sum += (double)Factor(dy[(r * outputs) + o], isTf32) * Factor(x[(r * inputs) + i], isTf32);
                    expected[(o * inputs) + i] = accumulate ? sum + before[(o * inputs) + i] : sum;
                }
            }
            AssertSums(Download(dweight), expected, isTf32);
            if (hasBias)
                AssertSums(Download(dbias), sums, isTf32);
            else
                Assert.That(Download(dbias), Is.All.NaN);
        }
    }

    [Test]
    public void AnAlgorithmIsChosenOnceAShape()
    {
        DeviceBuffer<float> x = Upload<float>(Normal(64)), weight = Upload<float>(Normal(64)), bias = Upload<float>(Normal(8)),
            y = Poisoned<float>(64);
        for (int i = 0; i < 3; i++)
        {
            CublasLt.Linear(Stream, x, weight, bias, y, 8, 8, 8, tf32: false, Workspace, WorkspaceBytes);
            CublasLt.LinearBackwardWeight(Stream, y, x, weight, bias, 8, 8, 8, tf32: false, Workspace, WorkspaceBytes, accumulate: i > 0);
        }
        Assert.That(CublasLt.PlanCount, Is.EqualTo(2));
        // One row fewer; no bias; addresses that are aligned to less.
        CublasLt.Linear(Stream, x, weight, bias, y, 7, 8, 8, tf32: false, Workspace, WorkspaceBytes);
        CublasLt.Linear(Stream, x, weight, DevicePointer.Null, y, 8, 8, 8, tf32: false, Workspace, WorkspaceBytes);
        CublasLt.Linear(Stream, x.Pointer + 4, weight, bias, y, 7, 8, 8, tf32: false, Workspace, WorkspaceBytes);
        Assert.That(CublasLt.PlanCount, Is.EqualTo(5));
    }

    [Test]
    public void ABiasThatIsUsedLaterIsItsOwn()
    {
        DeviceBuffer<float> x = Upload<float>(1), weight = Upload<float>(1), y = Poisoned<float>(1), first = Upload<float>(10),
            second = Upload<float>(20);
        CublasLt.Linear(Stream, x, weight, first, y, 1, 1, 1, tf32: false, Workspace, WorkspaceBytes);
        Assert.That(Download(y)[0], Is.EqualTo(11));
        CublasLt.Linear(Stream, x, weight, second, y, 1, 1, 1, tf32: false, Workspace, WorkspaceBytes);
        Assert.That(Download(y)[0], Is.EqualTo(21));
    }

    [Test]
    public void ALaunchIsCountedWithItsBytes()
    {
        const int rows = 6, inputs = 20, outputs = 9;
        DeviceBuffer<float> x = Upload<float>(Normal(rows * inputs)), weight = Upload<float>(Normal(outputs * inputs)),
            bias = Upload<float>(Normal(outputs)), y = Poisoned<float>(rows * outputs);
        CublasLt.Linear(Stream, x, weight, bias, y, rows, inputs, outputs, tf32: false, Workspace, WorkspaceBytes);
        long loaded = 4 * ((rows * inputs) + (outputs * inputs) + outputs), stored = 4 * rows * outputs;
        AssertTraffic("cublasLt matmul", loaded, stored);
        CublasLt.LinearBackwardWeight(Stream, y, x, weight, bias, rows, inputs, outputs, tf32: false, Workspace, WorkspaceBytes,
            accumulate: false);
        AssertTraffic("cublasLt matmul", loaded + (4 * ((rows * inputs) + (rows * outputs))),
            stored + (4 * ((outputs * inputs) + outputs)));
        if (IsSimulated)
            Assert.That(CountersOf("cublasLt matmul")!.Launches, Is.EqualTo(2));
    }

    float Factor(float x, bool isTf32) => isTf32 && IsSimulated ? ToTf32(x) : x;
}
