using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Loss;

[TestFixtureSource(typeof(KernelDevices))]
sealed class BinaryCrossEntropyTests(string device) : LossFixture(device)
{
    static Loss Of(double smoothing, double factor) =>
        (x, target, loss, gradient) => x.Backend.BinaryCrossEntropy(x, target, smoothing, factor, loss, gradient);

    [Test]
    public void EqualsCpuWithLabels([ValueSource(nameof(Shapes))] (int Samples, int Classes) shape, [Values(0, 0.1)] double smoothing,
        [Values(3, 40)] double scale)
    {
        (int samples, int classes) = shape;
        int[] y = Whole(samples, classes);
        using Tensor labels = OnCpu(y);
        Check(Normal(samples * classes, scale), classes, labels, Input(y), smoothing, scale);
    }

    [Test]
    public void EqualsCpuWithDenseTargets([ValueSource(nameof(Shapes))] (int Samples, int Classes) shape)
    {
        (int samples, int classes) = shape;
        float[] x = Normal(samples * classes, 3), t = Uniform(samples * classes, 0, 1);
        using Tensor dense = OnCpu(Array.ConvertAll(t, static v => (double)v), samples, classes);
        Check(x, classes, dense, Input(t, samples, classes), 0, 3);
    }

    void Check(float[] x, int classes, Tensor target, Tensor onDevice, double smoothing, double scale)
    {
        double factor = 1.0 / x.Length;
        (double expected, float[] gradient) = Exact(x, classes, target, Of(smoothing, factor));
        (double actual, float[] actualGradient) = Twice(x, classes, onDevice, Of(smoothing, factor));
        // Terms of the loss are as large as a logit.
        Assert.That(actual, Is.EqualTo(expected).Within(1e-6 * (expected + scale)));
        AssertClose(actualGradient, gradient, relative: 1e-6, absolute: 3e-7 * factor);
    }

    [Test]
    public void WhatIsNotFiniteIsNotHidden([Values(10, 1000)] int classes,
        [Values(float.NaN, float.PositiveInfinity, float.NegativeInfinity)] float bad)
    {
        float[] x = Normal(2 * classes);
        x[4] = bad;
        int[] y = [4, 1];
        using Tensor labels = OnCpu(y);
        (double expected, float[] gradient) = Cpu(x, classes, labels, Of(0.1, 0.5));
        (double actual, float[] actualGradient) = Twice(x, classes, Input(y), Of(0.1, 0.5));
        if (double.IsFinite(expected) || double.IsNaN(bad))
            AssertClose([actual], [expected], relative: 1e-6);
        else
            Assert.That(double.IsFinite(actual), Is.False);
        AssertClose(actualGradient, gradient, relative: 1e-6, absolute: 3e-7);
    }

    [Test]
    public void EveryElementIsReadOnceAndWrittenOnce([Values(128, 1024)] int classes, [Values] bool isDense) =>
        CheckTraffic("binary_cross_entropy", 3, classes, isDense, Of(isDense ? 0 : 0.1, 1));
}
