using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Training.Updates;

/// <summary>On a device that works on its own, a run looks at its numbers now and then only, and they are the same.</summary>
[TestFixture]
sealed class ReadingTests : TempFolderFixture
{
    const string DeviceName = "sim-read-seldom";

    [OneTimeSetUp]
    public void RegisterDevice() => Device.Register(DeviceName, static options =>
    {
        var driver = new SimulatedDriver();
        return Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, DeviceName, options, driver);
    });

    TrainOptions Options(string experiment) => ShortRun.Options(folder.Path, experiment) with
    {
        Dataset = "builtin/shapes:train=40,val=12,size=16",
        Opt = OptimizerName.Parse("sam_sgdw"),
        Device = DeviceName,
        GradAccumSteps = 1,
        Epochs = 1,
        WarmupEpochs = 0,
        LogInterval = 2,
    };

    [Test]
    public void NumbersAreReadAtTheLogInterval()
    {
        RecordingObserver seldom = new(), always = new();
        // Logs have their numbers where they are read in any case.
        var few = ShortRun.Train(Options("few") with { LogJson = true }, seldom);
        var all = ShortRun.Train(Options("all") with { SynchronizeStep = true, CudaGraph = false }, always);
        Assert.That(seldom.Updates.Select(static u => (u.Update, u.Updates, u.Images)),
            Is.EqualTo(new[] { (2, 2, 16), (4, 2, 16), (5, 1, 8) }));
        Assert.That(always.Updates.Select(static u => (u.Update, u.Updates, u.Images)),
            Is.EqualTo(Enumerable.Range(1, 5).Select(static u => (u, 1, 8))));
        foreach (var update in seldom.Updates)
        {
            var same = always.Updates[update.Update - 1];
            Assert.That(update with { Updates = 1, Images = 8, StepSeconds = 0, DataSeconds = 0 },
                Is.EqualTo(same with { StepSeconds = 0, DataSeconds = 0 }));
        }
        var logged = File.ReadLines(Path.Combine(few.Folder, "log.jsonl")).Where(static l => l.Contains("\"update\"")).ToArray();
        Assert.That(logged, Has.Length.EqualTo(3));
        Assert.That(logged[0], Does.Contain("\"step\":2,").And.Contain("\"cosine\":0.8"));
        Assert.That(few.Epochs[0].Train, Is.EqualTo(all.Epochs[0].Train));
        Assert.That(few.Epochs[0].Validation, Is.EqualTo(all.Epochs[0].Validation));
        Assert.That(ShortRun.Hash(Path.Combine(few.Folder, "last")), Is.EqualTo(ShortRun.Hash(Path.Combine(all.Folder, "last"))));
        Assert.That(seldom.Messages, Has.Some.Contain("steps replayed as graphs"));
        Assert.That(always.Messages, Has.None.Contain("steps replayed as graphs"));
    }

    [Test]
    public void WhatIsNotFiniteEndsTheRunAtTheNextReading()
    {
        var observer = new RecordingObserver();
        var options = Options("nan") with { Lr = 1e30, LogInterval = 4 };
        Assert.That(() => ShortRun.Train(options, observer),
            Throws.InstanceOf<NotFiniteException>().With.Message.Contains("not finite after update 0").And.Message.Contains("at update 4")
            .And.Message.Contains("No checkpoint"));
        Assert.That(observer.Updates, Is.Empty);
        // Before a checkpoint is written the numbers are looked at: that of the first, good update is kept.
        Assert.That(() => ShortRun.Train(options with { RecoveryInterval = 1, Experiment = "kept" }, observer),
            Throws.InstanceOf<NotFiniteException>().With.Message.Contains("at update 2").And.Message.Contains("recovery-0-1"));
        Assert.That(observer.Checkpoints, Has.Count.EqualTo(1));
    }

    [Test]
    public void GraphsThatAreWantedMustBeThere() =>
        Assert.That(() => ShortRun.Train(Options("cpu") with { Device = "cpu", CudaGraph = true }),
            Throws.InstanceOf<OptionException>().With.Message.Contains("--cuda-graph: the CPU has no graphs"));
}
