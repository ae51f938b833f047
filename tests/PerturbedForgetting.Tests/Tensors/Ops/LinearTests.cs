using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class LinearTests(string device) : DeviceFixture(device)
{
    [TestCaseSource(nameof(Cases))]
    public void EqualsTheReference(ReferenceCase c) =>
        ReferenceOps.Check(c, x => Ops.Linear(x["x"], x["weight"], x.GetValueOrDefault("bias")));

    static IEnumerable<ReferenceCase> Cases() => ReferenceData.Cases("ops", "linear");

    [TestCase(1, 1, 1)]
    [TestCase(3, 5, 7)]
    [TestCase(9, 17, 33)]
    public void FusedWithGeluEqualsTheParts(int rows, int inputs, int outputs)
    {
        using var scope = Scope.Begin();
        Tensor[] t = [.. new Shape[] { [rows, inputs], [outputs, inputs], [outputs] }.Select((s, i) => GradientCheck.Normal(s, (ulong)i))];
        Assert.That(Ops.LinearGelu(t[0], t[1], t[2]).ToArray<float>(), Is.EqualTo(Ops.Gelu(Ops.Linear(t[0], t[1], t[2])).ToArray<float>()));
        Assert.That(Ops.LinearGelu(t[0], t[1]).ToArray<float>(), Is.EqualTo(Ops.Gelu(Ops.Linear(t[0], t[1])).ToArray<float>()));
    }

    [Test]
    public void WrongShapesAreNamed()
    {
        using Tensor x = Zeros([2, 3]), weight = Zeros([4, 5]), fitting = Zeros([4, 3]), bias = Zeros([5]);
        Assert.That(() => Ops.Linear(x, weight), Throws.ArgumentException.With.Message.Contains("[2, 3]").And.Message.Contains("[4, 5]"));
        Assert.That(() => Ops.Linear(x, fitting, bias), Throws.ArgumentException.With.Message.Contains("bias").And.Message.Contains("[5]"));
    }
}
