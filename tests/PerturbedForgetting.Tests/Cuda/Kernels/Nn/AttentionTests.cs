using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class AttentionTests(string device) : KernelFixture(device)
{
    // Batch, tokens, heads, width. Tiles have 32 and 64 rows; widths are padded to 32, 64 and 128. ViT-Ti/4 on 32 x 32 pixels has 3 heads
    // of 64 and 65 tokens, ViT-Ti/16 on 224 x 224 pixels 197.
    static readonly int[][] sizes =
    [
        [1, 1, 1, 4], [2, 31, 1, 32], [1, 32, 2, 16], [1, 33, 1, 64], [2, 63, 2, 36], [1, 64, 1, 128], [2, 65, 3, 64], [1, 129, 1, 96],
            [1, 50, 2, 28],
        [1, 197, 1, 64], [1, 257, 1, 8],
    ];

    [Test]
    public void EqualsCpu([ValueSource(nameof(sizes))] int[] size, [Values] AttentionUnits units)
    {
        using var scope = Scope.Begin();
        (int batch, int tokens, int heads, int width) = (size[0], size[1], size[2], size[3]);
        float scale = (float)(1 / Math.Sqrt(width));
        float[] x = Normal(batch * tokens * 3 * heads * width), dy = Normal(batch * tokens * heads * width);
        (double[] y, double[] statistics, double[] gradient) =
            Cpu(Array.ConvertAll(x, v => (double)v), Array.ConvertAll(dy, v => (double)v), size, scale);
        double rounding = units switch { AttentionUnits.Tf32 => 1.0 / (1 << 11), AttentionUnits.Bfloat16 => 1.0 / (1 << 8), _ => 0 };
        var bounds = new AttentionBounds(x, batch, tokens, heads, width, scale, rounding);
        bounds.Compute(y, statistics, dy);

        Tensor qkv = Input(x, batch, tokens, 3 * heads * width);
        (float[] actualY, float[] actualStatistics) = Forward(units, qkv, heads, scale);
        AssertWithin(actualY, y, bounds.Y, "y");
        AssertWithin(actualStatistics, statistics, bounds.Statistics, "statistics");
        float[] actualGradient = Backward(units, qkv, dy, Narrow(y), Narrow(statistics), heads, scale);
        AssertWithin(actualGradient, gradient, bounds.Gradient, "dqkv");

        (float[] againY, float[] againStatistics) = Forward(units, qkv, heads, scale);
        AssertClose(againY, actualY, 0);
        AssertClose(againStatistics, actualStatistics, 0);
        AssertClose(Backward(units, qkv, dy, Narrow(y), Narrow(statistics), heads, scale), actualGradient, 0);
    }

    /// <summary>Statistics need not be kept, where no gradient is asked for.</summary>
    [Test]
    public void StatisticsMayBeLeftOut([Values] AttentionUnits units)
    {
        Tensor qkv = Input(Normal(70 * 3 * 2 * 20), 1, 70, 3 * 2 * 20), y = Output(1, 70, 2 * 20);
        Backend.Attention(units, qkv, 2, 0.3, y, null);
        AssertClose(y, Forward(units, qkv, 2, 0.3).Y, 0);
    }

    /// <summary>NaN and infinity come out where the CPU lets them out, and nowhere else.</summary>
    [Test]
    public void NotANumberSpreadsAsOnTheCpu([Values] AttentionUnits units, [Values(0, 1, 2)] int part,
        [Values(float.NaN, float.PositiveInfinity)] float value)
    {
        using var scope = Scope.Begin();
        int[] size = [1, 70, 2, 32];
        float[] x = Normal(70 * 3 * 2 * 32);
        x[(((40 * 3) + part) * 2 * 32) + 32 + 5] = value;
        float[] expected = CpuForward(x, size, 0.2f);
        (float[] y, _) = Forward(units, Input(x, 1, 70, 3 * 2 * 32), 2, 0.2f);
        Assert.That(expected, Has.Some.Matches<float>(v => !float.IsFinite(v)));
        Assert.That(Array.ConvertAll(y, float.IsFinite), Is.EqualTo(Array.ConvertAll(expected, float.IsFinite)));
    }

    /// <summary>Scores of the first tiles of keys are minus infinity: nothing of them is left.</summary>
    [Test]
    public void ScoresOfMinusInfinityWeighNothing([Values] AttentionUnits units)
    {
        using var scope = Scope.Begin();
        const int tokens = 70, width = 32;
        float[] x = Normal(tokens * 3 * width);
        for (int token = 0; token < tokens; token++)
        {
            x[token * 3 * width] = 1e20f;
            x[(token * 3 * width) + width] = token < 66 ? -1e20f : 0;
        }
        for (int d = 1; d < width; d++)
        {
            // The same scores for the rest, so that y is the mean of their values.
            for (int token = 0; token < tokens; token++)
                x[(token * 3 * width) + d] = 0;
        }
        (float[] y, _) = Forward(units, Input(x, 1, tokens, 3 * width), 1, 0.2f);
        float[] expected = CpuForward(x, [1, tokens, 1, width], 0.2f);
        double rounding = units switch { AttentionUnits.Tf32 => 1.0 / (1 << 11), AttentionUnits.Bfloat16 => 1.0 / (1 << 8), _ => 0 } + 1e-6;
        Assert.That(expected, Has.All.Matches<float>(float.IsFinite));
        // Four values, each rounded once.
        double most = Enumerable.Range(66, 4).Max(token => x.Skip((token * 3 * width) + (2 * width)).Take(width).Max(Math.Abs));
        AssertClose(y, expected, 0, most * rounding);
    }

    /// <summary>Scores far beyond the range of exp, as trained networks make them.</summary>
    [Test]
    public void LargeScoresAreSafe([Values] AttentionUnits units)
    {
        Tensor qkv = Input(Normal(50 * 3 * 64, 100), 1, 50, 3 * 64);
        (float[] y, float[] statistics) = Forward(units, qkv, 1, 0.125);
        Assert.That(y, Has.All.Matches<float>(float.IsFinite));
        Assert.That(Backward(units, qkv, y, y, statistics, 1, 0.125), Has.All.Matches<float>(float.IsFinite));
    }

    /// <summary>Queries are read once, keys and values once for every tile of queries; no lanes meet in a bank of shared memory.</summary>
    [Test]
    public void Traffic([Values] AttentionUnits units, [Values(32, 64, 128)] int width)
    {
        const int tokens = 96, heads = 2;
        Tensor qkv = Input(Normal(tokens * 3 * heads * width), 1, tokens, 3 * heads * width);
        (float[] y, float[] statistics) = Forward(units, qkv, heads, 0.1);
        Backward(units, qkv, Normal(tokens * heads * width), y, statistics, heads, 0.1);
        string name = units switch
        {
            AttentionUnits.Tf32 => "attention_mma_tf32_",
            AttentionUnits.Bfloat16 => "attention_mma_bf16_",
            _ =>
            "attention_"
        };
        long part = 4L * tokens * heads * width, statisticsBytes = 8L * tokens * heads;
        AssertTraffic($"{name}{width}", loaded: part + (2 * 2 * part), stored: part + statisticsBytes, isCoalesced: false);
        foreach (string kernel in new[] { $"{name}{width}", $"{name}backward_{width}" })
            Assert.That(CountersOf(kernel)?.BankConflicts ?? 0, Is.Zero, kernel);
    }

    [TestCase(6), TestCase(0), TestCase(132)]
    public void OtherWidthsAreRefused(int width) =>
        Assert.That(() => Backend.Attention(OnCpu(new float[3 * width], 1, 1, 3 * width), 1, 1, OnCpu(new float[width], 1, 1, width), null),
            Throws.TypeOf<NotSupportedException>().With.Message.Contains(width.ToString(CultureInfo.InvariantCulture)));

    (float[] Y, float[] Statistics) Forward(AttentionUnits units, Tensor qkv, int heads, double scale)
    {
        (int batch, int tokens, int channels) = (qkv.Shape[0], qkv.Shape[1], qkv.Shape[2] / 3);
        Tensor y = Output(batch, tokens, channels), statistics = Output(batch, heads, tokens, 2);
        Backend.Attention(units, qkv, heads, scale, y, statistics);
        return (y.ToArray<float>(), statistics.ToArray<float>());
    }

    float[] Backward(AttentionUnits units, Tensor qkv, float[] dy, float[] y, float[] statistics, int heads, double scale)
    {
        (int batch, int tokens, int channels) = (qkv.Shape[0], qkv.Shape[1], qkv.Shape[2] / 3);
        Tensor dqkv = Output(batch, tokens, 3 * channels);
        Backend.AttentionBackward(units, Input(dy, batch, tokens, channels), Input(y, batch, tokens, channels), qkv,
            Input(statistics, batch, heads, tokens, 2), heads, scale, dqkv);
        return dqkv.ToArray<float>();
    }

    static float[] CpuForward(float[] x, int[] size, float scale)
    {
        Tensor y = Tensor.Empty([size[0], size[1], size[2] * size[3]]);
        y.Backend.Attention(OnCpu(x, size[0], size[1], 3 * size[2] * size[3]), size[2], scale, y, null);
        return y.ToArray<float>();
    }

    static (double[] Y, double[] Statistics, double[] Gradient) Cpu(double[] x, double[] dy, int[] size, float scale)
    {
        (int batch, int tokens, int heads, int channels) = (size[0], size[1], size[2], size[2] * size[3]);
        Tensor qkv = OnCpu(x, batch, tokens, 3 * channels), y = Tensor.Empty([batch, tokens, channels], DType.Float64);
        Tensor statistics = Tensor.Empty([batch, heads, tokens, 2], DType.Float64), gradient = qkv.EmptyLike();
        y.Backend.Attention(qkv, heads, scale, y, statistics);
        y.Backend.AttentionBackward(OnCpu(dy, batch, tokens, channels), y, qkv, statistics, heads, scale, gradient);
        return (y.ToArray<double>(), statistics.ToArray<double>(), gradient.ToArray<double>());
    }

    static float[] Narrow(double[] values) => Array.ConvertAll(values, v => (float)v);

    static void AssertWithin(float[] actual, double[] expected, double[] bound, string what)
    {
        for (int i = 0; i < actual.Length; i++)
        {
            double error = Math.Abs(actual[i] - expected[i]);
            if (!(error <= bound[i] + (1e-7 * Math.Abs(expected[i])) + float.Epsilon))
                Assert.Fail(string.Create(CultureInfo.InvariantCulture,
                    $"{what}[{i}] is {actual[i]:R}, not {expected[i]:R}: off by {error:R}, allowed {bound[i]:R}"));
        }
    }
}
