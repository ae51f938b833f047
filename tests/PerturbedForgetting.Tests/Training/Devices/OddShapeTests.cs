using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Tests.Training;

/// <summary>
/// Training where parts of a batch and of a sequence begin between multiples of 16 bytes: odd images in odd chunks, class tokens in
/// batches of one image, features that four does not divide.
/// </summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Others))]
sealed class OddShapeTests(string device) : DeviceFixture(device)
{
    const int Steps = 2;

    /// <summary>189 runs, of which a tenth is enough as a rule.</summary>
    static IEnumerable<TestCaseData> Runs()
    {
        int number = 0;
        foreach (string opt in (string[])["sam_sgd", "sam_sgdw", "sam_adam", "sam_adamw", "randsam_sgd", "randsam_sgdw", "randsam_adamw"])
        {
            foreach (string network in (string[])["resnet", "vit-average", "vit-narrow"])
            {
                foreach (int size in (int[])[9, 15, 21])
                {
                    foreach ((int batch, int chunk) in ((int, int)[])[(3, 1), (10, 5), (1, 1)])
                    {
                        if (number++ % 10 == 0 || EnvironmentVariables.AllTests.Value is "1")
                            yield return new TestCaseData(network, opt, batch, size, chunk);
                    }
                }
            }
        }
    }

    // As in runs of as many steps on even shapes: float32 in another order of sums.
    [TestCaseSource(nameof(Runs))]
    public void StepsAreThoseOfTheCpu(string network, string opt, int batch, int size, int chunk)
    {
        SmallShape shape = new(batch, size, chunk);
        using var expected = new SmallRun(network, opt, Device.Cpu, shape).Train(Steps);
        using var actual = new SmallRun(network, opt, Device, shape).Train(Steps);
        actual.AssertNear(expected, losses: 1e-5, weights: 1e-4);
    }
}
