using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Loss;

[TestFixtureSource(typeof(KernelDevices))]
sealed class BinaryCrossEntropyTests(string device) : LossFixture(device)
{
    [Test]
    public void EqualsCpuWithLabels([ValueSource(nameof(Shapes))] (int Samples, int Classes) shape, [Values(0, 0.1)] double smoothing, [Values(3, 40)] double scale)
    {
        (int samples, int classes) = shape;
        float[] x = Normal(samples * classes, scale);
        int[] y = Whole(samples, classes);
        using Tensor labels = OnCpu(y);
        Check(x, samples, classes, labels, smoothing, scale, default, Upload<int>(y));
    }

    [Test]
    public void EqualsCpuWithDenseTargets([ValueSource(nameof(Shapes))] (int Samples, int Classes) shape)
    {
        (int samples, int classes) = shape;
        float[] x = Normal(samples * classes, 3), t = Uniform(samples * classes, 0, 1);
        using Tensor dense = OnCpu(Array.ConvertAll(t, static v => (double)v), samples, classes);
        Check(x, samples, classes, dense, 0, 3, Upload<float>(t), default);
    }

    void Check(float[] x, int samples, int classes, Tensor target, double smoothing, double scale, DevicePointer dense, DevicePointer labels)
    {
        double factor = 1.0 / x.Length;
        (double expected, float[] gradient) = Exact(x, samples, classes, (logits, loss, g) => logits.Backend.BinaryCrossEntropy(logits, target, smoothing, factor, loss, g));
        DeviceBuffer<float> onDevice = Upload<float>(x);
        var kernel = new BinaryCrossEntropy(Library);
        (double actual, float[] actualGradient) = OnDevice(samples, classes,
            (loss, g, values) => kernel.Launch(Stream, loss, g, values, onDevice, dense, labels, smoothing, factor, samples, classes));
        // Terms of the loss are as large as a logit.
        Assert.That(actual, Is.EqualTo(expected).Within(1e-6 * (expected + scale)));
        AssertClose(actualGradient, gradient, relative: 1e-6, absolute: 3e-7 * factor);
    }

    [Test]
    public void WhatIsNotFiniteIsNotHidden([Values(10, 1000)] int classes, [Values(float.NaN, float.PositiveInfinity, float.NegativeInfinity)] float bad)
    {
        float[] x = Normal(2 * classes);
        x[4] = bad;
        int[] y = [4, 1];
        using Tensor labels = OnCpu(y), logits = OnCpu(x, 2, classes), gradient = logits.EmptyLike(), loss = Tensor.Persistent([1]);
        logits.Backend.BinaryCrossEntropy(logits, labels, 0.1, 0.5, loss, gradient);
        DeviceBuffer<float> onDevice = Upload<float>(x);
        DeviceBuffer<int> classOf = Upload<int>(y);
        var kernel = new BinaryCrossEntropy(Library);
        (double actual, float[] actualGradient) = OnDevice(2, classes, (value, g, values) => kernel.Launch(Stream, value, g, values, onDevice, default, classOf, 0.1, 0.5, 2, classes));
        if (double.IsFinite(loss.Item()) || double.IsNaN(bad))
            AssertClose([actual], [loss.Item()], relative: 1e-6);
        else
            Assert.That(double.IsFinite(actual), Is.False);
        AssertClose(actualGradient, gradient.ToArray<float>(), relative: 1e-6, absolute: 3e-7);
    }

    [Test]
    public void EveryElementIsReadOnceAndWrittenOnce([Values(128, 1024)] int classes, [Values] bool isDense)
    {
        const int Samples = 3;
        float[] x = Normal(Samples * classes);
        DeviceBuffer<float> logits = Upload<float>(x), dense = Upload<float>(x), gradient = Poisoned<float>(x.Length), loss = Poisoned<float>(1);
        DeviceBuffer<int> labels = Upload<int>(Whole(Samples, classes));
        new BinaryCrossEntropy(Library).Launch(Stream, loss, gradient, Poisoned<double>(Samples), logits, isDense ? dense.Pointer : default, isDense ? default : labels.Pointer,
            0.1, 1, Samples, classes);
        bool isFew = classes <= RowKernel.FewClasses;
        string kernel = isFew ? "binary_cross_entropy_few" : "binary_cross_entropy";
        long labelBytes = isDense ? 0 : 4L * Samples * (isFew ? 1 : 8);
        AssertTraffic(kernel, loaded: ((isDense ? 8L : 4L) * x.Length) + labelBytes + (8L * Samples), stored: (4L * x.Length) + (8L * Samples) + 4);
        Assert.That(CountersOf(kernel)?.BankConflicts ?? 0, Is.Zero);
    }
}
