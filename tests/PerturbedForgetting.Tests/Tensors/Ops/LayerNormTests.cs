using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names)), NonParallelizable]
sealed class LayerNormTests(string device) : DeviceFixture(device)
{
    static IEnumerable<ReferenceCase> Cases() => ReferenceData.Cases("ops", "layer_norm");

    [TestCaseSource(nameof(Cases))]
    public void EqualsTheReference(ReferenceCase c) =>
        ReferenceOps.Check(c, x => Ops.LayerNorm(x["x"], x["weight"], x["bias"], c.Number("eps", double.NaN)));

    [Test]
    public void EveryReferenceCaseRuns() => Assert.That(Cases().Count(), Is.EqualTo(7));

    [Test]
    public void FrozenWeightsGetNoGradient()
    {
        using var scope = Scope.Begin();
        using Parameter x = OpsTesting.Normal([5, 12], 1), weight = OpsTesting.Normal([12], 2), bias = OpsTesting.Normal([12], 3);
        weight.IsTrainable = bias.IsTrainable = false;
        Ops.Sum(Ops.LayerNorm(x, weight, bias, 1e-6)).Backward();
        Assert.That(x.Grad, Is.Not.Null);
        Assert.That(weight.Grad, Is.Null);
        x.Grad!.Dispose();
    }

    /// <summary>A mean a million times the deviation costs no digit beyond those the input lost.</summary>
    [TestCase(384)]
    [TestCase(13)]
    public void ALargeMeanCostsNothing(int channels)
    {
        using var scope = Scope.Begin();
        float[] values = Enumerable.Range(0, channels).Select(i => 1e6f + (i * 37 % 16)).ToArray();
        float[] y = Ops.LayerNorm(From(values, [1, channels]), Ones([channels]), Zeros([channels]), 1e-6).ToArray<float>();
        double mean = values.Average(v => (double)v), variance = values.Average(v => (v - mean) * (v - mean));
        for (int i = 0; i < channels; i++)
            Assert.That(y[i], Is.EqualTo((values[i] - mean) / Math.Sqrt(variance + 1e-6)).Within(2e-6));
    }

    [Test]
    public void AConstantRowGivesTheBias([Values(0.1f, 12345.678f, -1e-7f)] float value)
    {
        using var scope = Scope.Begin();
        float[] y = Ops.LayerNorm(Zeros([2, 19]).Fill(value), Ones([19]), Zeros([19]).Fill(3), 1e-6).ToArray<float>();
        Assert.That(y, Is.All.EqualTo(3f).Within(2e-6f));
    }

    /// <summary>One pass gives the bits of two.</summary>
    [TestCase(1)]
    [TestCase(13)]
    [TestCase(33)]
    [TestCase(384)]
    [TestCase(1025)]
    public void TheNormOfASumIsThatOfItsParts(int channels)
    {
        Shape shape = [3, 5, channels], vector = [channels];
        foreach (DType type in TestDevices.FloatTypes)
        {
            using var scope = Scope.Begin();
            Parameter[] one = Inputs(), two = Inputs();
            (Tensor sum, Tensor normal) = Ops.AddLayerNorm(one[0], one[1], one[2], one[3], 1e-6);
            Tensor plain = Ops.Add(two[0], two[1]), plainNormal = Ops.LayerNorm(plain, two[2], two[3], 1e-6);
            Assert.That(Bits(sum), Is.EqualTo(Bits(plain)));
            Assert.That(Bits(normal), Is.EqualTo(Bits(plainNormal)));
            using Parameter upstream = OpsTesting.Normal(shape, 9, type);
            normal.Backward(upstream);
            plainNormal.Backward(upstream);
            for (int i = 0; i < one.Length; i++)
            {
                Assert.That(Bits(one[i].Grad!), Is.EqualTo(Bits(two[i].Grad!)), $"gradient {i}");
                one[i].Grad!.Dispose();
                two[i].Grad!.Dispose();
                one[i].Dispose();
                two[i].Dispose();
            }

            Parameter[] Inputs() => [OpsTesting.Normal(shape, 1, type), OpsTesting.Normal(shape, 2, type),
                OpsTesting.Normal(vector, 3, type), OpsTesting.Normal(vector, 4, type)];

            long[] Bits(Tensor t) => type == DType.Float64
                ? Array.ConvertAll(t.ToArray<double>(), BitConverter.DoubleToInt64Bits)
                : Array.ConvertAll(t.ToArray<float>(), v => (long)BitConverter.SingleToInt32Bits(v));
        }
    }

    [Test]
    public void TheLayerStartsAsThePlainNormalisation()
    {
        using var scope = Scope.Begin();
        LayerNorm layer = new(6);
        Assert.That(layer.State().Select(e => e.Name), Is.EqualTo(new[] { "weight", "bias" }));
        float[] y = layer.Call(From([1f, 2, 3, 4, 5, 6], [1, 6])).ToArray<float>();
        Assert.That(y.Sum(), Is.Zero.Within(1e-6));
        Assert.That(y[5], Is.EqualTo(2.5 / Math.Sqrt(35 / 12.0)).Within(1e-5));
    }

    [Test]
    public void WrongShapesAreNamed()
    {
        using var scope = Scope.Begin();
        Tensor x = Zeros([2, 3]), weight = Zeros([4]);
        Assert.That(() => Ops.LayerNorm(x, weight, weight, 1e-6),
            Throws.ArgumentException.With.Message.Contains("[2, 3]").And.Message.Contains("[4]"));
        Assert.That(() => Ops.AddLayerNorm(x, x, weight, weight, 1e-6),
            Throws.ArgumentException.With.Message.Contains("AddLayerNorm").And.Message.Contains("[4]"));
        Assert.That(() => Ops.AddLayerNorm(x, weight, weight, weight, 1e-6), Throws.ArgumentException.With.Message.Contains("one shape"));
    }
}
