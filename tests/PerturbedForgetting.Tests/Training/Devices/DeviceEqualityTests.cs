using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Tests.Training;

/// <summary>Whole training steps on a GPU are those of the CPU.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Others))]
sealed class DeviceEqualityTests(string device) : DeviceFixture(device)
{
    const int Steps = 20;

    static IEnumerable<string[]> Runs() =>
        from network in (string[])["resnet", "vit"] from opt in (string[])["sam_sgdw", "sam_adamw"] select new[] { network, opt };

    [TestCaseSource(nameof(Runs))]
    public void TwentyStepsAreThoseOfTheCpu(string network, string opt)
    {
        using var expected = new SmallRun(network, opt, Device.Cpu).Train(Steps);
        using var actual = new SmallRun(network, opt, Device).Train(Steps);
        actual.AssertNear(expected, losses: 1e-4, weights: 1e-3);
    }

    [TestCaseSource(nameof(Runs))]
    public void AStepNeedsTheMemoryOfTheStepBefore(string network, string opt)
    {
        long before = Device.Memory.Live;
        using (var run = new SmallRun(network, opt, Device).Train(2))
        {
            var (live, peak) = PeakOfAStep();
            long cached = Device.Memory.Cached;
            for (int i = 0; i < 3; i++)
                Assert.That(PeakOfAStep(), Is.EqualTo((live, peak)), $"step {i}");
            Assert.That(Device.Memory.Cached, Is.EqualTo(cached), "every block of a step is one of the step before");

            (long Live, long Peak) PeakOfAStep()
            {
                Device.ResetPeak();
                run.Train(1);
                return (Device.Memory.Live, Device.Memory.Peak);
            }
        }
        Assert.That(Device.Memory.Live, Is.EqualTo(before));
    }
}
