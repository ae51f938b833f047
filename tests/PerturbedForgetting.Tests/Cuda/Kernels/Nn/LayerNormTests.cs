using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class LayerNormKernelTests(string device) : KernelFixture(device)
{
    [TestCase(1, 1)]
    [TestCase(3, 31)]
    [TestCase(5, 33)]
    [TestCase(300, 192)]
    // Work space of 4096 bytes, which the allocator does not round up.
    [TestCase(64, 64)]
    [TestCase(50, 384)]
    [TestCase(7, 1025)]
    public void ForwardAndBackward(int rows, int columns)
    {
        float[] x = [.. Normal(rows * columns).Select(v => v + 100)], w = Normal(columns), b = Normal(columns), dy = Normal(rows * columns);
        Tensor y = Output(rows, columns), statistics = Output(rows, 3), dx = Output(rows, columns), dw = Output(columns), db = Input(b),
            source = Input(x, rows, columns), weight = Input(w);
        Backend.LayerNorm(source, weight, Input(b), 1e-6, y, statistics);
        Tensor input = OnCpu(x, rows, columns), scale = OnCpu(w), output = input.EmptyLike(), saved = Tensor.Empty([rows, 3]);
        Backend cpu = output.Backend;
        cpu.LayerNorm(input, scale, OnCpu(b), 1e-6, output, saved);
        // Numbers around 100 keep 1e-5 of their spread of 1; both sides take the mean's rounding back.
        AssertClose(y, output, 1e-5, 2e-5);
        Tensor dinput = input.EmptyLike(), dweight = scale.EmptyLike(), dbias = OnCpu(b);
        Backend.LayerNormBackward(Input(dy, rows, columns), source, weight, Input(saved.ToArray<float>(), rows, 3), new(dx, false, dw, false, db, true));
        cpu.LayerNormBackward(OnCpu(dy, rows, columns), input, scale, saved, new(dinput, false, dweight, false, dbias, true));
        double sums = Math.ScaleB(rows * Math.Sqrt(rows), -23) + 1e-6;
        AssertClose(dx, dinput, 1e-5, columns == 1 ? 1e-2 : 2e-5);
        AssertClose(dw, dweight, 1e-5, sums);
        AssertClose(db, dbias, 1e-5, sums);
    }

    [Test]
    public void WhatIsNotWantedIsNotMade()
    {
        const int rows = 9, columns = 65;
        Tensor x = Input(Normal(rows * columns), rows, columns), w = Input(Normal(columns)), y = Output(rows, columns), statistics = Output(rows, 3), dx = Output(rows, columns);
        Backend.LayerNorm(x, w, w, 1e-5, y, statistics);
        Backend.LayerNormBackward(Input(Normal(rows * columns), rows, columns), x, w, statistics, new(dx, false, null, false, null, false));
        Assert.That(dx.ToArray<float>(), Has.None.NaN);
    }

    [TestCase(1, 1)]
    [TestCase(5, 33)]
    [TestCase(20, 384)]
    [TestCase(7, 1025)]
    public void TheSumWithAResidualIsMadeOnTheWay(int rows, int columns)
    {
        float[] x = Normal(rows * columns), residual = Normal(rows * columns), added = [.. x.Zip(residual, (a, b) => a + b)];
        Tensor y = Output(rows, columns), statistics = Output(rows, 3), sum = Output(rows, columns), expected = Output(rows, columns), expectedStatistics = Output(rows, 3),
            weight = Input(Normal(columns)), bias = Input(Normal(columns));
        Backend.AddLayerNorm(Input(x, rows, columns), Input(residual, rows, columns), weight, bias, 1e-6, sum, y, statistics);
        Backend.LayerNorm(Input(added, rows, columns), weight, bias, 1e-6, expected, expectedStatistics);
        AssertClose(sum, added, 0);
        AssertClose(y, expected, 0);
        AssertClose(statistics, expectedStatistics, 0);
    }

    /// <summary>The parts are added by blocks that arrive last, which are others in every run; the counters are zero behind each.</summary>
    [Test]
    public void SumsAreTheSameInEveryRunAndAreAddedToWhatIsThere([Values(8, 9, 129, 4097)] int rows, [Values(3, 36)] int columns)
    {
        float[] start = Normal(rows * columns), startWeight = Normal(columns), startBias = Normal(columns);
        Tensor x = Input(Normal(rows * columns), rows, columns), dy = Input(Normal(rows * columns), rows, columns), w = Input(Normal(columns)),
            statistics = Input(Uniform(3 * rows, 0.5, 1), rows, 3);
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
            Tensor dx = Input(start, rows, columns), dw = Input(startWeight), db = Input(startBias);
            Backend.LayerNormBackward(dy, x, w, statistics, new(dx, accumulate, dw, accumulate, db, accumulate));
            return (dx.ToArray<float>(), dw.ToArray<float>(), db.ToArray<float>());
        }
    }
}
