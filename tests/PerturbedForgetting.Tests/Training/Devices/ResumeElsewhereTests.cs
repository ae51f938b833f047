using PerturbedForgetting.Cli;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Training;

/// <summary>A run that goes on on another device than it began on.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Others))]
sealed class ResumeElsewhereTests(string device) : DeviceFixture(device)
{
    [OneTimeSetUp]
    public void NameTheSoftwareGpu() => SoftwareGpu.Register();

    static IEnumerable<TestCaseData> Variants()
    {
        yield return new TestCaseData(ShortRun.Options("") with
        {
            Opt = OptimizerName.Parse("sam_sgdw"),
            PerturbLoss = PerturbLoss.OutputBiasForget,
            ObfC = 10,
            Drop = 0.2,
            SnpFactor = 0.01
        }).SetArgDisplayNames("resnet");
        yield return new TestCaseData(ShortRun.Transformer("") with
        {
            Opt = OptimizerName.Parse("sam_adamw"),
            PerturbLoss = PerturbLoss.OutputBiasForget,
            ObfC = 10,
            Rho = 0.05,
            Lr = 0.003,
            Drop = 0.1
        }).SetArgDisplayNames("vit");
    }

    [TestCaseSource(nameof(Variants))]
    public void ItGoesOnWithTheSameNumbers(TrainOptions options)
    {
        using var folder = new TempFolder();
        options = options with { Output = folder.Path, Precision = GpuPrecision.Fp32, LogInterval = 1 };
        var whole = new RecordingObserver();
        ShortRun.Train(options with { Experiment = "whole", Device = "cpu" }, whole);
        foreach (var (from, to) in ((string, string)[])[("cpu", DeviceName), (DeviceName, "cpu")])
        {
            var parts = options with { Experiment = $"from-{from}", Resume = "auto" };
            var observer = new RecordingObserver();
            // Within a window of accumulation.
            Assert.That(ShortRun.Train(parts with { Device = from }, observer, stopAfter: 5).Status, Is.EqualTo(TrainStatus.Interrupted));
            ShortRun.Train(parts with { Device = to }, observer);
            Assert.That(observer.Updates, Has.Count.EqualTo(whole.Updates.Count));
            foreach (var (actual, expected) in observer.Updates.Zip(whole.Updates))
            {
                Assert.That(actual.Loss, Is.EqualTo(expected.Loss).Within(0.01).Percent,
                    $"{from} to {to}: loss of update {expected.Update} of epoch {expected.Epoch}");
                // A difference of two cross entropies, each as large as the loss.
                Assert.That(actual.PerturbLoss, Is.EqualTo(expected.PerturbLoss).Within(1e-4 * expected.Loss));
            }
        }
    }
}
