using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixture]
sealed class AddReluTests
{
    [TestCaseSource(nameof(Cases))]
    public void EqualsTheReference(ReferenceCase c) => ReferenceOps.Check(c, x => Ops.Relu(Ops.Add(x["x"], x["z"])));

    static IEnumerable<ReferenceCase> Cases() => ReferenceData.Cases("ops", "add_relu");
}
