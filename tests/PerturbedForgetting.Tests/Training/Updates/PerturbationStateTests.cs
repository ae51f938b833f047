using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tests.Cuda;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training.Updates;

/// <summary>What perturbations keep from one to the next: over a restore, over an update that is left out, in a recorded step.</summary>
[TestFixture]
sealed class PerturbationStateTests
{
    static IEnumerable<TinySettings> Kinds()
    {
        foreach (SamDirection direction in (SamDirection[])[SamDirection.Friendly, SamDirection.VarianceSuppressed, SamDirection.Momentum])
        {
            yield return Sam($"{direction}", new() { Direction = direction, ChunkSize = 4 });
            yield return Sam($"{direction}, norm alone, every second", new()
            {
                Direction = direction,
                Parameters = PerturbedParameters.Norm,
                Period = new(0, long.MaxValue, 2),
                Alpha = direction == SamDirection.Momentum ? 0 : 0.4,
            });
        }
        yield return Sam("looksam, weighted", new() { LookAlpha = 0.7, Weight = 0.7, ChunkSize = 4, Period = new(0, long.MaxValue, 2) });
        yield return Sam("three steps, asam", new() { Steps = 3, IsAdaptive = true, ScalesBeforeNorm = true });
        yield return Sam("two steps, eta, gsam", new()
        {
            Steps = 2,
            Alpha = 0.4,
            IsAdaptive = true,
            ScalesAfterNorm = true,
            Eta = 0.01,
            ScaledParameters = AsamParameters.Weight,
        });
        yield return Sam("all but norm, from the third until the sixth", new()
        {
            Parameters = PerturbedParameters.NoNorm,
            Period = new(2, 6, 1),
            Loss = static (logits, labels) => Ops.OutputBiasForget(logits, labels, 5, 1),
        });
        TinySettings Sam(string name, PerturbationOptions options) =>
            new(name, "sam_sgdw") { Model = "conv", Perturbation = options, Accumulation = 2, Clip = 2, Shrink = 0.01 };
    }

    /// <summary>At the end of an epoch, within a window, between two.</summary>
    [TestCaseSource(nameof(Kinds))]
    public void ARestoredRunContinuesBitForBit(TinySettings settings)
    {
        using var straight = new TinyRun(settings).Train(15);
        foreach (int stop in (int[])[5, 8, 9])
        {
            using var first = new TinyRun(settings).Train(stop);
            using var second = new TinyRun(settings);
            Restore(first, second);
            second.Train(15 - stop);
            Assert.That(Everything(second), Is.EqualTo(Everything(straight)), $"stopped after {stop} batches");
        }
    }

    static void Restore(TinyRun first, TinyRun second)
    {
        second.Step.Progress = first.Step.Progress;
        foreach (var (from, to) in first.Step.State().Zip(second.Step.State(), static (a, b) => (a, b)))
        {
            Assert.That(to.Name, Is.EqualTo(from.Name));
            to.Tensor.CopyFrom(from.Tensor);
        }
        foreach (var (from, to) in first.Tiny.Model.State().Zip(second.Tiny.Model.State()))
            to.Tensor.CopyFrom(from.Tensor);
        second.NextBatch = first.NextBatch;
    }

    static double[][] Everything(TinyRun run) => [.. run.State(), .. run.Step.State().Select(static e => TinyModels.Read(e.Tensor))];

    /// <summary>An update with a loss that is not finite leaves everything as it was before its window, whichever pass it is in.</summary>
    [TestCaseSource(nameof(Kinds))]
    public void AnUpdateThatIsLeftOutLeavesNothingBehind(TinySettings settings)
    {
        foreach (bool isInPerturbation in (bool[])[true, false])
        {
            bool spoils = false;
            LossFunction loss = settings.Perturbation.Loss ?? settings.Loss, training = settings.Loss;
            using var run = new TinyRun(settings with
            {
                Shrink = 0,
                Loss = (x, y) => spoils && !isInPerturbation ? Ops.Scale(training(x, y), double.NaN) : training(x, y),
                Perturbation = settings.Perturbation with
                {
                    Weight = 1,
                    LookAlpha = 0,
                    Loss = (x, y) => spoils && isInPerturbation ? Ops.Scale(loss(x, y), double.NaN) : loss(x, y),
                },
            });
            // Up to the third update.
            run.Train(5);
            double[][] before = Everything(run);
            spoils = true;
            run.Train(2);
            bool asksNoLoss = isInPerturbation && settings.Perturbation.Direction == SamDirection.Momentum;
            bool isPerturbed = settings.Perturbation.Period.Includes(3);
            if (asksNoLoss || (isInPerturbation && !isPerturbed))
                continue;
            Assert.That(run.Step.Optimizer.Skipped, Is.EqualTo(1));
            Assert.That(Everything(run), Is.EqualTo(before), $"in the perturbation: {isInPerturbation}");
        }
    }

    [TestCaseSource(nameof(Kinds))]
    public void DiagnosticsChangeNothingAndAreRight(TinySettings settings)
    {
        using var without = new TinyRun(settings).Train(10);
        using var with = new TinyRun(settings);
        with.Step.Diagnostics = true;
        for (int i = 0; i < 10; i++)
        {
            bool isPerturbed = settings.Perturbation.Period.Includes(with.Step.Updates);
            double rho = with.Step.Rho;
            var report = with.Train(1).Step.Report();
            bool hasDirection = i > 1 || settings.Perturbation.Direction != SamDirection.Momentum;
            if (!isPerturbed || !hasDirection)
                Assert.That(report.PerturbationNorm, Is.Zero);
            else if (settings.Perturbation is { IsAdaptive: false })
                Assert.That(report.PerturbationNorm, Is.EqualTo(rho).Within(1e-5 * rho));
            bool hasBoth = isPerturbed && settings.Perturbation.Direction != SamDirection.Momentum;
            Assert.That(report.Cosine, hasBoth ? Is.InRange(-1, 1) : Is.NaN);
        }
        Assert.That(with.State(), Is.EqualTo(without.State()));
    }

    [TestCaseSource(nameof(Kinds))]
    public void FrozenParametersStayAndMemoryGoesBack(TinySettings settings)
    {
        long before = Device.Cpu.Memory.Live;
        using (var run = new TinyRun(settings with
        {
            Prepare = static model =>
            {
                foreach (var (name, parameter) in model.NamedParameters())
                    parameter.IsTrainable = name.StartsWith("bn2", StringComparison.Ordinal) || name == "fc.weight";
            },
        }))
        {
            double[] frozen = run.Tiny.Read(run.Arena.Weights, "conv1.weight");
            run.Train(10);
            Assert.That(run.Tiny.Read(run.Arena.Weights, "conv1.weight"), Is.EqualTo(frozen));
            long live = Device.Cpu.Memory.Live;
            run.Train(10);
            Assert.That(Device.Cpu.Memory.Live, Is.EqualTo(live));
        }
        Assert.That(Device.Cpu.Memory.Live, Is.EqualTo(before));
    }

    /// <summary>Steps that are perturbed and steps that are not, as graphs, which go on where others stopped.</summary>
    [TestCase(SamDirection.Friendly, 1)]
    [TestCase(SamDirection.VarianceSuppressed, 1)]
    [TestCase(SamDirection.Momentum, 1)]
    [TestCase(SamDirection.Gradient, 2)]
    public void ReplayedStepsEqualRunStepsInEveryBit(SamDirection direction, int steps)
    {
        const int Before = DeviceRun.Batches + 3, After = DeviceRun.Batches + 2;
        var settings = new TinySettings("graphs", "sam_adamw")
        {
            Perturbation = new()
            {
                Direction = direction,
                Steps = steps,
                Parameters = PerturbedParameters.NoNorm,
                Period = new(0, long.MaxValue, 2),
                IsAdaptive = true,
                ScalesAfterNorm = true,
                Eta = 0.01,
            },
        };
        using var device = TestDevices.OpenSoftwareGpu(KernelDevices.Software);
        using (var run = new DeviceRun(settings, device, usesGraphs: false).Train(Before + After))
        using (var first = new DeviceRun(settings, device, usesGraphs: true).Train(Before))
        using (var second = new DeviceRun(settings, device, usesGraphs: true).ContinueFrom(first).Train(After))
        {
            Assert.That(first.Reports, Is.EqualTo(run.Reports[..Before]));
            Assert.That(second.Reports[1..], Is.EqualTo(run.Reports[(Before + 1)..]));
            Assert.That(second.State(), Is.EqualTo(run.State()));
            Assert.That(first.Step.RecordedGraphs, Is.GreaterThanOrEqualTo(2));
        }
    }
}
