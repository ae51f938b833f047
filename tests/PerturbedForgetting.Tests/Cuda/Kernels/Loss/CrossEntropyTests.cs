using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Loss;

[TestFixtureSource(typeof(KernelDevices))]
sealed class CrossEntropyTests(string device) : LossFixture(device)
{
    static Loss Smoothed(double smoothing) => (x, labels, loss, gradient) => x.Backend.CrossEntropy(x, labels, smoothing, loss, gradient);

    [Test]
    public void EqualsCpu([ValueSource(nameof(Shapes))] (int Samples, int Classes) shape, [Values(0, 0.1)] double smoothing,
        [Values(3, 40)] double scale)
    {
        (int samples, int classes) = shape;
        float[] x = Normal(samples * classes, scale);
        int[] y = Whole(samples, classes);
        using Tensor labels = OnCpu(y);
        (double expected, float[] gradient) = Exact(x, classes, labels, Smoothed(smoothing));
        (double actual, float[] actualGradient) = Twice(x, classes, Input(y), Smoothed(smoothing));
        // Terms of the loss are as large as the distance of two logits.
        Assert.That(actual, Is.EqualTo(expected).Within(1e-6 * (expected + scale)));
        AssertClose(actualGradient, gradient, relative: 3e-6, absolute: 3e-7 / samples);
    }

    [Test]
    public void WhatIsNotFiniteIsNotHidden([Values(10, 1000)] int classes,
        [Values(float.NaN, float.PositiveInfinity, float.NegativeInfinity)] float bad, [Values] bool ofLabel)
    {
        float[] x = Normal(2 * classes);
        x[ofLabel ? 4 : 5] = bad;
        int[] y = [4, 1];
        using Tensor labels = OnCpu(y);
        (double expected, float[] gradient) = Cpu(x, classes, labels, Smoothed(0.1));
        (double actual, float[] actualGradient) = Twice(x, classes, Input(y), Smoothed(0.1));
        AssertClose([actual], [expected], relative: 1e-6);
        AssertClose(actualGradient, gradient, relative: 3e-6, absolute: 3e-7);
    }

    [TestCase(3, 1024), TestCase(5, 128), TestCase(2, 21840)]
    public void LogitsAreReadOnceAndGradientsWrittenOnce(int samples, int classes) =>
        CheckTraffic("cross_entropy", samples, classes, isDense: false, Smoothed(0.1));

    [Test]
    public void TooManyClassesAreRefused() =>
        Assert.That(() => Backend.CrossEntropy(Output(1, 1_000_000), Output(DType.Int32, 1), 0, Output(1), null),
            Throws.TypeOf<DeviceLimitException>().With.Message.Contains("1000000 columns").And.Message.Contains("cross_entropy"));
}
