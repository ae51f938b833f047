using PerturbedForgetting.Cli;
using PerturbedForgetting.Tests.Training.Checkpoints;
using PerturbedForgetting.Tests.Training.Runs;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Runs;

namespace PerturbedForgetting.Tests.Cli;

[TestFixture, Parallelizable]
sealed class SweepCommandTests : TempFolderFixture
{
    readonly List<TrainOptions> trained = [];
    CliHarness cli = null!;

    [SetUp]
    public void Forget() => trained.Clear();

    [Test]
    public void EveryCombinationIsTrainedOnceInItsOwnFolder()
    {
        Assert.That(Sweep("--vary", "rho=0.05,0.1", "--vary", "seed=1..3", "--epochs", "1"), Is.Zero, cli.Error);
        Assert.That(trained.Select(o => (o.Rho, o.Seed)),
            Is.EqualTo(new[] { (0.05, 1), (0.05, 2), (0.05, 3), (0.1, 1), (0.1, 2), (0.1, 3) }));
        Assert.That(trained.Select(o => o.Experiment), Is.Unique.And.Member("rho=0.05,seed=2"));
        Assert.That(trained.Select(o => o.Resume), Is.All.EqualTo("auto"));
        Assert.That(trained.Select(o => Path.GetFullPath(o.Output)), Is.All.EqualTo(folder["s"]));
        string[] table = File.ReadAllLines(folder["s/sweep.csv"]);
        Assert.That(table, Has.Length.EqualTo(7));
        Assert.That(table[0], Is.EqualTo("run,rho,seed,state,epochs,top1,top5,validation_loss,training_loss,message"));
        Assert.That(table[1], Does.StartWith("\"rho=0.05,seed=1\",0.05,1,finished,1,51,"));
        Assert.That(new FileInfo(folder["s/sweep.png"]).Length, Is.GreaterThan(5000));
        // Seeds are averaged: one row a radius.
        Assert.That(cli.Output, Does.Contain("| rho=0.05 (baseline) | 1 2 3 | 52.00 ± 1.00 |"));
        Assert.That(cli.Output, Does.Contain("| rho=0.1 | 1 2 3 | 52.00 ± 1.00 |"));
    }

    [Test]
    public void TheSameCommandAgainTrainsOnlyWhatIsNotDone()
    {
        string[] line = ["--vary", "seed=1..3", "--epochs", "2"];
        Sweep(line);
        Directory.Delete(folder["s/seed=2"], recursive: true);
        RunSamples.Write(folder["s/seed=3"], RunRecord.Read(folder["s/seed=3"]).Options, [CheckpointSamples.Epoch(0)]);
        trained.Clear();
        Assert.That(Sweep(line), Is.Zero, cli.Error);
        Assert.That(trained.Select(o => o.Seed), Is.EqualTo(new[] { 2, 3 }));
        trained.Clear();
        Assert.That(Sweep("--vary", "seed=1..4", "--epochs", "2"), Is.Zero, cli.Error);
        Assert.That(trained.Select(o => o.Seed), Is.EqualTo(new[] { 4 }), "a grid may grow");
        trained.Clear();
        Assert.That(Sweep("--vary", "seed=1..3", "--epochs", "5"), Is.EqualTo(2));
        Assert.That(cli.Error, Does.Contain("holds a run with other options (--epochs: 2 -> 5)"));
        Assert.That(trained, Is.Empty);
    }

    [Test]
    public void ARunThatFailsLeavesTheOthers()
    {
        Assert.That(Sweep("--vary", "rho=0.1,9,0.2", "--epochs", "1"), Is.EqualTo(1));
        Assert.That(trained.Select(o => o.Rho), Is.EqualTo(new[] { 0.1, 9, 0.2 }));
        Assert.That(cli.Output, Does.Contain("Run rho=9 failed: the loss is not finite"));
        string row = File.ReadLines(folder["s/sweep.csv"]).ElementAt(2);
        Assert.That(row, Does.StartWith("rho=9,9,failed,0,").And.EndsWith(",the loss is not finite"));
    }

    [Test]
    public void ASweepThatIsStoppedSaysSoAndBeginsNoFurtherRun()
    {
        Assert.That(Sweep("--vary", "rho=0.1,7,0.2", "--epochs", "1"), Is.EqualTo(130));
        Assert.That(trained, Has.Count.EqualTo(2));
    }

    [Test]
    public void PresetsCanBeWhatVaries()
    {
        string[] line = ["--vary", "preset=rn8sh_vanilla,rn8sh_sam_obf", "--vary", "seed=1,2", "--epochs", "1", "-b", "32"];
        Assert.That(Sweep(line), Is.Zero, cli.Error);
        Assert.That(trained.Select(o => (o.Experiment, $"{o.Opt}", o.BatchSize, o.GradAccumSteps, o.Seed)), Is.EqualTo(new[]
        {
            ("rn8sh_vanilla,seed=1", "sgdw", 32, 2, 1), ("rn8sh_vanilla,seed=2", "sgdw", 32, 2, 2),
            ("rn8sh_sam_obf,seed=1", "sam_sgdw", 32, 2, 1), ("rn8sh_sam_obf,seed=2", "sam_sgdw", 32, 2, 2),
        }));
    }

    [Test]
    public void FineTuningFollowsTheRunOfTheSameSweepWhoseWeightsItStartsFrom()
    {
        string[] line = ["--vary", "preset=rn8shc10_max2sgd,rn8sh_sam_max", "--vary", "seed=1,2", "--epochs", "1", "--data-dir", "x"];
        Assert.That(Sweep(line), Is.Zero, cli.Error);
        Assert.That(trained.Select(o => o.Experiment), Is.EqualTo(new[]
        {
            "rn8sh_sam_max,seed=1", "rn8shc10_max2sgd,seed=1", "rn8sh_sam_max,seed=2", "rn8shc10_max2sgd,seed=2",
        }));
        Assert.That(trained.Select(o => o.PretrainedPath), Is.EqualTo(new[]
        {
            null, folder["s/rn8sh_sam_max,seed=1/last.safetensors"], null, folder["s/rn8sh_sam_max,seed=2/last.safetensors"],
        }));
    }

    [Test]
    public void FineTuningFromARunThatFailedDoesNotBegin()
    {
        string[] line = ["--vary", "preset=rn8shc10_max2sgd,rn8sh_sam_max", "--epochs", "1", "--data-dir", "x", "--rho", "9"];
        Assert.That(Sweep(line), Is.EqualTo(1));
        Assert.That(trained.Select(o => o.Experiment), Is.EqualTo(new[] { "rn8sh_sam_max" }));
        Assert.That(cli.Output, Does.Contain(
            "Run rn8shc10_max2sgd does not begin: it starts from the weights of rn8sh_sam_max, which has failed."));
        Assert.That(File.ReadLines(folder["s/sweep.csv"]).ElementAt(1), Does.StartWith("rn8shc10_max2sgd,rn8shc10_max2sgd,failed,0,"));
    }

    [Test]
    public void FineTuningTakesWeightsThatAnEarlierRunLeft()
    {
        string[] line = ["--vary", "preset=rn8shc10_max2sgd", "--vary", "seed=1,2", "--epochs", "1", "--data-dir", "x"];
        Assert.That(Sweep(line), Is.EqualTo(2));
        Assert.That(cli.Error, Does.Contain("starts from the weights of rn8sh_sam_max").And.Contain(folder["rn8sh_sam_max"])
            .And.Contain(folder["s/rn8sh_sam_max,seed=1"]).And.Contain("among the presets of --vary"));
        foreach (string run in (string[])["rn8sh_sam_max", "s/rn8sh_sam_max,seed=2"])
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(folder[run]).FullName, "last.safetensors"), "weights");
        Assert.That(Sweep(line), Is.Zero, cli.Error);
        Assert.That(trained.Select(o => o.PretrainedPath), Is.EqualTo(new[]
        {
            folder["rn8sh_sam_max/last.safetensors"], folder["s/rn8sh_sam_max,seed=2/last.safetensors"],
        }));
        trained.Clear();
        Assert.That(Sweep([.. line[..1], "preset=rn8shc10_obf2sgd", .. line[4..], "--pretrained-path", "w"]), Is.Zero, cli.Error);
        Assert.That(trained.Select(o => o.PretrainedPath), Is.EqualTo(new[] { "w" }), "what is typed wins");
    }

    [TestCase("--vary|rho=0.1,0.1", "has a value twice")]
    [TestCase("--vary|rho", "takes OPTION=VALUE")]
    [TestCase("--vary|rhoo=1", "Did you mean 'rho'?")]
    [TestCase("--vary|rho=fast", "takes a number")]
    [TestCase("--vary|seed=5..1", "no range")]
    [TestCase("--vary|seed=1..99999999", "no range")]
    [TestCase("--vary|seed=1|--vary|seed=2", "named twice")]
    [TestCase("--vary|output=a,b", "it cannot vary")]
    [TestCase("--vary|preset=rn8sh_vanila", "Did you mean 'rn8sh_vanilla'?")]
    [TestCase("--vary|opt=sgdw,warp", "'warp' is not one of")]
    [TestCase("--vary|sharpness-m=16,12", "12 does not divide --batch-size 32")]
    [TestCase("--epochs|1", "nothing varies")]
    [TestCase("--vary|rho=1|--devices|gpu", "'gpu' is not one of")]
    public void WhatIsWrongIsSaidBeforeAnythingIsTrained(string line, string message)
    {
        Assert.That(Sweep(line.Split('|')), Is.EqualTo(2), cli.Output);
        Assert.That(cli.Error, Does.Contain(message));
        Assert.That(trained, Is.Empty);
    }

    [Test]
    public void ASweepHasAName()
    {
        cli = new();
        Assert.That(cli.Run("sweep", "--vary", "rho=1,2", "--dataset", "builtin/shapes"), Is.EqualTo(2));
        Assert.That(cli.Error, Does.Contain("--experiment: is missing"));
    }

    /// <summary>Two processes of the program, each on its device.</summary>
    [Test]
    public void RunsRunOnSeveralDevicesAtTheSameTime()
    {
        CliHarness own = new();
        int exitCode = own.Run("sweep", "--vary", "seed=1,2", "--devices", "cpu,cpu", "--experiment", "s", "--output", folder.Path,
            "--dataset", "builtin/shapes:train=16,val=8,size=16", "--img-size", "16", "-b", "4", "-j", "0", "--epochs", "1",
            "--threads", "1");
        Assert.That(exitCode, Is.Zero, own.Output + own.Error);
        Assert.That(RunRecord.ReadAll([folder["s"]]).Select(r => (r.State, r.Options.Seed)),
            Is.EqualTo(new[] { (RunState.Finished, 1), (RunState.Finished, 2) }));
        Assert.That(File.ReadAllText(folder["s/seed=1/log.txt"]), Does.Contain("epoch 1/1 done"));
    }

    /// <summary>
    /// A request to end reaches the program alone, and Ctrl-C of a terminal all its processes: either way the runs stop where they can be
    /// continued, and the same command goes on.
    /// </summary>
    [Test, Platform("Linux")]
    public void ASignalEndsTheRunsOfAllDevicesAndTheSameCommandGoesOn()
    {
        int before = 0;
        foreach (var (signal, whom, exitCode) in new[] { ("TERM", "", ExitCodes.Terminated), ("INT", "-", ExitCodes.Interrupted) })
        {
            using ProcessGroup sweep = new(
            [
                typeof(CommandLineApp).Assembly.Location, "sweep", "--vary", "seed=1,2", "--devices", "cpu,cpu", "--experiment", "s",
                "--output", folder.Path, "--dataset", "builtin/shapes:train=16,val=8,size=16", "--img-size", "16", "-b", "4", "-j", "0",
                "--epochs", "100000", "--threads", "1",
            ]);
            sweep.WaitUntil(() => Epochs().All(n => n > before));
            sweep.Signal(signal, whom);
            var (ended, output) = sweep.End();
            Assert.That(ended, Is.EqualTo(exitCode), output);
            Assert.That(output, Does.Contain("Sweep: stopped, 0 of 2 runs done. The same command again goes on."));
            // Their processes have ended, and of themselves.
            Assert.That(RunRecord.ReadAll([folder["s"]]).Select(r => (r.State, r.LastCheckpoint is not null)),
                Is.All.EqualTo((RunState.Stopped, true)));
            Assert.That(File.ReadAllText(folder["s/seed=2/log.txt"]), Does.Contain("Stopped in epoch").And.Not.Contain("   at "));
            Assert.That(Epochs(), Is.All.GreaterThan(before), "what was trained is kept");
            before = Epochs().Max();
        }
    }

    IEnumerable<int> Epochs() => new[] { "s/seed=1", "s/seed=2" }.Select(run => folder[run])
        .Select(run => RunRecord.IsRun(run) ? RunRecord.Read(run).Epochs.Count : 0);

    int Sweep(params string[] options)
    {
        cli = new()
        {
            Train = (o, context) =>
            {
                trained.Add(o);
                if (o.Rho == 7)
                    cli.Interruption!.Signal(130);
                context.Token.ThrowIfCancellationRequested();
                if (o.Rho == 9)
                    throw new PerturbedForgetting.Training.NotFiniteException("the loss is not finite");
                RunSamples.Write(Path.Combine(o.Output, o.Experiment), o,
                    [.. Enumerable.Range(0, o.Epochs).Select(e => CheckpointSamples.Epoch(e, 50 + o.Seed % 42))]);
            },
        };
        return cli.Run(["sweep", "--experiment", "s", "--output", folder.Path, "--dataset", "builtin/shapes", .. options]);
    }
}
