using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class BatchNormTests(string device) : DeviceFixture(device)
{
    [TestCaseSource(nameof(Cases))]
    public void EqualsTheReference(ReferenceCase c) => ReferenceOps.Check(c, x => Ops.BatchNorm(x["x"], x["weight"], x["bias"],
        x["running_mean"], x["running_var"], c.Flag("train", true), c.Number("momentum", 0.1), c.Number("eps", 1e-5)), images: true);

    static IEnumerable<ReferenceCase> Cases() => ReferenceData.Cases("ops", "batch_norm2d");

    [Test]
    public void FusedEqualsTheParts([Values] bool training, [Values] bool residual, [Values(3, 16, 130)] int channels,
        [Values(2, 300, 1500)] int rows)
    {
        using var scope = Scope.Begin();
        Shape image = [rows, 1, 1, channels];
        Parameter x = Float(image, 1), weight = Float([channels], 2), bias = Float([channels], 3), other = Float(image, 4);
        Tensor mean = Float([channels], 5), variance = Ones([channels]), dy = Float(image, 6);
        Tensor fused = Ops.BatchNorm(x, weight, bias, mean, variance, training, 0, 1e-5, residual ? other : null, true);
        fused.Backward(dy);
        float[][] gradients = Gradients();
        Tensor normalised = Ops.BatchNorm(x, weight, bias, mean, variance, training, 0);
        Tensor composed = Ops.Relu(residual ? Ops.Add(normalised, other) : normalised);
        Assert.That(fused.ToArray<float>(), Is.EqualTo(composed.ToArray<float>()));
        // The relu's mask is the same to the bit, so the gradients are too.
        Tensor masked = dy.EmptyLike();
        masked.CopyFrom<float>(dy.ToArray<float>().Zip(composed.ToArray<float>(), (d, y) => y > 0 ? d : 0).ToArray());
        normalised.Backward(masked);
        if (residual)
            Assert.That(gradients[3], Is.EqualTo(masked.ToArray<float>()));
        float[][] expected = Gradients();
        for (int i = 0; i < 3; i++)
            Assert.That(gradients[i], Is.EqualTo(expected[i]), $"input {i}");

        float[][] Gradients()
        {
            float[][] values = new[] { x, weight, bias, other }.Select(p => p.Grad?.ToArray<float>() ?? []).ToArray();
            foreach (Parameter p in new[] { x, weight, bias, other })
                p.ClearGrad();
            return values;
        }
    }

    [Test]
    public void HeldStatisticsStay()
    {
        using var scope = Scope.Begin();
        Tensor x = Float([6, 3], 1), one = Ones([3]), zero = Zeros([3]), mean = Zeros([3]), variance = Ones([3]);
        float[] free = Ops.BatchNorm(x, one, zero, Zeros([3]), Ones([3]), true).ToArray<float>();
        using (BatchNormStatistics.Hold())
        using (BatchNormStatistics.Hold())
            Assert.That(Ops.BatchNorm(x, one, zero, mean, variance, true).ToArray<float>(), Is.EqualTo(free),
                "the batch's statistics are used");
        Assert.That(mean.ToArray<float>(), Is.All.Zero);
        Assert.That(variance.ToArray<float>(), Is.All.EqualTo(1));
        Assert.That(BatchNormStatistics.AreHeld, Is.False);
        Ops.BatchNorm(x, one, zero, mean, variance, true);
        Assert.That(mean.ToArray<float>(), Is.All.Not.Zero);
    }

    [Test]
    public void OneValueAChannelIsRefused()
    {
        using Tensor x = Ones([1, 1, 1, 4]), vector = Ones([4]);
        Assert.That(() => Ops.BatchNorm(x, vector, vector, vector, vector, true),
            Throws.ArgumentException.With.Message.Contains("larger batch"));
        Assert.That(() => Ops.BatchNorm(x, vector, vector, vector, vector, false), Throws.Nothing);
    }

    static Parameter Float(Shape shape, ulong seed) => new(GradientCheck.Normal(shape, seed));
}
