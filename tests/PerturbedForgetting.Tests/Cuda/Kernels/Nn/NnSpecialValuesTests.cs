using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

/// <summary>NaN and infinity stay where they belong, and what is summed in parts has the same bits on every run.</summary>
[TestFixtureSource(typeof(KernelDevices))]
sealed class NnSpecialValuesTests(string device) : KernelFixture(device)
{
    static readonly float[] special = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0, -0f, 100, -100, 1e-40f, float.MaxValue, float.MinValue];

    [Test]
    public void GeluEqualsTheCpu([Values] bool backward)
    {
        float[] dy = Normal(special.Length);
        Tensor expected = Tensor.Empty([special.Length], DType.Float32);
        DeviceBuffer<float> y = Poisoned<float>(special.Length), x = Upload<float>(special);
        if (backward)
        {
            expected.Backend.Map(Unary.Gelu.Backward, OnCpu(dy), OnCpu(special), expected);
            Library.Map(Stream, Unary.Gelu.Backward.Kernel, 2, special.Length, y, Upload<float>(dy), x, (long)special.Length);
        }
        else
        {
            expected.Backend.Map(Unary.Gelu, OnCpu(special), expected);
            Library.Map(Stream, Unary.Gelu.Kernel, 1, special.Length, y, x, (long)special.Length);
        }
        AssertClose(Download(y), expected.ToArray<float>(), 1e-6, 1e-6);
    }

    [Test]
    public void DropoutEqualsTheCpu([Values(0, 0.5, 1)] double p)
    {
        Tensor expected = Tensor.Empty([special.Length], DType.Float32);
        DeviceBuffer<float> y = Poisoned<float>(special.Length);
        new Dropout(Library).Launch(Stream, y, Upload<float>(special), p, 5, 6, default, special.Length);
        expected.Backend.Dropout(OnCpu(special), p, new(5, 6), expected);
        AssertClose(Download(y), expected.ToArray<float>(), 0);
    }

    [Test]
    public void SumStaysInItsColumn([Values(7, 64)] int columns)
    {
        const int rows = 200;
        float[] x = Normal(rows * columns);
        x[(150 * columns) + 3] = float.NaN;
        x[(20 * columns) + 5] = float.NegativeInfinity;
        DeviceBuffer<float> sum = Poisoned<float>(columns);
        new Broadcast(Library).Sum(Stream, sum, Upload<float>(x), Scratch<float>(new ColumnParts(rows, columns).Count * columns), rows, columns, accumulate: false);
        float[] sums = Download(sum);
        Assert.That(sums.Select(float.IsFinite), Is.EqualTo(Enumerable.Range(0, columns).Select(c => c is not (3 or 5))));
        Assert.That((sums[3], sums[5]), Is.EqualTo((float.NaN, float.NegativeInfinity)));
    }

    [Test]
    public void BatchNormKeepsNaNInItsChannel([Values(6, 8)] int channels)
    {
        const int rows = 130;
        float[] x = Normal(rows * channels), ones = [.. Enumerable.Repeat(1f, channels)];
        x[(77 * channels) + 2] = float.NaN;
        x[(3 * channels) + 4] = float.PositiveInfinity;
        DeviceBuffer<float> source = Upload<float>(x), mean = Upload<float>(ones), variance = Upload<float>(ones), weight = Upload<float>(ones), saved = Poisoned<float>(5 * channels),
            y = Poisoned<float>(x.Length), dx = Poisoned<float>(x.Length), scratch = Scratch<float>(BatchNorm.Scratch(rows, channels));
        var kernels = new BatchNorm(Library);
        kernels.Statistics(Stream, saved, mean, variance, default, scratch, source, weight, weight, 1e-5, 0.1, rows, channels);
        kernels.Apply(Stream, y, source, saved, DevicePointer.Null, relu: true, rows, channels);
        kernels.Backward(Stream, new(dx, default, default, false, default, false), scratch, source, source, DevicePointer.Null, saved, relu: true, batch: true, rows, channels);
        bool[] isClean = [.. Enumerable.Range(0, channels).Select(c => c is not (2 or 4))];
        foreach (DeviceBuffer<float> perChannel in (DeviceBuffer<float>[])[mean, variance])
            Assert.That(Download(perChannel).Select(float.IsFinite), Is.EqualTo(isClean));
        Assert.That(Download(y).Select(float.IsNaN), Is.EqualTo(x.Select((_, i) => !isClean[i % channels])), "y");
        Assert.That(Download(dx).Select(float.IsFinite), Is.EqualTo(x.Select((_, i) => isClean[i % channels])), "dx");
    }

    [Test]
    public void LayerNormKeepsNaNInItsRow([Values(33, 64, 384)] int columns)
    {
        const int rows = 3;
        float[] x = Normal(rows * columns);
        x[columns + 7] = float.NaN;
        DeviceBuffer<float> source = Upload<float>(x), weight = Upload<float>(Normal(columns)), y = Poisoned<float>(x.Length), statistics = Poisoned<float>(3 * rows), dx = Poisoned<float>(x.Length);
        var kernels = new LayerNorm(Library);
        kernels.Forward(Stream, y, statistics, default, source, default, weight, weight, 1e-6, rows, columns);
        kernels.Backward(Stream, new(dx, false, default, false, default, false), default, Upload<float>(Normal(x.Length)), source, weight, statistics, rows, columns);
        IEnumerable<bool> expected = x.Select((_, i) => i / columns == 1);
        Assert.That(Download(y).Select(float.IsNaN), Is.EqualTo(expected));
        Assert.That(Download(dx).Select(float.IsNaN), Is.EqualTo(expected));
    }

    [Test]
    public void AveragesEqualTheCpu([Values(5, 8)] int channels)
    {
        float[] x = Normal(6 * 6 * channels);
        (x[3], x[10], x[^1]) = (float.NaN, float.PositiveInfinity, float.NegativeInfinity);
        Tensor y = Tensor.Empty([1, 3, 3, channels], DType.Float32), mean = Tensor.Empty([1, channels], DType.Float32);
        Backend cpu = y.Backend;
        cpu.AvgPool2d(OnCpu(x, 1, 6, 6, channels), new Pool2dGeometry(3, 2, 1), true, y);
        cpu.GlobalAvgPool2d(OnCpu(x, 1, 6, 6, channels), mean);
        var windows = new Pooling.Windows { Height = 6, Width = 6, OutHeight = 3, OutWidth = 3, Channels = channels, KernelH = 3, KernelW = 3, StrideH = 2, StrideW = 2, PadH = 1, PadW = 1 };
        DeviceBuffer<float> output = Poisoned<float>(y.Count), global = Poisoned<float>(channels), source = Upload<float>(x);
        var kernels = new Pooling(Library);
        kernels.Avg(Stream, output, source, windows, countPadding: true, 1);
        kernels.Global(Stream, global, source, 36, channels, 1);
        AssertClose(Download(output), y.ToArray<float>(), 1e-6, 1e-6);
        AssertClose(Download(global), mean.ToArray<float>(), 1e-6, 1e-6);
    }

    [Test]
    public void TwoRunsHaveTheSameBits([Values(1, 31, 32, 33, 300)] int columns, [Values(1, 33, 1025)] int rows)
    {
        float[] x = Normal(rows * columns), dy = Normal(rows * columns), w = Normal(columns), positive = Uniform(columns, 0.5, 2);
        Assert.That(Run(), Is.EqualTo(Run()));

        uint[] Run()
        {
            DeviceBuffer<float> source = Upload<float>(x), upstream = Upload<float>(dy), weight = Upload<float>(w), sum = Poisoned<float>(columns),
                normal = Poisoned<float>(x.Length), statistics = Poisoned<float>(3 * rows), dx = Poisoned<float>(x.Length), dweight = Poisoned<float>(columns), dbias = Poisoned<float>(columns);
            new Broadcast(Library).Sum(Stream, sum, source, Scratch<float>(new ColumnParts(rows, columns).Count * columns), rows, columns, accumulate: false);
            var layer = new LayerNorm(Library);
            layer.Forward(Stream, normal, statistics, default, source, default, weight, weight, 1e-6, rows, columns);
            layer.Backward(Stream, new(dx, false, dweight, false, dbias, false), Scratch<float>(2L * LayerNorm.Parts(rows) * columns), upstream, source, weight, statistics, rows, columns);
            float[] results = [.. Download(sum), .. Download(normal), .. Download(statistics), .. Download(dx), .. Download(dweight), .. Download(dbias)];
            DeviceBuffer<float> mean = Upload<float>(w), variance = Upload<float>(positive), saved = Poisoned<float>(5 * columns), scratch = Scratch<float>(BatchNorm.Scratch(rows, columns));
            var batch = new BatchNorm(Library);
            batch.Statistics(Stream, saved, mean, variance, default, scratch, source, weight, weight, 1e-5, 0.1, rows, columns);
            batch.Apply(Stream, normal, source, saved, upstream, relu: true, rows, columns);
            batch.Backward(Stream, new(dx, DevicePointer.Null, dweight, false, dbias, false), scratch, upstream, source, normal, saved, relu: true, batch: true, rows, columns);
            results = [.. results, .. Download(mean), .. Download(variance), .. Download(saved), .. Download(normal), .. Download(dx), .. Download(dweight), .. Download(dbias)];
            return Array.ConvertAll(results, BitConverter.SingleToUInt32Bits);
        }
    }
}
