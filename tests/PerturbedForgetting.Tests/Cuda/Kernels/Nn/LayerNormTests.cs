using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class LayerNormKernelTests(string device) : KernelFixture(device)
{
    [TestCase(1, 1)]
    [TestCase(3, 31)]
    [TestCase(5, 33)]
    [TestCase(300, 192)]
    [TestCase(50, 384)]
    [TestCase(7, 1025)]
    public void ForwardAndBackward(int rows, int columns)
    {
        float[] x = [.. Normal(rows * columns).Select(v => v + 100)], w = Normal(columns), b = Normal(columns), dy = Normal(rows * columns);
        var kernels = new LayerNorm(Library);
        DeviceBuffer<float> y = Poisoned<float>(x.Length), statistics = Poisoned<float>(3 * rows), dx = Poisoned<float>(x.Length), dw = Poisoned<float>(columns),
            db = Upload<float>(b), source = Upload<float>(x), weight = Upload<float>(w);
        kernels.Forward(Stream, y, statistics, default, source, default, weight, Upload<float>(b), 1e-6, rows, columns);
        Tensor input = OnCpu(x, rows, columns), scale = OnCpu(w), shift = OnCpu(b), output = Tensor.Empty([rows, columns], DType.Float32), saved = Tensor.Empty([rows, 3], DType.Float32);
        Backend cpu = output.Backend;
        cpu.LayerNorm(input, scale, shift, 1e-6, output, saved);
        // Numbers around 100 keep 1e-5 of their spread of 1; both sides take the mean's rounding back.
        AssertClose(Download(y), output.ToArray<float>(), 1e-5, 2e-5);
        Tensor dinput = Tensor.Empty([rows, columns], DType.Float32), dweight = Tensor.Empty([columns], DType.Float32), dbias = OnCpu(b);
        DeviceBuffer<float> partial = Scratch<float>(2L * LayerNorm.Parts(rows) * columns);
        kernels.Backward(Stream, new(dx, false, dw, false, db, true), partial, Upload<float>(dy), source, weight, Upload<float>(saved.ToArray<float>()), rows, columns);
        cpu.LayerNormBackward(OnCpu(dy, rows, columns), input, scale, saved, new(dinput, false, dweight, false, dbias, true));
        double sums = Math.ScaleB(rows * Math.Sqrt(rows), -23) + 1e-6;
        AssertClose(Download(dx), dinput.ToArray<float>(), 1e-5, columns == 1 ? 1e-2 : 2e-5);
        AssertClose(Download(dw), dweight.ToArray<float>(), 1e-5, sums);
        AssertClose(Download(db), dbias.ToArray<float>(), 1e-5, sums);
    }

    [Test]
    public void WhatIsNotWantedIsNotMade()
    {
        const int rows = 9, columns = 65;
        float[] x = Normal(rows * columns), dy = Normal(rows * columns), w = Normal(columns);
        var kernels = new LayerNorm(Library);
        DeviceBuffer<float> y = Poisoned<float>(x.Length), statistics = Poisoned<float>(3 * rows), dx = Poisoned<float>(x.Length), source = Upload<float>(x), weight = Upload<float>(w);
        kernels.Forward(Stream, y, statistics, default, source, default, weight, weight, 1e-5, rows, columns);
        kernels.Backward(Stream, new(dx, false, default, false, default, false), default, Upload<float>(dy), source, weight, statistics, rows, columns);
        Assert.That(Download(dx), Has.None.NaN);
    }

    [TestCase(1, 1)]
    [TestCase(5, 33)]
    [TestCase(20, 384)]
    [TestCase(7, 1025)]
    public void TheSumWithAResidualIsMadeOnTheWay(int rows, int columns)
    {
        float[] x = Normal(rows * columns), residual = Normal(rows * columns), added = [.. x.Zip(residual, (a, b) => a + b)];
        var kernels = new LayerNorm(Library);
        DeviceBuffer<float> y = Poisoned<float>(x.Length), statistics = Poisoned<float>(3 * rows), sum = Poisoned<float>(x.Length), expected = Poisoned<float>(x.Length),
            expectedStatistics = Poisoned<float>(3 * rows), weight = Upload<float>(Normal(columns)), bias = Upload<float>(Normal(columns));
        kernels.Forward(Stream, y, statistics, sum, Upload<float>(x), Upload<float>(residual), weight, bias, 1e-6, rows, columns);
        kernels.Forward(Stream, expected, expectedStatistics, default, Upload<float>(added), default, weight, bias, 1e-6, rows, columns);
        AssertClose(Download(sum), added, 0);
        AssertClose(Download(y), Download(expected), 0);
        AssertClose(Download(statistics), Download(expectedStatistics), 0);
    }

    /// <summary>The parts are added by blocks that arrive last, which are others in every run; the counters are zero behind each.</summary>
    [Test]
    public void SumsAreTheSameInEveryRunAndAreAddedToWhatIsThere([Values(8, 9, 129, 4097)] int rows, [Values(3, 36)] int columns)
    {
        float[] start = Normal(rows * columns), startWeight = Normal(columns), startBias = Normal(columns);
        DeviceBuffer<float> x = Upload<float>(Normal(rows * columns)), dy = Upload<float>(Normal(rows * columns)), w = Upload<float>(Normal(columns)),
            statistics = Upload<float>(Uniform(3 * rows, 0.5, 1));
        var kernels = new LayerNorm(Library);
        (float[] dx, float[] dw, float[] db) = Run(accumulate: false);
        for (int run = 0; run < 3; run++)
        {
            (float[] againX, float[] againWeight, float[] againBias) = Run(accumulate: run == 2);
            AssertClose(againX, run < 2 ? dx : [.. start.Zip(dx, (a, b) => a + b)], 0);
            AssertClose(againWeight, run < 2 ? dw : [.. startWeight.Zip(dw, (a, b) => a + b)], 0);
            AssertClose(againBias, run < 2 ? db : [.. startBias.Zip(db, (a, b) => a + b)], 0);
        }

        (float[] X, float[] Weight, float[] Bias) Run(bool accumulate)
        {
            DeviceBuffer<float> dx = Upload<float>(start), dw = Upload<float>(startWeight), db = Upload<float>(startBias);
            kernels.Backward(Stream, new(dx, accumulate, dw, accumulate, db, accumulate), Scratch<float>(2L * LayerNorm.Parts(rows) * columns), dy, x, w, statistics, rows, columns);
            return (Download(dx), Download(dw), Download(db));
        }
    }
}
