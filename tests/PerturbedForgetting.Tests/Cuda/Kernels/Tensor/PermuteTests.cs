using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class PermuteTests(string device) : KernelFixture(device)
{
    [TestCase(new[] { 1, 1 }, new[] { 1, 0 })]
    [TestCase(new[] { 31, 33 }, new[] { 1, 0 })]
    [TestCase(new[] { 64, 96 }, new[] { 1, 0 })]
    [TestCase(new[] { 3, 65, 7 }, new[] { 0, 2, 1 })]
    [TestCase(new[] { 5, 4, 3 }, new[] { 2, 0, 1 })]
    [TestCase(new[] { 2, 17, 3, 16 }, new[] { 0, 2, 1, 3 })]
    [TestCase(new[] { 2, 3, 4, 5, 2, 3 }, new[] { 5, 3, 0, 2, 4, 1 })]
    public void EqualsCpu(int[] extents, int[] axes)
    {
        int count = extents.Aggregate(1, (a, b) => a * b);
        float[] x = Normal(count);
        Tensor expected = Ops.Permute(OnCpu(x, extents), axes), y = Output(expected.Shape.ToArray());
        Backend.Permute(Input(x, extents), axes, y);
        AssertClose(y, expected, 0);
    }

    [Test]
    public void ATranspositionIsCoalescedAndFreeOfConflicts()
    {
        Backend.Permute(Input(Normal(96 * 64), 96, 64), [1, 0], Output(64, 96));
        AssertTraffic("permute_transpose", loaded: 4 * 96 * 64, stored: 4 * 96 * 64);
        Assert.That(CountersOf("permute_transpose")?.BankConflicts ?? 0, Is.Zero);
    }
}
