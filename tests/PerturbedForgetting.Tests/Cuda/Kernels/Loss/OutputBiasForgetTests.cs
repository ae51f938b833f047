using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Loss;

[TestFixtureSource(typeof(KernelDevices))]
sealed class OutputBiasForgetTests(string device) : LossFixture(device)
{
    static Loss Of(double c, double gamma, bool sigmoid) =>
        (x, labels, loss, gradient) => x.Backend.OutputBiasForget(x, labels, c, gamma, sigmoid, loss, gradient);

    [Test]
    public void EqualsCpu([ValueSource(nameof(Shapes))] (int Samples, int Classes) shape, [Values] bool sigmoid,
        [Values(-1, 1.5, 10, 1000)] double c, [Values(0, 0.3, 1)] double gamma)
    {
        (int samples, int classes) = shape;
        float[] x = Normal(samples * classes, 3);
        int[] y = Whole(samples, classes);
        using Tensor labels = OnCpu(y);
        (double expected, float[] gradient) = Exact(x, classes, labels, Of(c, gamma, sigmoid));
        (double actual, float[] actualGradient) = Twice(x, classes, Input(y), Of(c, gamma, sigmoid));
        // The sigmoid form adds up C terms of a logit's size.
        double terms = sigmoid ? x.Sum(static v => Math.Abs(v) / (1 + Math.Exp(-v))) / samples : 3;
        Assert.That(actual, Is.EqualTo(expected).Within(1e-6 * (terms + 3)));
        // alpha has the relative error of the label's probability, times at most C / (C - 1).
        AssertClose(actualGradient, gradient, relative: 3e-6, absolute: 1e-6 * (c > 0 ? c / (c - 1) : 1) / samples);
    }

    [Test]
    public void WhatIsNotFiniteIsNotHidden([Values(10, 1000)] int classes,
        [Values(float.NaN, float.PositiveInfinity, float.NegativeInfinity)] float bad, [Values] bool sigmoid, [Values] bool ofLabel)
    {
        float[] x = Normal(2 * classes);
        x[ofLabel ? 4 : 5] = bad;
        int[] y = [4, 1];
        using Tensor labels = OnCpu(y);
        (double expected, float[] gradient) = Cpu(x, classes, labels, Of(10, 0.7, sigmoid));
        (double actual, float[] actualGradient) = Twice(x, classes, Input(y), Of(10, 0.7, sigmoid));
        Assert.That(double.IsFinite(actual), Is.EqualTo(double.IsFinite(expected)), $"{actual}, not {expected}");
        AssertClose(actualGradient, gradient, relative: 3e-6, absolute: 1e-6);
    }

    [Test]
    public void LogitsAreReadOnceAndGradientsWrittenOnce([Values(128, 1024)] int classes, [Values] bool sigmoid) =>
        CheckTraffic("output_bias_forget", 3, classes, isDense: false, Of(10, 1, sigmoid));
}
