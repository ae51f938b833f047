using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Schedules;

namespace PerturbedForgetting.Tests.Training;

[TestFixture]
sealed class ResumeTests : TempFolderFixture
{
    static IEnumerable<TestCaseData> Variants()
    {
        TrainOptions cnn = ShortRun.Options(""), vit = ShortRun.Transformer("");
        yield return new TestCaseData(cnn with { Opt = OptimizerName.Parse("sgd") }).SetArgDisplayNames("sgd");
        yield return new TestCaseData(cnn with
        {
            Opt = OptimizerName.Parse("sam_sgdw"),
            SharpnessM = 4,
            Rho = 0.05,
            Drop = 0.2,
            ClipGrad = 1
        }).SetArgDisplayNames("sam with dropout");
        yield return new TestCaseData(cnn with
        {
            Opt = OptimizerName.Parse("sam_sgd"),
            GsamAlpha = 0.4,
            RhoPolicy = RhoPolicyKind.LrProportional,
            Rho = 0.05,
            MinRho = 0.01
        }).SetArgDisplayNames("gsam");
        yield return new TestCaseData(cnn with
        {
            Opt = OptimizerName.Parse("sam_sgd"),
            AdaptiveSam = true,
            AsamBeforeNorm = true,
            Rho = 0.5
        }).SetArgDisplayNames("asam");
        yield return new TestCaseData(cnn with
        {
            Opt = OptimizerName.Parse("sam_sgd"),
            SamDirection = SamDirection.VarianceSuppressed,
            PerturbParams = PerturbedParameters.Norm,
            SamEvery = 2,
            Rho = 0.05
        }).SetArgDisplayNames("variance-suppressed, normalisation layers, every second update");
        yield return new TestCaseData(cnn with { Opt = OptimizerName.Parse("randsam_sgdw"), SharpnessM = 4, Rho = 0.05, SnpFactor = 0.01 })
            .SetArgDisplayNames("randsam with shrink and perturb");
        yield return new TestCaseData(vit with
        {
            Opt = OptimizerName.Parse("sam_adamw"),
            PerturbLoss = PerturbLoss.OutputBiasForget,
            ObfC = 10,
            Rho = 0.05,
            Lr = 0.003,
            Drop = 0.1,
            BceLoss = true
        }).SetArgDisplayNames("obf with a transformer");
    }

    /// <summary>
    /// Stopped and continued three times, within epochs and within windows of accumulation, a run ends with
    /// the same bits as one that was never stopped: weights, statistics, optimiser, and every number it reported.
    /// </summary>
    [TestCaseSource(nameof(Variants))]
    public void AContinuedRunEqualsOneThatWasNeverStopped(TrainOptions options)
    {
        var whole = ShortRun.Train(options with { Output = folder.Path, Experiment = "whole" });
        var parts = options with { Output = folder.Path, Experiment = "parts", Resume = "auto" };
        var observer = new RecordingObserver();
        // Batch 3 of epoch 0 (within a window), batch 6 of epoch 0 (between windows), batch 1 of epoch 1, end.
        foreach (int batches in (int[])[3, 3, 2])
            Assert.That(ShortRun.Train(parts, observer, batches).Status, Is.EqualTo(TrainStatus.Interrupted));
        var continued = ShortRun.Train(parts with { Workers = 2 }, observer);
        Assert.Multiple(() =>
        {
            Assert.That(continued.Status, Is.EqualTo(TrainStatus.Completed));
            Assert.That(ShortRun.Hash(Path.Combine(continued.Folder, "last")),
                Is.EqualTo(ShortRun.Hash(Path.Combine(whole.Folder, "last"))));
            Assert.That(continued.Epochs.Select(Comparable), Is.EqualTo(whole.Epochs.Select(Comparable)));
            Assert.That(observer.Updates.Select(u => (u.Epoch, u.Update)),
                Is.EqualTo(from e in Enumerable.Range(0, 2) from u in Enumerable.Range(1, 4) select (e, u)), "every update once");
        });
    }

    static EpochRecord Comparable(EpochRecord epoch) => epoch with { Seconds = 0, ImagesPerSecond = 0, PeakBytes = 0 };

    /// <summary>The summary has one row an epoch after any number of resumes, and rows that are trained again are replaced.</summary>
    [Test]
    public void TheSummaryHasNoRowTwiceOrTooFew()
    {
        var options = ShortRun.Options(folder.Path) with { Epochs = 3 };
        ShortRun.Train(options, stopAfter: 15);
        ShortRun.Train(options with { Resume = "auto" });
        Assert.That(Epochs(), Is.EqualTo(new[] { "0", "1", "2" }));
        ShortRun.Train(options with { Resume = folder[Path.Combine("run", "checkpoint-0.safetensors")], StartEpoch = 1, Epochs = 2 });
        Assert.That(Epochs(), Is.EqualTo(new[] { "0", "1" }));

        string[] Epochs() => [.. File.ReadLines(folder[Path.Combine("run", "summary.csv")]).Skip(1).Select(l => l.Split(',')[0])];
    }

    /// <summary>The new learning rate is what the first update after the resume uses, and both values are shown.</summary>
    [Test]
    public void ANewLearningRateIsUsedFromTheFirstUpdateOn()
    {
        var options = ShortRun.Options(folder.Path) with { WarmupEpochs = 0, Epochs = 4 };
        ShortRun.Train(options, stopAfter: 8);
        var observer = new RecordingObserver();
        ShortRun.Train(options with { Lr = 0.01, Resume = "auto" }, observer, stopAfter: 2);
        // Update 4 of 16, falling from 0.01 to 0.
        Assert.That(observer.Updates[0].LearningRate, Is.EqualTo(0.01 * 12 / 16).Within(1e-12));
        Assert.That(observer.Messages, Has.Some.Contain("--lr: 0.1 -> 0.01").And.Contain("used"));
    }

    /// <summary>With another number of epochs the schedule is that of the new length, with a warning.</summary>
    [Test]
    public void AnotherNumberOfEpochsIsWarnedAbout()
    {
        var options = ShortRun.Options(folder.Path) with { WarmupEpochs = 0 };
        ShortRun.Train(options);
        var observer = new RecordingObserver();
        ShortRun.Train(options with { Epochs = 4, Resume = "auto" }, observer, stopAfter: 2);
        Assert.That(observer.Updates[0].LearningRate, Is.EqualTo(0.1 * 8 / 16).Within(1e-12));
        Assert.That(observer.Messages, Has.Some.Contain("--epochs: 2 -> 4").And.Contain("warning"));
    }

    [Test]
    public void WhatCannotChangeIsRefusedAllAtOnce()
    {
        var options = ShortRun.Options(folder.Path);
        ShortRun.Train(options, stopAfter: 3);
        var error = Assert.Throws<OptionException>(() =>
            ShortRun.Train(options with { Opt = OptimizerName.Parse("adamw"), BatchSize = 4, Resume = "auto" }))!;
        Assert.That(error.Problems.Select(p => p.Option), Is.EquivalentTo(new[] { "--opt", "--batch-size" }));
    }

    /// <summary>Only options that a person gave take the place of the checkpoint's.</summary>
    [Test]
    public void OptionsThatAreNotGivenComeFromTheCheckpoint()
    {
        var options = ShortRun.Options(folder.Path);
        ShortRun.Train(options, stopAfter: 3);
        var given = new[] { "dataset", "resume", "momentum" }.Select(n => OptionTables.Train.Find(n)!).ToHashSet();
        var observer = new RecordingObserver();
        var result = PerturbedForgetting.Training.Trainer.Run(
            new TrainOptions { Dataset = options.Dataset, Resume = folder[Path.Combine("run", "last")], Momentum = 0.5, Workers = 0 },
            observer, CancellationToken.None, given);
        Assert.That(result.Folder, Is.EqualTo(Path.GetFullPath(folder["run"])), "the run goes on where it was");
        Assert.That(result.Epochs, Has.Count.EqualTo(2));
        Assert.That(observer.Messages.Where(m => m.StartsWith("Option changed", StringComparison.Ordinal)),
            Has.Exactly(1).Items.And.All.Contain("--momentum: 0.9 -> 0.5"));
    }

    /// <summary>With a damaged newest checkpoint <c>auto</c> continues from the one before and says so.</summary>
    [Test]
    public void ADamagedCheckpointIsPassedOver()
    {
        var options = ShortRun.Options(folder.Path) with { RecoveryInterval = 1 };
        ShortRun.Train(options, stopAfter: 5);
        string last = folder[Path.Combine("run", "last.state.safetensors")];
        byte[] bytes = File.ReadAllBytes(last);
        bytes[^1] ^= 1;
        File.WriteAllBytes(last, bytes);
        var observer = new RecordingObserver();
        var continued = ShortRun.Train(options with { Resume = "auto" }, observer);
        Assert.That(observer.Messages, Has.Some.Contain("last").And.Contain("checksum").And.Contain("passed over"));
        Assert.That(observer.Messages, Has.Some.Contain("recovery-0-2").And.Contain("epoch 1, batch 4 of 7, update 2"));
        var whole = ShortRun.Train(options with { Experiment = "whole" });
        Assert.That(ShortRun.Hash(Path.Combine(continued.Folder, "last")), Is.EqualTo(ShortRun.Hash(Path.Combine(whole.Folder, "last"))));
    }

    [Test]
    public void AFinishedRunHasNothingLeftToTrain()
    {
        var options = ShortRun.Options(folder.Path);
        var first = ShortRun.Train(options);
        var observer = new RecordingObserver();
        var again = ShortRun.Train(options with { Resume = "auto" }, observer);
        Assert.That((again.Status, again.Json, observer.Updates.Count), Is.EqualTo((TrainStatus.Completed, first.Json, 0)));
    }

    [Test]
    public void AnotherTrainingSetWithinAnEpochIsRefused()
    {
        var options = ShortRun.Options(folder.Path);
        ShortRun.Train(options, stopAfter: 3);
        // The folder of an image set would keep its name while its content changes; here the name changes along with it.
        Assert.That(() => ShortRun.Train(options with { Dataset = "builtin/shapes:train=64,val=20,size=16", Resume = "auto" }),
            Throws.InstanceOf<OptionException>().With.Message.Contains("--dataset"));
        var observer = new RecordingObserver();
        ShortRun.Train(options with { Dataset = "builtin/shapes:train=64,val=20,size=16", Resume = "auto", StartEpoch = 1 }, observer);
        Assert.That(observer.Updates, Has.Count.EqualTo(4).And.All.Property("Epoch").EqualTo(1));
    }

    [Test]
    public void AModelThatDoesNotFitIsRefusedByName()
    {
        ShortRun.Train(ShortRun.Transformer(folder.Path), stopAfter: 3);
        var larger = ShortRun.Transformer(folder.Path) with { ImgSize = 32, Resume = "auto" };
        Assert.That(() => ShortRun.Train(larger), Throws.Exception.With.Message.Contains("pos_embed").And.Message.Contains("[1, 65, 16]"),
            "the weight that does not fit, with its shape");
    }

    [Test]
    public void AutoNeedsAnExperimentAndBeginsAnewWithoutACheckpoint()
    {
        var options = ShortRun.Options(folder.Path) with { Resume = "auto" };
        Assert.That(() => ShortRun.Train(options with { Experiment = "" }),
            Throws.InstanceOf<OptionException>().With.Message.Contains("--experiment"));
        var observer = new RecordingObserver();
        ShortRun.Train(options, observer, stopAfter: 1);
        Assert.That(observer.Messages, Has.Some.Contain("begins anew"));
    }

    /// <summary>What a person types to go on: the rest comes from the checkpoint, and what is noted is true of the run.</summary>
    [Test]
    public void TheExperimentIsEnoughToContinue()
    {
        ShortRun.Train(ShortRun.Options(folder.Path), stopAfter: 3);
        var observer = new RecordingObserver();
        Assert.That(Continue(new() { Epochs = 1 }, observer, "epochs").Epochs, Has.Count.EqualTo(1));
        Assert.That(observer.Messages, Has.None.StartsWith("--warmup-epochs: 5"), "the run's warm-up is one epoch");
        Assert.That(observer.Messages, Has.Some.StartsWith("--warmup-epochs: 1 of 1"));
        Assert.That(() => Continue(new() { Experiment = "missing" }, new()),
            Throws.InstanceOf<OptionException>().With.Message.Contains("--dataset"), "there is nothing to tell the data");

        TrainResult Continue(TrainOptions options, RecordingObserver observer, params string[] names)
        {
            string experiment = options.Experiment.Length > 0 ? options.Experiment : "run";
            return PerturbedForgetting.Training.Trainer.Run(
                options with { Output = folder.Path, Experiment = experiment, Resume = "auto" }, observer, CancellationToken.None,
                names.Concat(["output", "experiment", "resume"]).Select(n => OptionTables.Train.Find(n)!).ToHashSet());
        }
    }

    [TestCase(10, true)]
    [TestCase(12, false)]
    public void ANumberOfClassesIsThatOfTheHead(int classes, bool fits)
    {
        var options = ShortRun.Options(folder.Path);
        ShortRun.Train(options, stopAfter: 3);
        var observer = new RecordingObserver();
        void Continue() => ShortRun.Train(options with { NumClasses = classes, Resume = "auto" }, observer);
        if (fits)
            Continue();
        else
            Assert.That(Continue, Throws.InstanceOf<OptionException>().With.Message.Contains("--num-classes: cannot change from 10 to 12"));
        Assert.That(observer.Messages, Has.None.Contain("num-classes: none"));
    }

    /// <summary>Whether the quick start compares belongs to the run, not to the words it is continued with.</summary>
    [TestCase(true)]
    [TestCase(false)]
    public void AContinuedRunComparesIfItsBeginningDid(bool compares)
    {
        var options = ShortRun.Options(folder.Path) with { Opt = OptimizerName.Parse("sam_sgdw"), Epochs = 1, Rho = 0.05 };
        using var source = new CancellationTokenSource();
        var given = (compares ? new[] { "dataset" } : ["dataset", "opt"]).Select(n => OptionTables.Train.Find(n)!).ToHashSet();
        PerturbedForgetting.Training.Trainer.Run(options, new RecordingObserver { OnUpdate = _ => source.Cancel() }, source.Token, given);
        var continuing = new[] { "resume", "output", "experiment" }.Select(n => OptionTables.Train.Find(n)!).ToHashSet();
        PerturbedForgetting.Training.Trainer.Run(options with { Resume = "auto" }, new RecordingObserver(), CancellationToken.None,
            continuing);
        Assert.That(Directory.Exists(folder[Path.Combine("run", "baseline")]), Is.EqualTo(compares));
    }

    /// <summary>A folder is the same with a separator behind it, and is taken once.</summary>
    [Test]
    public void AFolderIsNamedWithASeparatorOrWithout()
    {
        var options = ShortRun.Options(folder.Path);
        ShortRun.Train(options, stopAfter: 3);
        foreach (string end in (string[])["", "/"])
            Assert.That(ShortRun.Train(options with { Experiment = "", Resume = folder["run"] + end }).Folder, Is.EqualTo(folder["run"]));
    }

    /// <summary>A recovery is a run as well; beginning anew beside it would leave two runs in one folder.</summary>
    [Test]
    public void NothingBeginsBesideRecoveries()
    {
        var options = ShortRun.Options(folder.Path) with { RecoveryInterval = 1 };
        ShortRun.Train(options, stopAfter: 5);
        foreach (string path in Directory.GetFiles(folder["run"], "last.*"))
            File.Delete(path);
        Assert.That(() => ShortRun.Train(options), Throws.InstanceOf<OptionException>().With.Message.Contains("already holds a run"));
    }

    /// <summary>Continued from an earlier epoch, what comes after it is newer than what was there.</summary>
    [Test]
    public void AnEpochTrainedAgainIsTheNewest()
    {
        var options = ShortRun.Options(folder.Path) with { RecoveryInterval = 1 };
        ShortRun.Train(options);
        ShortRun.Train(options with { Resume = folder[Path.Combine("run", "checkpoint-0")], Lr = 0.05 }, stopAfter: 3);
        var observer = new RecordingObserver();
        ShortRun.Train(options with { Resume = "auto", Lr = 0.05 }, observer);
        Assert.That(observer.Messages, Has.Some.Contain("epoch 2, batch 3 of 7"));
        string[] names = [.. Directory.GetFiles(folder["run"], "recovery-*.state.safetensors").Select(Path.GetFileName).Order()!];
        Assert.That(names, Is.EqualTo(new[] { "recovery-1-2.state.safetensors", "recovery-1-3.state.safetensors" }));
        Assert.That(ShortRun.Train(options with { Resume = "auto" }).Epochs[1].LearningRate, Is.LessThan(0.051), "not of the run before");
    }
}
