using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class BatchNormKernelTests(string device) : KernelFixture(device)
{
    // The allocator does not round up the work space of 256 x 64 (moments) and of 448 x 32 (sums and coefficients).
    static readonly (int Rows, int Channels)[] shapes = [(2, 1), (33, 31), (1025, 5), (256, 64), (129, 33), (3 * 49, 128), (448, 32)];

    [Test]
    public void StatisticsAndApply([ValueSource(nameof(shapes))] (int Rows, int Channels) shape, [Values] bool relu, [Values] bool residual)
    {
        (int rows, int channels) = shape;
        Case c = Make(rows, channels);
        Tensor saved = Output(5, channels), y = Output(rows, channels), mean = Input(c.Mean), variance = Input(c.Variance), x = Input(c.X, rows, channels), counter = Input([41L]);
        Backend.BatchNormStatistics(x, Input(c.Weight), Input(c.Bias), 1e-5, saved, mean, variance, 0.1, counter);
        Backend.BatchNormApply(x, saved, residual ? Input(c.Residual, rows, channels) : null, relu, y);
        Tensor expected = Tensor.Empty([rows, channels]), statistics = c.SavedOnCpu(out Tensor runningMean, out Tensor runningVariance);
        expected.Backend.BatchNormApply(OnCpu(c.X, rows, channels), statistics, residual ? OnCpu(c.Residual, rows, channels) : null, relu, expected);
        Assert.That(counter.ToArray<long>(), Is.EqualTo(new[] { 42L }));
        AssertClose(mean, runningMean, 2e-6, 1e-6);
        AssertClose(variance, runningVariance, 2e-5, 1e-6);
        AssertClose(y, expected, 2e-5, 2e-5);
    }

    [Test]
    public void Backward([ValueSource(nameof(shapes))] (int Rows, int Channels) shape, [Values("plain", "relu", "relu and residual")] string behind, [Values] bool batch)
    {
        // Without a relu the residual's gradient is dy itself, and nobody asks for it.
        bool relu = behind != "plain", residual = behind == "relu and residual";
        (int rows, int channels) = shape;
        Case c = Make(rows, channels);
        Tensor x = OnCpu(c.X, rows, channels), statistics = c.SavedOnCpu(out _, out _), output = Tensor.Empty([rows, channels], DType.Float32), dy = OnCpu(c.Residual, rows, channels);
        Backend cpu = x.Backend;
        cpu.BatchNormApply(x, statistics, null, relu, output);
        Tensor dx = Tensor.Empty([rows, channels], DType.Float32), dresidual = Tensor.Empty([rows, channels], DType.Float32), dweight = OnCpu(c.Weight), dbias = Tensor.Empty([channels], DType.Float32);
        cpu.BatchNormBackward(dy, x, relu, residual ? output : null, statistics, batch, new BatchNormGradients(dx, residual ? dresidual : null, dweight, true, dbias, false));
        Tensor input = Output(rows, channels), kept = Output(rows, channels), weight = Input(c.Weight), bias = Output(channels);
        Backend.BatchNormBackward(Input(c.Residual, rows, channels), Input(c.X, rows, channels), relu, residual ? Input(output.ToArray<float>(), rows, channels) : null,
            Input(statistics.ToArray<float>(), 5, channels), batch, new BatchNormGradients(input, residual ? kept : null, weight, true, bias, false));
        double sums = Math.ScaleB(rows * Math.Sqrt(rows), -22) + 1e-5;
        AssertClose(weight, dweight, 1e-5, sums);
        AssertClose(bias, dbias, 1e-5, sums);
        AssertClose(input, dx, 1e-4, 1e-4);
        if (residual)
            AssertClose(kept, dresidual, 0);
    }

    /// <summary>The parts are put together by the block that arrives last, which is another in every run; the counters are zero behind each,
    /// so that a graph may repeat it.</summary>
    [Test]
    public void NumbersAreTheSameInEveryRunAndEveryReplay([Values(36, 130)] int channels)
    {
        const int rows = 700;
        Case c = Make(rows, channels);
        Tensor x = Input(c.X, rows, channels), w = Input(c.Weight), saved = Output(5, channels), dw = Output(channels), dx = Output(rows, channels),
            dy = Input(c.Residual, rows, channels);
        Pass();
        float[] expected = saved.ToArray<float>(), expectedWeight = dw.ToArray<float>(), expectedInput = dx.ToArray<float>();
        using DeviceGraph graph = Device.Capture(Pass);
        for (int run = 0; run < 3; run++)
        {
            foreach (Tensor output in (Tensor[])[saved, dw, dx])
                output.Fill(double.NaN);
            graph.Launch();
            AssertClose(saved, expected, 0);
            AssertClose(dw, expectedWeight, 0);
            AssertClose(dx, expectedInput, 0);
        }

        void Pass()
        {
            Backend.BatchNormStatistics(x, w, w, 1e-5, saved, null, null, 0.1, null);
            Backend.BatchNormBackward(dy, x, true, null, saved, true, new BatchNormGradients(dx, null, dw, false, null, false));
        }
    }

    /// <summary>Frozen statistics, and no gradient wanted but that of the input.</summary>
    [Test]
    public void Frozen([Values(31, 64)] int channels)
    {
        const int rows = 40;
        Case c = Make(rows, channels);
        Tensor saved = Tensor.Empty([5, channels], DType.Float32), x = OnCpu(c.X, rows, channels), dx = Tensor.Empty([rows, channels], DType.Float32);
        Backend cpu = saved.Backend;
        cpu.BatchNormFrozen(OnCpu(c.Weight), OnCpu(c.Bias), OnCpu(c.Mean), OnCpu(c.Variance), 1e-5, saved);
        cpu.BatchNormBackward(OnCpu(c.Residual, rows, channels), x, true, null, saved, false, new BatchNormGradients(dx, null, null, false, null, false));
        Tensor made = Output(5, channels), input = Output(rows, channels);
        Backend.BatchNormFrozen(Input(c.Weight), Input(c.Bias), Input(c.Mean), Input(c.Variance), 1e-5, made);
        Backend.BatchNormBackward(Input(c.Residual, rows, channels), Input(c.X, rows, channels), true, null, made, false, new BatchNormGradients(input, null, null, false, null, false));
        AssertClose(made, saved, 3e-7, 1e-12);
        AssertClose(input, dx, 1e-6);
    }

    sealed record Case(int Rows, int Channels, float[] X, float[] Weight, float[] Bias, float[] Mean, float[] Variance, float[] Residual)
    {
        public Tensor SavedOnCpu(out Tensor runningMean, out Tensor runningVariance)
        {
            Tensor saved = Tensor.Empty([5, Channels], DType.Float32);
            (runningMean, runningVariance) = (OnCpu(Mean), OnCpu(Variance));
            saved.Backend.BatchNormStatistics(OnCpu(X, Rows, Channels), OnCpu(Weight), OnCpu(Bias), 1e-5, saved, runningMean, runningVariance, 0.1, null);
            return saved;
        }
    }

    /// <summary>Channels with means of some deviations.</summary>
    Case Make(int rows, int channels) => new(rows, channels, [.. Normal(rows * channels).Select((v, i) => v + (i % channels % 7))], Normal(channels), Normal(channels), Normal(channels),
        Uniform(channels, 0.5, 2), Normal(rows * channels));
}
