using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class BatchNormKernelTests(string device) : KernelFixture(device)
{
    static readonly (int Rows, int Channels)[] shapes = [(2, 1), (33, 31), (1025, 5), (256, 64), (129, 33), (3 * 49, 128)];

    [Test]
    public void StatisticsAndApply([ValueSource(nameof(shapes))] (int Rows, int Channels) shape, [Values] bool relu, [Values] bool residual)
    {
        (int rows, int channels) = shape;
        Case c = Make(rows, channels);
        DeviceBuffer<float> saved = Poisoned<float>(5 * channels), y = Poisoned<float>(rows * channels), mean = Upload<float>(c.Mean), variance = Upload<float>(c.Variance), x = Upload<float>(c.X);
        var kernels = new BatchNorm(Library);
        DeviceBuffer<long> counter = Upload(41L);
        kernels.Statistics(Stream, saved, mean, variance, counter, Scratch<float>(BatchNorm.Scratch(rows, channels)), x, Upload<float>(c.Weight), Upload<float>(c.Bias), 1e-5, 0.1, rows, channels);
        kernels.Apply(Stream, y, x, saved, residual ? Upload<float>(c.Residual) : DevicePointer.Null, relu, rows, channels);
        Tensor expected = Tensor.Empty([rows, channels], DType.Float32), statistics = c.SavedOnCpu(out Tensor runningMean, out Tensor runningVariance);
        expected.Backend.BatchNormApply(OnCpu(c.X, rows, channels), statistics, residual ? OnCpu(c.Residual, rows, channels) : null, relu, expected);
        Assert.That(Download(counter), Is.EqualTo(new[] { 42L }));
        AssertClose(Download(mean), runningMean.ToArray<float>(), 2e-6, 1e-6);
        AssertClose(Download(variance), runningVariance.ToArray<float>(), 2e-5, 1e-6);
        AssertClose(Download(y), expected.ToArray<float>(), 2e-5, 2e-5);
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
        DeviceBuffer<float> input = Poisoned<float>(c.X.Length), kept = Poisoned<float>(c.X.Length), weight = Upload<float>(c.Weight), bias = Poisoned<float>(channels);
        new BatchNorm(Library).Backward(Stream, new BatchNorm.Results(input, residual ? kept : DevicePointer.Null, weight, true, bias, false),
            Scratch<float>(BatchNorm.Scratch(rows, channels)), Upload<float>(c.Residual), Upload<float>(c.X), residual ? Upload<float>(output.ToArray<float>()) : DevicePointer.Null,
            Upload<float>(statistics.ToArray<float>()), relu, batch, rows, channels);
        double sums = Math.ScaleB(rows * Math.Sqrt(rows), -22) + 1e-5;
        AssertClose(Download(weight), dweight.ToArray<float>(), 1e-5, sums);
        AssertClose(Download(bias), dbias.ToArray<float>(), 1e-5, sums);
        AssertClose(Download(input), dx.ToArray<float>(), 1e-4, 1e-4);
        if (residual)
            AssertClose(Download(kept), dresidual.ToArray<float>(), 0);
    }

    /// <summary>The parts are put together by the block that arrives last, which is another in every run; the counters are zero behind each,
    /// so that a graph may repeat it.</summary>
    [Test]
    public void NumbersAreTheSameInEveryRunAndEveryReplay([Values(36, 130)] int channels)
    {
        const int rows = 700;
        Case c = Make(rows, channels);
        DeviceBuffer<float> x = Upload<float>(c.X), w = Upload<float>(c.Weight), saved = Poisoned<float>(5 * channels), dw = Poisoned<float>(channels), dx = Poisoned<float>(rows * channels),
            dy = Upload<float>(c.Residual), scratch = Scratch<float>(BatchNorm.Scratch(rows, channels));
        var kernels = new BatchNorm(Library);
        Pass();
        float[] expected = Download(saved), expectedWeight = Download(dw), expectedInput = Download(dx);
        Stream.BeginCapture();
        Pass();
        using CudaGraph recorded = Stream.EndCapture();
        using CudaGraphExecutable graph = recorded.Instantiate();
        for (int run = 0; run < 3; run++)
        {
            foreach (DeviceBuffer<float> output in (DeviceBuffer<float>[])[saved, dw, dx])
                Stream.FillBytes(output, 0xFF, output.Bytes);
            graph.Launch(Stream);
            AssertClose(Download(saved), expected, 0);
            AssertClose(Download(dw), expectedWeight, 0);
            AssertClose(Download(dx), expectedInput, 0);
        }

        void Pass()
        {
            kernels.Statistics(Stream, saved, default, default, default, scratch, x, w, w, 1e-5, 0.1, rows, channels);
            kernels.Backward(Stream, new BatchNorm.Results(dx, default, dw, false, default, false), scratch, dy, x, default, saved, true, true, rows, channels);
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
        DeviceBuffer<float> made = Poisoned<float>(5 * channels), input = Poisoned<float>(c.X.Length);
        var kernels = new BatchNorm(Library);
        kernels.Frozen(Stream, made, Upload<float>(c.Mean), Upload<float>(c.Variance), Upload<float>(c.Weight), Upload<float>(c.Bias), 1e-5, channels);
        kernels.Backward(Stream, new BatchNorm.Results(input, default, default, false, default, false), Scratch<float>(BatchNorm.Scratch(rows, channels)), Upload<float>(c.Residual),
            Upload<float>(c.X), DevicePointer.Null, made, relu: true, batch: false, rows, channels);
        AssertClose(Download(made), saved.ToArray<float>(), 3e-7, 1e-12);
        AssertClose(Download(input), dx.ToArray<float>(), 1e-6);
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
