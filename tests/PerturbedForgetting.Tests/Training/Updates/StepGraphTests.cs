using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Profiling;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training.Updates;

/// <summary>Steps on a device that works on its own: nothing waits in them, and as graphs they leave behind what they leave behind
/// without.</summary>
[TestFixture]
sealed class StepGraphTests
{
    SimulatedDriver driver = null!;
    Device device = null!;

    [OneTimeSetUp]
    public void OpenDevice()
    {
        driver = new SimulatedDriver();
        device = Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, "sim", owned: driver);
    }

    [OneTimeTearDown]
    public void CloseDevice() => device.Dispose();

    [TearDown]
    public void NothingIsWrong()
    {
        device.Synchronize();
        Assert.That(driver.Fault, Is.Null);
    }

    static IEnumerable<TinySettings> Variants()
    {
        yield return new("sgdw, accumulation, clipping", "sgdw") { Accumulation = 2, Clip = 0.5 };
        yield return new("sam", "sam_sgd");
        yield return new("obf m4, accumulation, shrink", "sam_sgdw")
        {
            Perturbation = new() { Loss = static (logits, labels) => Ops.OutputBiasForget(logits, labels, 5, 1), ChunkSize = 4 },
            Accumulation = 2,
            Shrink = 0.1,
        };
        yield return new("gsam, clipping", "sam_adamw") { Perturbation = new() { Alpha = 0.4, IsDirectionNormalized = true }, Clip = 0.1 };
        yield return new("asam, gsam, accumulation", "sam_adam")
        {
            Perturbation = new()
            {
                IsAdaptive = true,
                ScalesBeforeNorm = true,
                ScalesAfterNorm = true,
                Alpha = 0.4
            },
            Accumulation = 3
        };
        yield return new("randsam m4", "randsam_sgdw") { Perturbation = new() { ChunkSize = 4 } };
        yield return new("randsam, gsam", "randsam_adamw") { Perturbation = new() { Alpha = 0.4 } };
    }

    /// <summary>What waits makes what was issued before it run: then fewer operations are outstanding after two steps than twice those of
    /// one.</summary>
    [TestCaseSource(nameof(Variants))]
    public void NothingInAStepWaits(TinySettings settings)
    {
        using var run = new DeviceRun(settings with { Accumulation = 1 }, device, usesGraphs: false)
            .Train(DeviceRun.Batches + 1, reads: false);
        device.Synchronize();
        Assert.That(driver.PendingOperations, Is.Zero);
        run.Train(1, reads: false);
        int one = driver.PendingOperations;
        run.Train(2, reads: false);
        Assert.That(one, Is.GreaterThan(10));
        Assert.That(driver.PendingOperations, Is.EqualTo(3 * one));
        // Nor where gradients gather.
        using var gathering = new DeviceRun(settings with { Accumulation = 2 }, device, usesGraphs: false)
            .Train(DeviceRun.Batches + 1, reads: false);
        device.Synchronize();
        gathering.Train(2, reads: false);
        one = driver.PendingOperations;
        gathering.Train(1, reads: false);
        Assert.That(driver.PendingOperations, Is.GreaterThan(one));
    }

    [TestCaseSource(nameof(Variants))]
    public void ReplayedStepsEqualRunStepsInEveryBit(TinySettings settings)
    {
        const int Count = (3 * DeviceRun.Batches) + 2;
        using var run = new DeviceRun(settings, device, usesGraphs: false).Train(Count);
        using var replayed = new DeviceRun(settings, device, usesGraphs: true).Train(Count);
        Assert.That(replayed.Reports, Is.EqualTo(run.Reports));
        Assert.That(replayed.State(), Is.EqualTo(run.State()));
        Assert.That(run.Step.RecordedGraphs, Is.Zero);
        // A graph for each kind that came twice: places in the window, and the shorter last batch.
        Assert.That(replayed.Step.RecordedGraphs, Is.InRange(2, 5));
    }

    [TestCaseSource(nameof(Variants))]
    public void ReplayedStepsGoOnWhereOthersStopped(TinySettings settings)
    {
        const int Before = DeviceRun.Batches + 3, After = (2 * DeviceRun.Batches) + 2;
        using var whole = new DeviceRun(settings, device, usesGraphs: false).Train(Before + After);
        using var first = new DeviceRun(settings, device, usesGraphs: true).Train(Before);
        using var second = new DeviceRun(settings, device, usesGraphs: true).ContinueFrom(first).Train(After);
        // The norm of the update before is told to nobody any more.
        Assert.That(second.Reports[1..], Is.EqualTo(whole.Reports[(Before + 1)..]));
        Assert.That(second.State(), Is.EqualTo(whole.State()));
    }

    [Test]
    public void AReplayedStepIsOneLaunch()
    {
        using var run = new DeviceRun(new("sam", "sam_sgdw"), device, usesGraphs: true).Train(2 * DeviceRun.Batches, reads: false);
        using var profiler = new Profiler(device);
        run.Train(1, reads: false);
        // Images, labels, the numbers of the step; the graph; the next learning rate.
        const string Copy = "copy to the device";
        Assert.That(profiler.Finish().Launches.Select(static l => l.Name), Is.EqualTo(new[] { Copy, Copy, Copy, "graph", Copy }));
    }

    [Test]
    public void DiagnosticsAreAKindOfTheirOwn()
    {
        var settings = new TinySettings("gsam", "sam_sgdw") { Perturbation = new() { Alpha = 0.4 } };
        using var run = new DeviceRun(settings, device, usesGraphs: false);
        using var replayed = new DeviceRun(settings, device, usesGraphs: true);
        foreach (var one in (DeviceRun[])[run, replayed])
        {
            for (int i = 0; i < 3; i++)
            {
                one.Step.Diagnostics = i == 1;
                one.Train(4);
            }
        }
        Assert.That(replayed.Reports, Is.EqualTo(run.Reports));
        Assert.That(replayed.Step.RecordedGraphs, Is.GreaterThanOrEqualTo(2));
    }

    [Test]
    public void StepsCanRunEagerlyForAWhile()
    {
        var settings = new TinySettings("randsam", "randsam_sgdw");
        using var run = new DeviceRun(settings, device, usesGraphs: false).Train(12);
        using var replayed = new DeviceRun(settings, device, usesGraphs: true).Train(6);
        replayed.Step.RunsEagerly = true;
        replayed.Train(3).Step.RunsEagerly = false;
        replayed.Train(3);
        Assert.That(replayed.Reports, Is.EqualTo(run.Reports));
    }

    [Test]
    public void TheMemoryOfGraphsGoesBack()
    {
        long live = device.Memory.Live;
        device.Trim();
        long cached = device.Memory.Cached;
        using (new DeviceRun(new("sam", "sam_sgdw"), device, usesGraphs: true).Train(12, reads: false))
            device.Synchronize();
        device.Trim();
        Assert.That((device.Memory.Live, device.Memory.Cached), Is.EqualTo((live, cached)));
    }

    [Test]
    public void WhereThereAreNoGraphsTheyAreRefused() =>
        Assert.That(() => new DeviceRun(new("sam", "sam_sgdw"), Device.Cpu, usesGraphs: true),
            Throws.ArgumentException.With.Message.Contains("--cuda-graph").And.Message.Contains("cpu has no graphs"));

    [Test]
    public void NoiseOfTheHostIsRefused() =>
        Assert.That(() => new DeviceRun(new("randsam", "randsam_sgdw") { Perturbation = new() { Noise = new HostNoise() } }, device,
            usesGraphs: true),
            Throws.ArgumentException.With.Message.Contains("PhiloxNoise"));

    sealed class HostNoise : IPerturbationNoise
    {
        public void Fill(PerturbedForgetting.Tensors.MultiTensor.MultiTensorLayout layout, Tensor buffer, Tensor first, int offset) =>
            buffer.Fill(1);
    }
}
