using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class MatMulTests(string device) : DeviceFixture(device)
{
    [TestCaseSource(nameof(Cases))]
    public void EqualsTheReference(ReferenceCase c) =>
        ReferenceOps.Check(c, x => Ops.MatMul(x["a"], x["b"], c.Flag("transpose_a", false), c.Flag("transpose_b", false)));

    static IEnumerable<ReferenceCase> Cases() => ReferenceData.Cases("ops", "matmul");

    [Test]
    public void GradientsAreThoseOfTheDifferences([Values] bool transposeA, [Values] bool transposeB, [Values(1, 3)] int batch, [Values] bool shared)
    {
        const int M = 3, N = 4, K = 5;
        Shape a = transposeA ? [batch, 2, K, M] : [batch, 2, M, K];
        Shape b = transposeB ? [N, K] : [K, N];
        GradientCheck.Run(x => Ops.MatMul(x[0], x[1], transposeA, transposeB), a, shared ? b : [batch, 2, b[0], b[1]]);
    }

    [Test]
    public void GradientsOfTwoUsesAddUp([Values] bool transpose) =>
        GradientCheck.Run(x => Ops.MatMul(x[0], Ops.MatMul(x[0], x[0], transpose), transpose), [2, 4, 4]);

    [Test]
    public void WrongShapesAreNamed()
    {
        using Tensor a = Zeros([2, 3, 4]), b = Zeros([3, 4, 5]), inner = Zeros([2, 3, 5]);
        Assert.That(() => Ops.MatMul(a, b), Throws.ArgumentException.With.Message.Contains("[2, 3, 4]").And.Message.Contains("[3, 4, 5]"));
        Assert.That(() => Ops.MatMul(a, inner), Throws.ArgumentException.With.Message.Contains("[2, 3, 5]"));
    }
}
