using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names)), NonParallelizable]
sealed class SoftmaxTests(string device) : DeviceFixture(device)
{
    static IEnumerable<ReferenceCase> Cases() => [.. ReferenceData.Cases("ops", "softmax"), .. ReferenceData.Cases("ops", "log_softmax")];

    [TestCaseSource(nameof(Cases))]
    public void EqualsTheReference(ReferenceCase c) =>
        ReferenceOps.Check(c, x => c.Op == "softmax" ? Ops.Softmax(x["x"]) : Ops.LogSoftmax(x["x"]));

    [Test]
    public void EveryReferenceCaseRuns() => Assert.That(Cases().Count(), Is.EqualTo(14));

    [Test]
    public void RowsSumToOne([Values(1, 5, 64, 197)] int n)
    {
        using var scope = Scope.Begin();
        using Parameter x = OpsTesting.Normal([11, n], 3, factor: 20);
        float[] y = Ops.Softmax(x).ToArray<float>();
        for (int row = 0; row < 11; row++)
            Assert.That(y[(row * n)..((row + 1) * n)].Sum(v => (double)v), Is.EqualTo(1).Within(1e-6));
    }

    /// <summary>A row with NaN is NaN as a whole, and the others are untouched: a broken sample must show.</summary>
    [Test]
    public void NotANumberFillsItsRow([Values(0, 3, 9)] int where)
    {
        using var scope = Scope.Begin();
        float[] values = new float[20];
        values[where] = float.NaN;
        float[] y = Ops.Softmax(From(values, [2, 10])).ToArray<float>();
        Assert.That(y[..10], Is.All.NaN);
        Assert.That(y[10..], Is.All.EqualTo(0.1f));
        Assert.That(Ops.LogSoftmax(From(values, [2, 10])).ToArray<float>()[..10], Is.All.NaN);
    }

    [Test]
    public void MinusInfinityMasks()
    {
        using var scope = Scope.Begin();
        float[] y = Ops.Softmax(From([0f, float.NegativeInfinity, 0f], [1, 3])).ToArray<float>();
        Assert.That(y, Is.EqualTo(new[] { 0.5f, 0f, 0.5f }));
    }

    [Test]
    public void AScalarIsRefused()
    {
        using Tensor scalar = Zeros([]);
        Assert.That(() => Ops.Softmax(scalar), Throws.InstanceOf<ArgumentException>());
    }
}
