using System.Text.Json;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Vision.Datasets;
using SixLabors.ImageSharp;

namespace PerturbedForgetting.Tests.Training;

[TestFixture]
sealed class TrainerTests : TempFolderFixture
{
    string Run(string name) => folder[Path.Combine("run", name)];

    [Test]
    public void ARunLeavesOptionsSummaryResultsCurvesAndCheckpoints()
    {
        var options = ShortRun.Options(folder.Path) with { Opt = OptimizerName.Parse("sam_sgdw"), SharpnessM = 4 };
        var observer = new RecordingObserver();
        var result = ShortRun.Train(options, observer);
        Assert.Multiple(() =>
        {
            Assert.That(result.Folder, Is.EqualTo(Path.GetFullPath(folder["run"])));
            Assert.That(File.ReadAllText(Run("results.json")), Is.EqualTo(result.Json));
            Assert.That(File.ReadLines(Run("summary.csv")).Count(), Is.EqualTo(3));
            Assert.That(Image.Identify(Run("curves.png"))?.Width, Is.GreaterThan(100));
            Assert.That(Directory.GetFiles(folder["run"], "*.state.safetensors").Select(Path.GetFileName),
                Is.EquivalentTo(new[] { "best", "last", "checkpoint-0", "checkpoint-1" }.Select(n => n + ".state.safetensors")));
            Assert.That(observer.Epochs, Has.Count.EqualTo(2));
        });
        var read = new TrainOptions();
        OptionsJson.Apply(read, File.ReadAllText(Run("args.json")), "args.json");
        Assert.That(OptionsJson.Diff(options, read), Is.Empty);
        using var json = JsonDocument.Parse(result.Json);
        Assert.That(json.RootElement.GetProperty("best").GetProperty("validation").GetProperty("top5").GetDouble(), Is.InRange(0, 100));
    }

    /// <summary>The first line says what a perturbation is made from.</summary>
    [Test]
    public void TheFirstLineNamesThePerturbationGroup()
    {
        var observer = new RecordingObserver();
        ShortRun.Train(ShortRun.Options(folder.Path) with { Opt = OptimizerName.Parse("sam_sgd"), SharpnessM = 2, Lr = null }, observer,
            stopAfter: 1);
        Assert.That(observer.Messages[0], Does.StartWith("Perturbation group m=2: 4 groups a batch, workers=1"));
        Assert.That(observer.Messages,
            Has.Some.Contain("Learning rate 0.00625 (from --lr-base 0.1 for 256 images an update, and 16 images an update here)"));
        Assert.That(observer.Messages, Has.Some.Contain("hash").And.Contain("10").And.Some.Contain("random crop").And.Some
            .Contain("weight decay"));
    }

    /// <summary>The rate that is logged is the rate that was used, including a warm-up from its start.</summary>
    [Test]
    public void TheLoggedRateFollowsTheSchedule()
    {
        var observer = new RecordingObserver();
        ShortRun.Train(ShortRun.Options(folder.Path) with
        {
            WarmupLr = 0,
            Opt = OptimizerName.Parse("sam_sgd"),
            RhoPolicy = RhoPolicyKind.LrProportional,
            Rho = 0.1
        }, observer);
        Assert.That(observer.Updates.Select(u => u.LearningRate),
            Is.EqualTo(new[] { 0, 0.025, 0.05, 0.075, 0.1, 0.075, 0.05, 0.025 }).Within(1e-12));
        Assert.That(observer.Updates.Select(u => u.Rho), Is.EqualTo(observer.Updates.Select(u => u.LearningRate)).Within(1e-12));
    }

    [TestCase("sgdw", 0)]
    [TestCase("sam_sgdw", 0.3)]
    public void TheLoggedRhoIsZeroWhenNothingIsPerturbed(string opt, double expected)
    {
        var observer = new RecordingObserver();
        ShortRun.Train(ShortRun.Options(folder.Path) with { Opt = OptimizerName.Parse(opt), Rho = 0.3 }, observer);
        Assert.That(observer.Updates.Select(u => u.Rho), Has.All.EqualTo(expected));
    }

    [Test]
    public void OneValidationImageTellsNothingOfBackgrounds() => Assert.That(
        ShortRun.Train(ShortRun.Options(folder.Path) with { Dataset = "builtin/shapes:train=24,val=1,size=16" }).Bias, Is.Null);

    /// <summary>A diverging run stops within a few steps, says where, and keeps the last good checkpoint.</summary>
    [Test]
    public void ARunThatDivergesStopsAndKeepsItsCheckpoint()
    {
        var options = ShortRun.Options(folder.Path) with
        {
            Dataset = "builtin/shapes:train=240,val=20,size=16",
            Epochs = 20,
            WarmupEpochs = 0,
            GradAccumSteps = 1
        };
        ShortRun.Train(options, stopAfter: 2);
        string before = ShortRun.Hash(Run("last"));
        var observer = new RecordingObserver();
        var error = Assert.Throws<NotFiniteException>(() => ShortRun.Train(options with { Lr = 1e6, Resume = "auto" }, observer))!;
        Assert.That(error.Message, Does.Contain("learning rate").And.Contain("gradient norm").And.Contain("last.safetensors")
            .And.Contain("--on-nan skip"));
        Assert.That(observer.Updates, Has.Count.LessThan(12));
        Assert.That(ShortRun.Hash(Run("last")), Is.EqualTo(before));
    }

    /// <summary>With <c>--on-nan skip</c> such updates are left out and counted, and the weights stay finite.</summary>
    [Test]
    public void SkippedUpdatesAreCounted()
    {
        var observer = new RecordingObserver();
        var result = ShortRun.Train(ShortRun.Options(folder.Path) with
        {
            Lr = 1e6,
            WarmupEpochs = 0,
            OnNan = NotFiniteAction.Skip,
            GradAccumSteps = 1,
            Epochs = 1
        }, observer);
        Assert.That(result.Epochs.Sum(e => e.SkippedUpdates), Is.GreaterThan(0));
        Assert.That(observer.Updates[^1].SkippedUpdates, Is.GreaterThan(0));
        Assert.That(observer.Messages, Has.Exactly(result.Epochs.Count(e => e.SkippedUpdates > 0)).Contain("In this epoch: "));
        using var checkpoint = CheckpointFiles.OpenForResume(Run("last"));
        float[] weights = new float[checkpoint.Model.Entry("fc.weight").Count];
        checkpoint.Model.Entry("fc.weight").ReadFloat32(weights);
        Assert.That(weights, Has.All.Matches<float>(float.IsFinite));
        Assert.That(result.Epochs, Has.All.Matches<PerturbedForgetting.Training.Reports.EpochRecord>(e => e.Train.MeanLoss is > 0
            or double.NaN), "never a loss of 0");
    }

    /// <summary>Fewer images than a batch are refused before anything is trained.</summary>
    [TestCase(5)]
    [TestCase(7)]
    public void FewerImagesThanABatchAreRefused(int images)
    {
        var options = ShortRun.Options(folder.Path) with { Dataset = $"builtin/shapes:train={images},val=20,size=16" };
        Assert.That(() => ShortRun.Train(options), Throws.InstanceOf<DatasetException>()
            .With.Message.Contains($"{images} images < batch 8"));
        Assert.That(Directory.Exists(folder["run"]), Is.False);
    }

    [Test]
    public void ARunThatIsStoppedAtOnceCanBeContinued()
    {
        var result = PerturbedForgetting.Training.Trainer
            .Run(ShortRun.Options(folder.Path), new RecordingObserver(), new CancellationToken(true));
        Assert.That(result.Status, Is.EqualTo(TrainStatus.Interrupted));
        Assert.That(JsonDocument.Parse(result.Json).RootElement.GetProperty("all").GetArrayLength(), Is.Zero);
        Assert.That(ShortRun.Train(ShortRun.Options(folder.Path) with { Resume = "auto" }).Epochs, Has.Count.EqualTo(2));
    }

    [Test]
    public void AnExperimentThatHasARunIsNotOverwritten()
    {
        ShortRun.Train(ShortRun.Options(folder.Path), stopAfter: 1);
        string before = ShortRun.Hash(Run("last"));
        Assert.That(() => ShortRun.Train(ShortRun.Options(folder.Path)),
            Throws.InstanceOf<OptionException>().With.Message.Contains("--resume auto"));
        Assert.That(ShortRun.Hash(Run("last")), Is.EqualTo(before));
    }

    /// <summary>Neither device memory nor the managed heap grows from step to step.</summary>
    [TestCase("sgd")]
    [TestCase("sam_adamw")]
    public void MemoryIsFlatOverAnEpoch(string opt)
    {
        var live = new List<long>();
        var allocated = new List<long>();
        var observer = new RecordingObserver
        {
            OnUpdate = _ =>
            {
                live.Add(Device.Cpu.Memory.Live);
                allocated.Add(GC.GetAllocatedBytesForCurrentThread());
            },
        };
        long before = Device.Cpu.Memory.Live;
        ShortRun.Train(ShortRun.Options(folder.Path) with
        {
            Opt = OptimizerName.Parse(opt),
            Lr = 0.001,
            Epochs = 1,
            Dataset = "builtin/shapes:train=160,val=16,size=16"
        }, observer);
        Assert.That(live.Skip(1).Distinct().Count(), Is.EqualTo(1), "live bytes of the device");
        Assert.That(allocated.Zip(allocated.Skip(1), (a, b) => b - a).Skip(2), Has.All.LessThan(400_000), "managed bytes an update");
        Assert.That(Device.Cpu.Memory.Live, Is.EqualTo(before), "a run gives everything back");
    }

    [Test]
    public void ThreadsDoNotChangeTheResult()
    {
        var options = ShortRun.Options(folder.Path) with { Opt = OptimizerName.Parse("sam_sgd"), Epochs = 1 };
        var one = PerturbedForgetting.Training.Trainer.Run(options with { Threads = 1, Experiment = "one" }, new RecordingObserver(),
            CancellationToken.None);
        var three = PerturbedForgetting.Training.Trainer
            .Run(options with { Threads = 3, Workers = 2, Experiment = "three" }, new RecordingObserver(), CancellationToken.None);
        Assert.That(ShortRun.Hash(Path.Combine(three.Folder, "last")), Is.EqualTo(ShortRun.Hash(Path.Combine(one.Folder, "last"))));
    }

    [Test]
    public void ALossGoesDown()
    {
        var observer = new RecordingObserver();
        ShortRun.Train(ShortRun.Options(folder.Path) with
        {
            Opt = OptimizerName.Parse("sgd"),
            Epochs = 30,
            GradAccumSteps = 1,
            Scale = [1, 1],
            Hflip = 0,
            Lr = 0.05
        }, observer);
        Assert.That(observer.Epochs[^1].TrainLoss, Is.LessThan(0.6 * observer.Epochs[0].TrainLoss));
    }

    /// <summary>Without an optimiser of the user's, a plain baseline and standard SAM are trained the same way and compared; with one, they
    /// are not.</summary>
    [Test]
    public void TheQuickStartComparesWithAPlainBaseline()
    {
        var options = ShortRun.Options(folder.Path) with
        {
            Opt = OptimizerName.Parse("sam_sgdw"),
            PerturbLoss = PerturbLoss.OutputBiasForget,
            ObfC = 10,
            Epochs = 1
        };
        var given = new HashSet<OptionSpec> { OptionTables.Train.Find("dataset")! };
        var observer = new RecordingObserver();
        var result = PerturbedForgetting.Training.Trainer.Run(options, observer, CancellationToken.None, given);
        Assert.That(observer.Messages, Has.Some.Contain("mean ± standard deviation of 3 seeds (42 to 44)")
            .And.Some.Contain("obf against sgdw, seed by seed")
            .And.Some.Contain("obf against sam_sgdw --perturb-loss maximize, seed by seed"));
        Assert.That(observer.Messages, Has.Exactly(8).Contains("For comparison"));
        Assert.That(observer.Messages, Has.Exactly(1).Contains("Optimiser:"), "what nine runs say of themselves is said once");
        Assert.That(File.Exists(Run(Path.Combine("baseline", "last.safetensors"))));
        Assert.That(result.Bias!.Images.Agreeing + result.Bias.Images.Contradicting, Is.EqualTo(20));
        var baseline = ShortRun.Train(options with { Opt = OptimizerName.Parse("sgdw"), Experiment = "plain" });
        Assert.That(ShortRun.Hash(Run(Path.Combine("baseline", "last"))), Is.EqualTo(ShortRun.Hash(Path.Combine(baseline.Folder, "last"))),
            "the same but for the perturbation");
        Assert.That(ShortRun.Hash(Run(Path.Combine("seed-43", "last"))), Is.Not.EqualTo(ShortRun.Hash(Run("last"))), "another seed");
        given.Add(OptionTables.Train.Find("opt")!);
        PerturbedForgetting.Training.Trainer.Run(options with { Experiment = "alone" }, observer, CancellationToken.None, given);
        Assert.That(Directory.Exists(folder[Path.Combine("alone", "baseline")]), Is.False);
    }

    /// <summary>With <c>--log-norms</c> updates and epochs have their norms, also where a run went on between an epoch's training and its
    /// evaluation.</summary>
    [Test]
    public void NormsAreLoggedOnRequest()
    {
        var options = ShortRun.Options(folder.Path) with { Opt = OptimizerName.Parse("sam_sgdw"), Rho = 0.05, LogNorms = true };
        var observer = new RecordingObserver();
        var epochs = ShortRun.Train(options, observer).Epochs;
        foreach (var update in observer.Updates)
        {
            Assert.That(update.Norms!.Value.Perturbation, Is.EqualTo(0.05).Within(1e-6));
            Assert.That(update.Norms!.Value.Gradient, Is.EqualTo(update.GradientNorm).And.GreaterThan(0));
        }
        Assert.That(epochs[^1].Norms, Is.EqualTo(observer.Updates[^1].Norms));
        Assert.That(File.ReadLines(Run("summary.csv")).First(), Does.EndWith(",skipped_updates,perturbation_norm,gradient_norm"));
        Assert.That(File.ReadAllText(Run("results.json")), Does.Contain("\"perturbation_norm\"").And.Contain("\"gradient_norm\""));

        ShortRun.Train(options with { Experiment = "stopped" }, stopAfter: 7);
        var resumed = ShortRun.Train(options with { Experiment = "stopped", Resume = "auto" });
        Assert.That(resumed.Epochs.Select(static e => e.Norms), Is.EqualTo(epochs.Select(static e => e.Norms)));

        var plain = ShortRun.Train(options with { Experiment = "plain", Opt = OptimizerName.Parse("sgdw"), Epochs = 1 });
        Assert.That(plain.Epochs[0].Norms!.Value.Perturbation, Is.Zero);
        ShortRun.Train(options with { Experiment = "silent", LogNorms = false, Epochs = 1 }, observer);
        Assert.That(observer.Updates[^1].Norms, Is.Null);
        Assert.That(File.ReadLines(folder[Path.Combine("silent", "summary.csv")]).First(), Does.EndWith(",skipped_updates"));
    }

    /// <summary>The reference's radius is not a small network's: whoever chose none is told, once.</summary>
    [Test]
    public void ARadiusThatNobodyChoseIsMentioned()
    {
        var options = ShortRun.Options(folder.Path) with { Opt = OptimizerName.Parse("sam_sgdw"), Epochs = 1 };
        RecordingObserver fresh = new(), chosen = new(), resumed = new(), plain = new();
        ShortRun.Train(options, fresh);
        Assert.That(fresh.Messages.Where(static m => m.Contains("--rho was not given and is 0.6")), Has.Exactly(1).Contains("0.05 to 0.1"));
        ShortRun.Train(options with { Experiment = "chosen", Rho = 0.6 }, chosen);
        ShortRun.Train(options with { Experiment = "plain", Opt = OptimizerName.Parse("sgdw") }, plain);
        HashSet<OptionSpec> given = [TrainOptions.ResumeOption, TrainOptions.ExperimentOption, TrainOptions.OutputOption,
            TrainOptions.EpochsOption, TrainOptions.DatasetOption];
        PerturbedForgetting.Training.Trainer.Run(new()
        {
            Resume = "auto",
            Experiment = options.Experiment,
            Output = folder.Path,
            Epochs = 2,
            Dataset = options.Dataset,
        }, resumed, CancellationToken.None, given);
        Assert.That(chosen.Messages.Concat(resumed.Messages).Concat(plain.Messages), Has.None.Contains("--rho was not given"));
    }

    /// <summary>Both perturbation losses of a report have the reference's sign: in an epoch of so few batches, in groups of a whole batch,
    /// they are the same numbers.</summary>
    [TestCase("sgdw")]
    [TestCase("sam_sgdw")]
    public void TheMeanPerturbationLossHasTheSignOfTheReferences(string opt)
    {
        var train = ShortRun.Train(ShortRun.Options(folder.Path) with
        {
            Dataset = "builtin/shapes:train=24,val=12,size=16",
            Opt = OptimizerName.Parse(opt),
            Rho = 0.05,
            GradAccumSteps = 1,
            Epochs = 1,
        }).Epochs[0].Train;
        Assert.That(train.MeanPerturbLoss, Is.EqualTo(train.PerturbLoss).Within(1e-12));
        Assert.That(Math.Sign(train.PerturbLoss), Is.EqualTo(opt == "sgdw" ? 1 : -1));
    }

    /// <summary>The averages of the reference begin again at batch 3A and take the last group; the true means take everything.</summary>
    [Test]
    public void TheAveragesOfTheReferenceBeginAgain()
    {
        using var run = new TinyRun(new("obf m4", "sam_sgd") { Perturbation = new() { ChunkSize = 4 } });
        var meters = new EpochMeters(run.Step, World.Alone, new EpochSums { MeanLoss = 3, MeanSamples = 1 });
        const int Samples = 8;
        double loss = 0, perturbLoss = 0, meanLoss = 3, meanPerturbLoss = 0;
        for (int batch = 0; batch < TinyModels.Batches; batch++)
        {
            Assert.That(run.Tiny.Batch(batch).Images.Shape[0], Is.EqualTo(Samples));
            var report = run.Train(1).Step.Report();
            meters.Count(Samples, 0.5);
            Assert.That(meters.Read(), Is.False);
            if (batch == 3)
                loss = perturbLoss = 0;
            loss += report.Loss * Samples;
            perturbLoss += report.PerturbLoss * Samples;
            meanLoss += report.MeanLoss * Samples;
            meanPerturbLoss += report.MeanPerturbLoss * Samples;
            Assert.That(report.Loss, Is.Not.EqualTo(report.MeanLoss));
        }
        const int Since = 2 * Samples, All = (TinyModels.Batches * Samples) + 1;
        Assert.That(meters.Averages,
            Is.EqualTo(new TrainMetrics(loss / Since, perturbLoss / Since, meanLoss / All, meanPerturbLoss / All)));
        Assert.That((meters.Sums.Samples, meters.Sums.MeanSamples, meters.Sums.Images, meters.Sums.Seconds),
            Is.EqualTo(((long)Since, (long)All, (long)All - 1, 2.5)));
    }
}
