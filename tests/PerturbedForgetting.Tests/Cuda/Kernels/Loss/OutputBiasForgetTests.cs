using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Loss;

[TestFixtureSource(typeof(KernelDevices))]
sealed class OutputBiasForgetTests(string device) : LossFixture(device)
{
    [Test]
    public void EqualsCpu([ValueSource(nameof(Shapes))] (int Samples, int Classes) shape, [Values] bool sigmoid, [Values(-1, 1.5, 10, 1000)] double c, [Values(0, 0.3, 1)] double gamma)
    {
        (int samples, int classes) = shape;
        float[] x = Normal(samples * classes, 3);
        int[] y = Whole(samples, classes);
        using Tensor labels = OnCpu(y);
        (double expected, float[] gradient) = Exact(x, samples, classes, (logits, loss, g) => logits.Backend.OutputBiasForget(logits, labels, c, gamma, sigmoid, loss, g));
        (double actual, float[] actualGradient) = Run(x, y, classes, c, gamma, sigmoid);
        // The sigmoid form adds up C terms of a logit's size.
        double terms = sigmoid ? x.Sum(static v => Math.Abs(v) / (1 + Math.Exp(-v))) / samples : 3;
        Assert.That(actual, Is.EqualTo(expected).Within(1e-6 * (terms + 3)));
        // alpha has the relative error of the label's probability, times at most C / (C - 1).
        AssertClose(actualGradient, gradient, relative: 3e-6, absolute: 1e-6 * (c > 0 ? c / (c - 1) : 1) / samples);
    }

    (double Loss, float[] Gradient) Run(float[] x, int[] y, int classes, double c, double gamma, bool sigmoid)
    {
        DeviceBuffer<float> logits = Upload<float>(x);
        DeviceBuffer<int> labels = Upload<int>(y);
        var kernel = new OutputBiasForget(Library);
        return OnDevice(y.Length, classes, (loss, gradient, values) => kernel.Launch(Stream, loss, gradient, values, logits, labels, c, gamma, sigmoid, y.Length, classes));
    }

    [Test]
    public void WhatIsNotFiniteIsNotHidden([Values(10, 1000)] int classes, [Values(float.NaN, float.PositiveInfinity, float.NegativeInfinity)] float bad, [Values] bool sigmoid, [Values] bool ofLabel)
    {
        float[] x = Normal(2 * classes);
        x[ofLabel ? 4 : 5] = bad;
        int[] y = [4, 1];
        using Tensor labels = OnCpu(y), logits = OnCpu(x, 2, classes), gradient = logits.EmptyLike(), loss = Tensor.Persistent([1]);
        logits.Backend.OutputBiasForget(logits, labels, 10, 0.7, sigmoid, loss, gradient);
        (double actual, float[] actualGradient) = Run(x, y, classes, 10, 0.7, sigmoid);
        Assert.That(double.IsFinite(actual), Is.EqualTo(double.IsFinite(loss.Item())), $"{actual}, not {loss.Item()}");
        AssertClose(actualGradient, gradient.ToArray<float>(), relative: 3e-6, absolute: 1e-6);
    }

    [Test]
    public void LogitsAreReadOnceAndGradientsWrittenOnce([Values(128, 1024)] int classes, [Values] bool sigmoid)
    {
        const int Samples = 3;
        float[] x = Normal(Samples * classes);
        DeviceBuffer<float> logits = Upload<float>(x), gradient = Poisoned<float>(x.Length), loss = Poisoned<float>(1);
        DeviceBuffer<int> labels = Upload<int>(Whole(Samples, classes));
        new OutputBiasForget(Library).Launch(Stream, loss, gradient, Poisoned<double>(Samples), logits, labels, 10, 1, sigmoid, Samples, classes);
        bool isFew = classes <= RowKernel.FewClasses;
        string kernel = isFew ? "output_bias_forget_few" : "output_bias_forget";
        // Each warp reads the label; a sample's loss is written, read again by the last block, and their mean written.
        AssertTraffic(kernel, loaded: (4L * x.Length) + (4L * Samples * (isFew ? 1 : 8)) + (8L * Samples), stored: (4L * x.Length) + (8L * Samples) + 4);
        Assert.That(CountersOf(kernel)?.BankConflicts ?? 0, Is.Zero);
    }
}
