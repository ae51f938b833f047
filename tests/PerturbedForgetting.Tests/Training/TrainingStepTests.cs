using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Schedules;

namespace PerturbedForgetting.Tests.Training;

/// <summary>What a training step reports, keeps and refuses.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class TrainingStepTests(string device) : DeviceFixture(device)
{
    static IEnumerable<TinySettings> Variants => TinySettings.Variants();

    [TestCaseSource(nameof(Variants))]
    public void DiagnosticsChangeNothing(TinySettings settings)
    {
        settings = settings with { Accumulation = 2 };
        using var without = new TinyRun(settings).Train(6);
        using var with = new TinyRun(settings);
        with.Step.Diagnostics = true;
        with.Train(6);
        Assert.That(with.State(), Is.EqualTo(without.State()));
    }

    [Test]
    public void DiagnosticsMeasureThePerturbation()
    {
        using var run = new TinyRun(new("sam", "sam_sgd") { Rho = static _ => RhoPolicy.Constant(1e-4) });
        run.Step.Diagnostics = true;
        var report = run.Train(1).Step.Report();
        Assert.That(report.PerturbationNorm, Is.EqualTo(1e-4).Within(1e-10));
        Assert.That(report.Cosine, Is.EqualTo(1).Within(1e-5));
        Assert.That(report.PerturbLoss, Is.EqualTo(-report.Loss).Within(1e-2));
        Assert.That(report.DirectionNorm, Is.EqualTo(report.GradientNorm).Within(1).Percent);
    }

    [Test]
    public void ChunksThatDoNotDivideTheBatchAreRefused([Values(3, 16)] int chunk)
    {
        using var run = new TinyRun(new("sam", "sam_sgd") { Perturbation = new() { ChunkSize = chunk } });
        Assert.That(() => run.Train(1), Throws.ArgumentException.With.Message.Contains("--sharpness-m"));
    }

    [Test]
    public void ContradictionsAreRefused()
    {
        Assert.That(() => new TinyRun(new("asam", "sam_sgd") { Perturbation = new() { IsAdaptive = true } }),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("--asam-before-norm"));
        Assert.That(() => new TinyRun(new("asam", "sam_sgd") { Perturbation = new() { ScalesAfterNorm = true } }),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("--adaptive-sam"));
        Assert.That(() => new TinyRun(new("betas", "sam_sgd") { Numbers = new() { Betas = [0.9, 0.99] } }),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("`Betas`"));
        Assert.That(() => new TinyRun(new("betas", "adam") { Numbers = new() { Betas = [0.9] } }),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("two numbers"));
        Assert.That(() => new TinyRun(new("momentum", "sgd") { Numbers = new() { Momentum = 1 } }),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("`momentum`"));
        Assert.That(() => new TinyRun(new("snp", "sgd") { Shrink = 2 }),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("--snp-factor"));
    }

    [TestCaseSource(nameof(Variants))]
    public void MemoryDoesNotGrowFromStepToStep(TinySettings settings)
    {
        long before = Device.Memory.Live;
        using (var run = new TinyRun(settings with { Accumulation = 2, Shrink = 0.01 }).Train(10))
        {
            long live = Device.Memory.Live;
            run.Train(10);
            Assert.That(Device.Memory.Live, Is.EqualTo(live));
        }
        Assert.That(Device.Memory.Live, Is.EqualTo(before));
    }
}
