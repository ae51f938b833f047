using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class PoolingTests(string device) : DeviceFixture(device)
{
    [TestCaseSource(nameof(MaxCases))]
    public void MaxPoolEqualsTheReference(ReferenceCase c) => ReferenceOps.Check(c,
        x => Ops.MaxPool2d(x["x"], Conv2dTests.Size(c, "kernel"), Conv2dTests.Size(c, "stride"), Conv2dTests.Size(c, "padding")), images: true);

    [TestCaseSource(nameof(AverageCases))]
    public void AvgPoolEqualsTheReference(ReferenceCase c) => ReferenceOps.Check(c,
        x => Ops.AvgPool2d(x["x"], Conv2dTests.Size(c, "kernel"), Conv2dTests.Size(c, "stride"), Conv2dTests.Size(c, "padding"),
            c.Flag("ceil_mode", false), c.Flag("count_include_pad", true)), images: true);

    [TestCaseSource(nameof(GlobalCases))]
    public void GlobalAvgPoolEqualsTheReference(ReferenceCase c) => ReferenceOps.Check(c, x => Ops.GlobalAvgPool2d(x["x"]), images: true);

    static IEnumerable<ReferenceCase> MaxCases() => ReferenceData.Cases("ops", "max_pool2d");

    static IEnumerable<ReferenceCase> AverageCases() => ReferenceData.Cases("ops", "avg_pool2d");

    static IEnumerable<ReferenceCase> GlobalCases() => ReferenceData.Cases("ops", "global_avg_pool_flatten");

    [Test]
    public void GradientsAreThoseOfTheDifferences([Values(1, 2, 3)] int kernel, [Values(1, 2, 3)] int stride, [Values(0, 1)] int padding, [Values] bool ceil, [Values] bool count)
    {
        if (padding > kernel / 2)
            padding = 0;
        Shape image = [2, 4, 5, 9];
        GradientCheck.Run(x => Ops.AvgPool2d(x[0], (kernel, 2), stride, (padding, 1), ceil, count), image);
        GradientCheck.Run(x => Ops.MaxPool2d(x[0], (kernel, 2), stride, (padding, 1), ceil), image);
    }

    [Test]
    public void GradientOfTheGlobalMeanIsThatOfTheDifferences() => GradientCheck.Run(x => Ops.GlobalAvgPool2d(x[0]), [3, 2, 5, 11]);

    // By hand: a 1-d signal 1 2 3 4 5 with windows of 2, stride 2.
    [TestCase(false, true, 0, new float[] { 1.5f, 3.5f })]
    [TestCase(true, true, 0, new float[] { 1.5f, 3.5f, 5 })]
    [TestCase(true, false, 0, new float[] { 1.5f, 3.5f, 5 })]
    [TestCase(false, true, 1, new float[] { 0.5f, 2.5f, 4.5f })]
    [TestCase(false, false, 1, new float[] { 1, 2.5f, 4.5f })]
    public void WindowsAtTheBorderAreCountedAsInPyTorch(bool ceil, bool count, int padding, float[] expected)
    {
        using Tensor x = From(new float[] { 1, 2, 3, 4, 5 }, [1, 1, 5, 1]);
        Assert.That(Ops.AvgPool2d(x, (1, 2), (1, 2), (0, padding), ceil, count).ToArray<float>(), Is.EqualTo(expected));
    }

    [TestCase(3)]
    [TestCase(8)]
    [TestCase(21)]
    public void MaxPoolKeepsNaNAndNegativeNumbers(int channels)
    {
        using var scope = Scope.Begin();
        float[] values = new float[3 * 3 * channels];
        for (int i = 0; i < values.Length; i++)
            values[i] = -1 - i;
        values[(4 * channels) + 1] = float.NaN;
        float[] y = Ops.MaxPool2d(From(values, [1, 3, 3, channels]), 3, 2, 1).ToArray<float>();
        for (int i = 0; i < y.Length; i++)
            Assert.That(y[i], i % channels == 1 ? Is.NaN : Is.LessThan(0), $"{i}");
        Assert.That(y[0], Is.EqualTo(-1));
    }

    [Test]
    public void WindowsThatDoNotFitAreNamed()
    {
        using Tensor x = Zeros([1, 2, 2, 3]);
        Assert.That(() => Ops.MaxPool2d(x, 3), Throws.ArgumentException.With.Message.Contains("[1, 2, 2, 3]"));
        Assert.That(() => Ops.AvgPool2d(x, 5, 2, 0, ceilMode: true), Throws.ArgumentException.With.Message.Contains("[1, 2, 2, 3]"));
        Assert.That(Ops.AvgPool2d(x, 3, 2, 0, ceilMode: true).Shape, Is.EqualTo(new Shape(1, 1, 1, 3)));
        Assert.That(() => Ops.AvgPool2d(x, 2, 1, 2), Throws.ArgumentException.With.Message.Contains("half the kernel"));
    }
}
