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
    public void WrongShapesAreNamed()
    {
        using Tensor a = Zeros([2, 3, 4]), b = Zeros([3, 4, 5]), inner = Zeros([2, 3, 5]);
        Assert.That(() => Ops.MatMul(a, b), Throws.ArgumentException.With.Message.Contains("[2, 3, 4]").And.Message.Contains("[3, 4, 5]"));
        Assert.That(() => Ops.MatMul(a, inner), Throws.ArgumentException.With.Message.Contains("[2, 3, 5]"));
    }
}
