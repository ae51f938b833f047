using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names)), NonParallelizable]
sealed class SoftmaxTests(string device) : DeviceFixture(device)
{
    static IEnumerable<ReferenceCase> Cases() => [.. ReferenceData.Cases("ops", "softmax"), .. ReferenceData.Cases("ops", "log_softmax")];

    [TestCaseSource(nameof(Cases))]
    public void EqualsTheReference(ReferenceCase c) =>
        ReferenceOps.Check(c, x => c.Op == "softmax" ? Ops.Softmax(x["x"]) : Ops.LogSoftmax(x["x"]));

    [Test]
    public void EveryReferenceCaseRuns() => Assert.That(Cases().Count(), Is.EqualTo(14));

    [Test]
    public void RowsSumToOne([Values(1, 5, 64, 197)] int n)
    {
        using var scope = Scope.Begin();
        using Parameter x = OpsTesting.Normal([11, n], 3, factor: 20);
        float[] y = Ops.Softmax(x).ToArray<float>();
        for (int row = 0; row < 11; row++)
            Assert.That(y[(row * n)..((row + 1) * n)].Sum(v => (double)v), Is.EqualTo(1).Within(1e-6));
    }

    /// <summary>Widths around vectors and around those from which on rows go one by one; fewer and more rows than a vector has
    /// lanes.</summary>
    [Test]
    public void RowsOfEveryWidthEqualDoublePrecision(
        [Values(1, 2, 3, 7, 8, 9, 10, 15, 16, 17, 33, 48, 49, 64, 100, 128, 129, 200)] int n, [Values(1, 8, 21)] int rows)
    {
        using var scope = Scope.Begin();
        using Parameter x = OpsTesting.Normal([rows, n], 5, factor: 4);
        Tensor dy = GradientCheck.Normal([rows, n], 6, device: Device), y = Ops.Softmax(x), log = Ops.LogSoftmax(x);
        Tensor dx = y.EmptyLike(), dxOfLog = y.EmptyLike();
        dy.Backend.SoftmaxBackward(dy, y, dx);
        dy.Backend.LogSoftmaxBackward(dy, log, dxOfLog);
        float[] input = x.ToArray<float>(), upstream = dy.ToArray<float>();
        double[][] expected = [new double[rows * n], new double[rows * n], new double[rows * n], new double[rows * n]];
        for (int row = 0; row < rows; row++)
        {
            double[] v = Array.ConvertAll(input[(row * n)..((row + 1) * n)], static f => (double)f),
                g = Array.ConvertAll(upstream[(row * n)..((row + 1) * n)], static f => (double)f);
            double max = v.Max(), sum = v.Sum(e => Math.Exp(e - max)), dot = 0;
            for (int i = 0; i < n; i++)
                dot += g[i] * Math.Exp(v[i] - max) / sum;
            for (int i = 0; i < n; i++)
            {
                double p = Math.Exp(v[i] - max) / sum;
                (expected[0][(row * n) + i], expected[1][(row * n) + i]) = (p, v[i] - max - Math.Log(sum));
                (expected[2][(row * n) + i], expected[3][(row * n) + i]) = ((g[i] - dot) * p, g[i] - (p * g.Sum()));
            }
        }
        // Relative to 1, the largest logit, and the gradients' size.
        Check(y, expected[0], 5e-7);
        Check(log, expected[1], 5e-6);
        Check(dx, expected[2], 2e-6);
        Check(dxOfLog, expected[3], 1e-5);

        static void Check(Tensor actual, double[] expected, double tolerance) =>
            Assert.That(OpsTesting.Numbers(actual), Is.EqualTo(expected).Within(tolerance));
    }

    /// <summary>A row's result does not depend on the rows beside it, nor on the lane that it falls to.</summary>
    [Test]
    public void EveryRowIsItsOwn([Values(10, 50, 100)] int n)
    {
        using var scope = Scope.Begin();
        float[] one = GradientCheck.Normal([1, n], 5, device: Device.Cpu).ToArray<float>();
        float[] all = GradientCheck.Normal([13, n], 6, device: Device.Cpu).ToArray<float>();
        float[] alone = Ops.Softmax(From(one, [1, n])).ToArray<float>();
        for (int row = 0; row < 13; row++)
        {
            one.CopyTo(all, row * n);
            Assert.That(Ops.Softmax(From(all, [13, n])).ToArray<float>()[(row * n)..((row + 1) * n)], Is.EqualTo(alone), $"row {row}");
        }
    }

    /// <summary>A row with NaN is NaN as a whole, and the others are untouched: a broken sample must show.</summary>
    [Test]
    public void NotANumberFillsItsRow([Values(0, 3, 9)] int where)
    {
        using var scope = Scope.Begin();
        float[] values = new float[20];
        values[where] = float.NaN;
        float[] y = Ops.Softmax(From(values, [2, 10])).ToArray<float>();
        Assert.That(y[..10], Is.All.NaN);
        Assert.That(y[10..], Is.All.EqualTo(0.1f));
        Assert.That(Ops.LogSoftmax(From(values, [2, 10])).ToArray<float>()[..10], Is.All.NaN);
    }

    [Test]
    public void MinusInfinityMasks()
    {
        using var scope = Scope.Begin();
        float[] y = Ops.Softmax(From([0f, float.NegativeInfinity, 0f], [1, 3])).ToArray<float>();
        Assert.That(y, Is.EqualTo(new[] { 0.5f, 0f, 0.5f }));
    }

    [Test]
    public void AScalarIsRefused()
    {
        using Tensor scalar = Zeros([]);
        Assert.That(() => Ops.Softmax(scalar), Throws.InstanceOf<ArgumentException>());
    }
}
