using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Loss;

[TestFixtureSource(typeof(KernelDevices))]
sealed class CrossEntropyTests(string device) : LossFixture(device)
{
    [Test]
    public void EqualsCpu([ValueSource(nameof(Shapes))] (int Samples, int Classes) shape, [Values(0, 0.1)] double smoothing, [Values(3, 40)] double scale)
    {
        (int samples, int classes) = shape;
        float[] x = Normal(samples * classes, scale);
        int[] y = Whole(samples, classes);
        using Tensor labels = OnCpu(y);
        (double expected, float[] gradient) = Exact(x, samples, classes, (logits, loss, g) => logits.Backend.CrossEntropy(logits, labels, smoothing, loss, g));
        (double actual, float[] actualGradient) = Run(x, y, classes, smoothing);
        // Terms of the loss are as large as the distance of two logits.
        Assert.That(actual, Is.EqualTo(expected).Within(1e-6 * (expected + scale)));
        AssertClose(actualGradient, gradient, relative: 3e-6, absolute: 3e-7 / samples);
    }

    (double Loss, float[] Gradient) Run(float[] x, int[] y, int classes, double smoothing)
    {
        DeviceBuffer<float> logits = Upload<float>(x);
        DeviceBuffer<int> labels = Upload<int>(y);
        var kernel = new CrossEntropy(Library);
        return OnDevice(y.Length, classes, (loss, gradient, values) => kernel.Launch(Stream, loss, gradient, values, logits, labels, smoothing, y.Length, classes));
    }

    [Test]
    public void WhatIsNotFiniteIsNotHidden([Values(10, 1000)] int classes, [Values(float.NaN, float.PositiveInfinity, float.NegativeInfinity)] float bad, [Values] bool ofLabel)
    {
        float[] x = Normal(2 * classes);
        x[ofLabel ? 4 : 5] = bad;
        int[] y = [4, 1];
        using Tensor labels = OnCpu(y), logits = OnCpu(x, 2, classes), gradient = logits.EmptyLike(), loss = Tensor.Persistent([1]);
        logits.Backend.CrossEntropy(logits, labels, 0.1, loss, gradient);
        (double actual, float[] actualGradient) = Run(x, y, classes, 0.1);
        AssertClose([actual], [loss.Item()], relative: 1e-6);
        AssertClose(actualGradient, gradient.ToArray<float>(), relative: 3e-6, absolute: 3e-7);
    }

    [TestCase(3, 1024), TestCase(5, 128), TestCase(2, 21840)]
    public void LogitsAreReadOnceAndGradientsWrittenOnce(int samples, int classes)
    {
        float[] x = Normal(samples * classes);
        DeviceBuffer<float> logits = Upload<float>(x), gradient = Poisoned<float>(x.Length), loss = Poisoned<float>(1);
        DeviceBuffer<int> labels = Upload<int>(Whole(samples, classes));
        DeviceBuffer<double> values = Poisoned<double>(samples);
        new CrossEntropy(Library).Launch(Stream, loss, gradient, values, logits, labels, 0.1, samples, classes);
        bool isFew = classes <= RowKernel.FewClasses;
        string kernel = isFew ? "cross_entropy_few" : "cross_entropy";
        // Each warp reads the label; a sample's loss is written, read again by the last block, and their mean written.
        AssertTraffic(kernel, loaded: (4L * x.Length) + (4L * samples * (isFew ? 1 : 8)) + (8L * samples), stored: (4L * x.Length) + (8L * samples) + 4);
        Assert.That(CountersOf(kernel)?.BankConflicts ?? 0, Is.Zero);
    }

    [Test]
    public void TooManyClassesAreRefused()
    {
        DeviceBuffer<float> some = Upload(1f);
        Assert.That(() => new CrossEntropy(Library).Launch(Stream, some, some, some, some, some, 0, 1, 1_000_000),
            Throws.ArgumentException.With.Message.Contains("1000000 classes").And.Message.Contains("cross_entropy"));
    }
}
