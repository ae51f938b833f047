using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cpu;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Prelude;

/// <summary>The errors that kernels/include/math.cuh states, over the whole range of each function.</summary>
[TestFixtureSource(typeof(KernelDevices))]
sealed class MathTests(string device) : PreludeFixture(device)
{
    const int Count = 500_003;

    [Test]
    public void ExpIsWithinItsBound()
    {
        float[] x = [.. Uniform(Count, -87.33, 88.7228), .. Bits(1e-30f, 87f, Count / 4, negatives: true)];
        float[] y = Map("exp", x);
        Assert.That(Worst("exp, relative", x, y, Math.Exp, RelativeError), Is.LessThanOrEqualTo(1.5e-7));
        Assert.That(Worst("exp, ulp", x, y, Math.Exp, UlpError), Is.LessThanOrEqualTo(1.3));
        // Results below the normal numbers.
        float[] low = Uniform(Count / 4, -103.9, -87.34);
        Assert.That(Worst("exp, subnormal, ulp", low, Map("exp", low), Math.Exp, UlpError), Is.LessThanOrEqualTo(1.3));
    }

    [Test]
    public void LogIsWithinItsBound()
    {
        float[] x = [.. Bits(float.Epsilon, float.MaxValue, Count), .. Uniform(Count / 4, 0.9, 1.1)];
        Assert.That(Worst("log, of 1 + |log x|", x, Map("log", x), Math.Log, static (a, e) => Math.Abs(a - e) / (1 + Math.Abs(e))),
            Is.LessThanOrEqualTo(1e-7));
    }

    [Test]
    public void Log1pIsWithinItsBound()
    {
        float[] small = Bits(float.Epsilon, 1, Count), large = Bits(1.0000001f, 1e30f, Count / 4);
        // Of a subnormal argument the quotient and its double are as coarse as the argument itself.
        Assert.That(Worst("log1p up to 1, relative", small, Map("log1p", small), ScalarMath.Log1p, static (a, e) =>
            Math.Max(0, Math.Abs(a - e) - 1.5e-45) / e), Is.LessThanOrEqualTo(3e-7));
        Assert.That(Worst("log1p beyond, relative", large, Map("log1p", large), ScalarMath.Log1p, RelativeError),
            Is.LessThanOrEqualTo(4e-7));
    }

    [Test]
    public void SigmoidIsWithinItsBound()
    {
        float[] x = [.. Uniform(Count, -87, 87), .. Bits(1e-30f, 87f, Count / 4, negatives: true)];
        Assert.That(Worst("sigmoid, relative", x, Map("sigmoid", x), static v => 1 / (1 + Math.Exp(-v)), RelativeError),
            Is.LessThanOrEqualTo(3e-7));
    }

    [Test]
    public void TanhIsWithinItsBound()
    {
        float[] x = [.. Uniform(Count, -10, 10), .. Bits(1e-30f, 1e30f, Count / 4, negatives: true)];
        Assert.That(Worst("tanh, absolute", x, Map("tanh", x), Math.Tanh, AbsoluteError), Is.LessThanOrEqualTo(2e-7));
    }

    [Test]
    public void ErfIsWithinItsBound()
    {
        float[] x = [.. Uniform(Count, -5, 5), .. Bits(1e-30f, 1e30f, Count / 4, negatives: true)];
        Assert.That(Worst("erf, absolute", x, Map("erf", x), static v => (2 * ScalarMath.NormalCdf(v * Math.Sqrt(2))) - 1, AbsoluteError),
            Is.LessThanOrEqualTo(4e-7));
    }

    [Test]
    public void NormalCdfIsWithinItsBound()
    {
        float[] x = [.. Uniform(Count, -15, 15), .. Bits(1e-30f, 100f, Count / 4, negatives: true)];
        Assert.That(Worst("normal cdf, absolute", x, Map("normal_cdf", x), ScalarMath.NormalCdf, AbsoluteError),
            Is.LessThanOrEqualTo(2e-7));
        Assert.That(Worst("density, absolute", x, Map("density", x), static v => Math.Exp(-0.5 * v * v), AbsoluteError),
            Is.LessThanOrEqualTo(2e-7));
    }

    [Test]
    public void ReciprocalRootIsWithinItsBound()
    {
        float[] x = Bits(float.Epsilon, float.MaxValue, Count);
        Assert.That(Worst("1 / sqrt, ulp", x, Map("reciprocal_root", x), static v => 1 / Math.Sqrt(v), UlpError), Is.LessThan(1.5));
    }

    [Test]
    public void EndsOfTheRangesAreExact()
    {
        const float Nan = float.NaN, Inf = float.PositiveInfinity;
        Check("exp", [Nan, Inf, -Inf, 0, -0f, 88.73f, 1e38f, -104, -1e38f], [Nan, Inf, 0, 1, 1, Inf, Inf, 0, 0]);
        Check("log", [Nan, Inf, -Inf, 0, -0f, 1, -1, -1e-45f], [Nan, Inf, Nan, -Inf, -Inf, 0, Nan, Nan]);
        Check("log1p", [Nan, Inf, 0], [Nan, Inf, 0]);
        Check("sigmoid", [Nan, Inf, -Inf, 0, 200, -200], [Nan, 1, 0, 0.5f, 1, 0]);
        Check("tanh", [Nan, Inf, -Inf, 0, 50, -50], [Nan, 1, -1, 0, 1, -1]);
        Check("erf", [Nan, Inf, -Inf, 50, -50], [Nan, 1, -1, 1, -1]);
        Check("normal_cdf", [Nan, 50, -50], [Nan, 1, 0]);
        Check("reciprocal_root", [Nan, Inf, 0, 4, -1], [Nan, 0, Inf, 0.5f, Nan]);
    }

    void Check(string name, float[] x, float[] expected)
    {
        float[] y = Map(name, x);
        for (int i = 0; i < x.Length; i++)
            Assert.That(y[i], Is.EqualTo(expected[i]), $"{name}({x[i]})");
    }

    [Test]
    public void LogOfADoubleIsWithinItsBound()
    {
        double[] x = new double[100_000];
        for (int i = 0; i < x.Length; i++)
            x[i] = i < 1000 ? (i + 1) * (1.0 / (1 << 24)) : i < 2000 ? 1 - ((i - 1000) * (1.0 / (1 << 24))) : Random.NextDouble();
        DeviceBuffer<double> source = Upload<double>(x), y = Poisoned<double>(x.Length);
        Kernel("log_double").Launch(Stream, Blocks(x.Length), 256, 0, y, source, (long)x.Length);
        AssertClose(Download(y), Array.ConvertAll(x, Math.Log), relative: 1e-15);
    }

    [Test]
    public void SineAndCosineOfATurnAreWithinTheirBound()
    {
        double[] turn = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1 - (1.0 / 4294967296), .. new double[100_000]];
        for (int i = 9; i < turn.Length; i++)
            turn[i] = Random.NextInt64(1L << 32) * (1.0 / 4294967296);
        DeviceBuffer<double> source = Upload<double>(turn), sine = Poisoned<double>(turn.Length), cosine = Poisoned<double>(turn.Length);
        Kernel("sin_cos_of_turn").Launch(Stream, Blocks(turn.Length), 256, 0, sine, cosine, source, (long)turn.Length);
        AssertClose(Download(sine), Array.ConvertAll(turn, static t => Math.Sin(2 * Math.PI * t)), relative: 0, absolute: 1e-15);
        AssertClose(Download(cosine), Array.ConvertAll(turn, static t => Math.Cos(2 * Math.PI * t)), relative: 0, absolute: 1e-15);
    }
}
