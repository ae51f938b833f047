using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class PoolingTests(string device) : DeviceFixture(device)
{
    [TestCaseSource(nameof(MaxCases))]
    public void MaxPoolEqualsTheReference(ReferenceCase c) => ReferenceOps.Check(c,
        x => Ops.MaxPool2d(x["x"], Conv2dTests.Size(c, "kernel"), Conv2dTests.Size(c, "stride"), Conv2dTests.Size(c, "padding")),
        images: true);

    [TestCaseSource(nameof(AverageCases))]
    public void AvgPoolEqualsTheReference(ReferenceCase c) => ReferenceOps.Check(c,
        x => Ops.AvgPool2d(x["x"], Conv2dTests.Size(c, "kernel"), Conv2dTests.Size(c, "stride"), Conv2dTests.Size(c, "padding"),
            c.Flag("ceil_mode", false), c.Flag("count_include_pad", true)), images: true);

    [TestCaseSource(nameof(GlobalCases))]
    public void GlobalAvgPoolEqualsTheReference(ReferenceCase c) => ReferenceOps.Check(c, x => Ops.GlobalAvgPool2d(x["x"]), images: true);

    static IEnumerable<ReferenceCase> MaxCases() => ReferenceData.Cases("ops", "max_pool2d");

    static IEnumerable<ReferenceCase> AverageCases() => ReferenceData.Cases("ops", "avg_pool2d");

    static IEnumerable<ReferenceCase> GlobalCases() => ReferenceData.Cases("ops", "global_avg_pool_flatten");

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

    /// <summary>The gradient goes to the first of equal numbers, and to the last NaN.</summary>
    [TestCase(1, 1, 1, 1, 1, 0, false)]
    [TestCase(7, 5, 3, 3, 2, 1, false)]
    [TestCase(8, 9, 33, 3, 2, 1, true)]
    [TestCase(6, 6, 4, 2, 2, 0, true)]
    [TestCase(7, 7, 2, 2, 2, 0, true)]
    [TestCase(16, 16, 64, 3, 2, 1, false)]
    [TestCase(5, 6, 1, 3, 1, 1, false)]
    public void EqualNumbersAndNaNHaveOneMaximumOnAllDevices(int height, int width, int channels, int kernel, int stride, int padding,
        bool ceil)
    {
        Shape shape = [2, height, width, channels];
        float[] values = GradientCheck.Normal(shape, 1, device: Device.Cpu).ToArray<float>();
        for (int i = 0; i < values.Length; i++)
            values[i] = i % 5 == 0 ? 1 : i % 23 == 7 ? float.NaN : values[i];
        ((float[] y, float[] dx), (float[] expectedY, float[] expectedDx)) = (Run(Device), Run(Device.Cpu));
        Assert.That(y, Is.EqualTo(expectedY));
        Assert.That(dx, Is.EqualTo(expectedDx).Within(2e-6));

        (float[] Y, float[] Dx) Run(Device on)
        {
            using var scope = Scope.Begin();
            var x = new Parameter(Tensor.From(values, shape, on));
            Tensor y = Ops.MaxPool2d(x, kernel, stride, padding, ceil);
            y.Backward(GradientCheck.Normal(y.Shape, 2, device: on));
            float[] gradient = x.Grad!.ToArray<float>();
            x.Grad.Dispose();
            return (y.ToArray<float>(), gradient);
        }
    }

    /// <summary>What a pixel gets is the sum over its windows in their order, beginning with 0, on the CPU in every bit: one, two, four,
    /// none and other numbers of windows over a pixel, vectors of channels and channels behind them.</summary>
    [TestCase(1, 1, 0), TestCase(2, 2, 0), TestCase(3, 2, 1), TestCase(3, 1, 1), TestCase(2, 3, 0), TestCase(5, 2, 2)]
    [TestCase(4, 3, 1)]
    public void TheGradientIsTheSumOfTheWindowsInTheirOrder(int kernel, int stride, int padding)
    {
        using var scope = Scope.Begin();
        const int Height = 9, Width = 10, Channels = 21;
        Pool2dGeometry geometry = new(kernel, stride, padding);
        Tensor x = GradientCheck.Normal([2, Height, Width, Channels], 1, device: Device), dx = x.EmptyLike(),
            y = Ops.MaxPool2d(x, kernel, stride, padding), index = Empty(y.Shape, DType.Int32),
            dy = GradientCheck.Normal(y.Shape, 2, device: Device);
        x.Backend.MaxPool2d(x, geometry, y, index);
        x.Backend.MaxPool2dBackward(dy, index, geometry, dx);
        float[] gradient = dy.ToArray<float>(), expected = new float[x.Count];
        int[] at = index.ToArray<int>();
        int windows = y.Shape[1] * y.Shape[2] * Channels;
        for (int i = 0; i < at.Length; i++)
            expected[(i / windows * Height * Width * Channels) + (at[i] * Channels) + (i % Channels)] += gradient[i];
        if (Device == Device.Cpu)
            Assert.That(Array.ConvertAll(dx.ToArray<float>(), BitConverter.SingleToInt32Bits),
                Is.EqualTo(Array.ConvertAll(expected, BitConverter.SingleToInt32Bits)));
        else
            Assert.That(dx.ToArray<float>(), Is.EqualTo(expected).Within(2e-6));
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
