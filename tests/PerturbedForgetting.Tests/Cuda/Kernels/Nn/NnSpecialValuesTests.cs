using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;

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
        Tensor expected = Tensor.Empty([special.Length]), y = Output(special.Length), x = Input(special);
        if (backward)
        {
            expected.Backend.Map(Unary.Gelu.Backward, OnCpu(dy), OnCpu(special), expected);
            Backend.Map(Unary.Gelu.Backward, Input(dy), x, y);
        }
        else
        {
            expected.Backend.Map(Unary.Gelu, OnCpu(special), expected);
            Backend.Map(Unary.Gelu, x, y);
        }
        AssertClose(y, expected, 1e-6, 1e-6);
    }

    [Test]
    public void DropoutEqualsTheCpu([Values(0, 0.5, 1)] double p)
    {
        Tensor expected = Tensor.Empty([special.Length], DType.Float32);
        Tensor y = Output(special.Length);
        Backend.Dropout(Input(special), p, new(5, 6), y);
        expected.Backend.Dropout(OnCpu(special), p, new(5, 6), expected);
        AssertClose(y, expected, 0);
    }

    [Test]
    public void SumStaysInItsColumn([Values(7, 64)] int columns)
    {
        const int rows = 200;
        float[] x = Normal(rows * columns);
        x[(150 * columns) + 3] = float.NaN;
        x[(20 * columns) + 5] = float.NegativeInfinity;
        Tensor sum = Output(columns);
        Backend.SumLeading(Input(x, rows, columns), sum, accumulate: false);
        float[] sums = sum.ToArray<float>();
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
        Tensor source = Input(x, rows, channels), mean = Input(ones), variance = Input(ones), weight = Input(ones), saved = Output(5, channels), y = Output(rows, channels),
            dx = Output(rows, channels);
        Backend.BatchNormStatistics(source, weight, weight, 1e-5, saved, mean, variance, 0.1, null);
        Backend.BatchNormApply(source, saved, null, relu: true, y);
        Backend.BatchNormBackward(source, source, relu: true, null, saved, batch: true, new(dx, null, null, false, null, false));
        bool[] isClean = [.. Enumerable.Range(0, channels).Select(c => c is not (2 or 4))];
        foreach (Tensor ofChannels in (Tensor[])[mean, variance])
            Assert.That(ofChannels.ToArray<float>().Select(float.IsFinite), Is.EqualTo(isClean));
        Assert.That(y.ToArray<float>().Select(float.IsNaN), Is.EqualTo(x.Select((_, i) => !isClean[i % channels])), "y");
        Assert.That(dx.ToArray<float>().Select(float.IsFinite), Is.EqualTo(x.Select((_, i) => isClean[i % channels])), "dx");
    }

    [Test]
    public void LayerNormKeepsNaNInItsRow([Values(33, 64, 384)] int columns)
    {
        const int rows = 3;
        float[] x = Normal(rows * columns);
        x[columns + 7] = float.NaN;
        Tensor source = Input(x, rows, columns), weight = Input(Normal(columns)), y = Output(rows, columns), statistics = Output(rows, 3), dx = Output(rows, columns);
        Backend.LayerNorm(source, weight, weight, 1e-6, y, statistics);
        Backend.LayerNormBackward(Input(Normal(x.Length), rows, columns), source, weight, statistics, new(dx, false, null, false, null, false));
        IEnumerable<bool> expected = x.Select((_, i) => i / columns == 1);
        Assert.That(y.ToArray<float>().Select(float.IsNaN), Is.EqualTo(expected));
        Assert.That(dx.ToArray<float>().Select(float.IsNaN), Is.EqualTo(expected));
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
        Tensor output = Output(1, 3, 3, channels), global = Output(1, channels), source = Input(x, 1, 6, 6, channels);
        Backend.AvgPool2d(source, new Pool2dGeometry(3, 2, 1), countPadding: true, output);
        Backend.GlobalAvgPool2d(source, global);
        AssertClose(output, y, 1e-6, 1e-6);
        AssertClose(global, mean, 1e-6, 1e-6);
    }

    [Test]
    public void TwoRunsHaveTheSameBits([Values(1, 31, 32, 33, 300)] int columns, [Values(1, 33, 1025)] int rows)
    {
        float[] x = Normal(rows * columns), dy = Normal(rows * columns), w = Normal(columns), positive = Uniform(columns, 0.5, 2);
        Assert.That(Run(), Is.EqualTo(Run()));

        uint[] Run()
        {
            Tensor source = Input(x, rows, columns), upstream = Input(dy, rows, columns), weight = Input(w), sum = Output(columns), normal = Output(rows, columns),
                statistics = Output(rows, 3), dx = Output(rows, columns), dweight = Output(columns), dbias = Output(columns);
            Backend.SumLeading(source, sum, accumulate: false);
            Backend.LayerNorm(source, weight, weight, 1e-6, normal, statistics);
            Backend.LayerNormBackward(upstream, source, weight, statistics, new(dx, false, dweight, false, dbias, false));
            float[] results = All(sum, normal, statistics, dx, dweight, dbias);
            Tensor mean = Input(w), variance = Input(positive), saved = Output(5, columns);
            Backend.BatchNormStatistics(source, weight, weight, 1e-5, saved, mean, variance, 0.1, null);
            Backend.BatchNormApply(source, saved, upstream, relu: true, normal);
            Backend.BatchNormBackward(upstream, source, relu: true, normal, saved, batch: true, new(dx, null, dweight, false, dbias, false));
            return Array.ConvertAll([.. results, .. All(mean, variance, saved, normal, dx, dweight, dbias)], BitConverter.SingleToUInt32Bits);
        }

        static float[] All(params Tensor[] tensors) => [.. tensors.SelectMany(static t => t.ToArray<float>())];
    }
}
