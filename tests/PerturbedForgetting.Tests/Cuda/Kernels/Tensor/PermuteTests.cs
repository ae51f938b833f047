namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class PermuteTests(string device) : KernelFixture(device)
{
    [Test]
    public void ATranspositionIsCoalescedAndFreeOfConflicts()
    {
        Backend.Permute(Input(Normal(96 * 64), 96, 64), [1, 0], Output(64, 96));
        AssertTraffic("permute_transpose", loaded: 4 * 96 * 64, stored: 4 * 96 * 64);
        Assert.That(CountersOf("permute_transpose")?.BankConflicts ?? 0, Is.Zero);
    }
}
