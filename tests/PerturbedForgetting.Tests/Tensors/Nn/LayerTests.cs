using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tests.Tensors.Nn;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class LayerTests(string device) : DeviceFixture(device)
{
    [Test]
    public void InitialWeightsAreUniformWithinTheBoundOfPyTorch()
    {
        using Initialization initialization = Initialization.Begin(11, Device);
        foreach ((Parameter parameter, double bound) in new[]
        {
            (new Linear(50, 40).Weight, 1 / Math.Sqrt(50)), (new Linear(50, 400).Bias!, 1 / Math.Sqrt(50)),
            (new Conv2d(8, 32, 3, groups: 2).Weight, 1 / Math.Sqrt(36)), (new Conv2d(8, 400, (1, 3)).Bias!, 1 / Math.Sqrt(24)),
        })
        {
            float[] values = parameter.ToArray<float>();
            Assert.That(values, Is.All.InRange(-bound, bound));
            Assert.That(values.Max(), Is.GreaterThan(0.97 * bound));
            double variance = values.Average(v => (double)v * v);
            Assert.That(variance, Is.EqualTo(bound * bound / 3).Within(0.15 * bound * bound));
        }
    }

    [Test]
    public void SeedAndPlaceDecideTheWeights()
    {
        Assert.That(First(1), Is.EqualTo(First(1)));
        Assert.That(First(1)[0], Is.Not.EqualTo(First(2)[0]));
        Assert.That(First(1)[0], Is.Not.EqualTo(First(1)[1]));

        float[] First(ulong seed)
        {
            using Initialization initialization = Initialization.Begin(seed, Device);
            return [new Linear(3, 3).Weight.ToArray<float>()[0], new Linear(3, 3).Weight.ToArray<float>()[0]];
        }
    }

    [Test]
    public void BatchNormCountsItsTrainingPasses()
    {
        var bn = new BatchNorm2d(3);
        using Tensor x = GradientCheck.Normal([2, 2, 2, 3], 1);
        bn.Call(x);
        bn.Call(x, x, true);
        Assert.That(bn.BatchesTracked.Item(), Is.EqualTo(2));
        bn.Train(false);
        bn.Call(x);
        Assert.That(bn.BatchesTracked.Item(), Is.EqualTo(2));
    }

    [Test(Description = "The second pass of a step leaves running statistics as the first made them; the counter counts both.")]
    public void HeldBatchNormKeepsItsRunningStatistics()
    {
        Sequential net = new(new BatchNorm2d(3), new Sequential(new BatchNorm2d(3, momentum: 0.5)));
        using Tensor first = GradientCheck.Normal([4, 2, 2, 3], 1), second = GradientCheck.Normal([4, 2, 2, 3], 2);
        net.Call(first);
        float[][] clean = Statistics();
        // N/(N-1): 16 values a channel.
        float[] values = first.ToArray<float>();
        for (int c = 0; c < 3; c++)
        {
            double[] channel = values.Where((_, i) => i % 3 == c).Select(v => (double)v).ToArray();
            double mean = channel.Average();
            Assert.That(clean[0][c], Is.EqualTo(0.1 * mean).Within(1e-7));
            Assert.That(clean[1][c], Is.EqualTo(0.9 + (0.1 * channel.Sum(v => (v - mean) * (v - mean)) / 15)).Within(1e-6));
        }
        using (BatchNormStatistics.Hold())
            net.Call(second);
        Assert.That(Statistics(), Is.EqualTo(clean));
        Assert.That(((BatchNorm2d)net[0]).BatchesTracked.Item(), Is.EqualTo(2));
        net.Call(second);
        Assert.That(Statistics(), Is.Not.EqualTo(clean));

        float[][] Statistics() =>
            net.State().Where(e => e.Name.Contains("running", StringComparison.Ordinal)).Select(e => e.Tensor.ToArray<float>()).ToArray();
    }

    [Test]
    public void SequentialCallsInOrderAndNamesByNumber()
    {
        Sequential net = new(new Conv2d(2, 3, 2), new MaxPool2d(2), new Sequential(new AvgPool2d(2, 1)), new Conv2d(3, 1, 1, bias: false));
        Assert.That(net.State().Select(e => e.Name), Is.EqualTo(new[] { "0.weight", "0.bias", "3.weight" }));
        using Tensor x = GradientCheck.Normal([2, 7, 7, 2], 1), y = net.Call(x);
        Assert.That(y.Shape, Is.EqualTo(new Shape(2, 2, 2, 1)));
        using Tensor pooled = Ops.AvgPool2d(Ops.MaxPool2d(Ops.Conv2d(x, ((Conv2d)net[0]).Weight, ((Conv2d)net[0]).Bias), 2), 2, 1);
        Assert.That(y.ToArray<float>(), Is.EqualTo(Ops.Conv2d(pooled, ((Conv2d)net[3]).Weight).ToArray<float>()));
    }

    [Test]
    public void ImpossibleLayersAreRefused()
    {
        Assert.That(() => new Conv2d(3, 4, 1, groups: 2), Throws.ArgumentException.With.Message.Contains("3 to 4 channels"));
        Assert.That(() => new Linear(0, 4), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => new BatchNorm2d(0), Throws.InstanceOf<ArgumentException>());
    }
}
