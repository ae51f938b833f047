using PerturbedForgetting.Tests.Training.Checkpoints;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Runs;

namespace PerturbedForgetting.Tests.Training.Runs;

[TestFixture]
sealed class RunRecordTests : TempFolderFixture
{
    static readonly TrainOptions options = new() { Dataset = "builtin/shapes", Model = "resnet20", Epochs = 3, Lr = 0.1, Experiment = "a" };

    static readonly EpochRecord[] epochs =
    [
        CheckpointSamples.Epoch(0, 10) with { Norms = new(0.25, 1.5) }, CheckpointSamples.Epoch(1, 30, loss: double.NaN),
        CheckpointSamples.Epoch(2, 20) with { SkippedUpdates = 3 },
    ];

    [Test]
    public void WhatARunWroteIsReadBack()
    {
        var run = RunRecord.Read(Sample("a"));
        Assert.Multiple(() =>
        {
            Assert.That(run.Name, Is.EqualTo("a"));
            Assert.That(run.Options, Is.EqualTo(options));
            Assert.That(run.Epochs, Is.EqualTo(epochs));
            Assert.That(run.Best!.Epoch, Is.EqualTo(1));
            Assert.That(run.Last!.Epoch, Is.EqualTo(2));
            Assert.That(run.State, Is.EqualTo(RunState.Finished));
            Assert.That((run.LastCheckpoint, run.BestCheckpoint), Is.EqualTo(((string?)null, (string?)null)));
            Assert.That(run.UnknownOptions, Is.Empty);
        });
    }

    [Test]
    public void ARunBeforeItsFirstEpochHasNone()
    {
        RunFolder.WriteOptions(Directory.CreateDirectory(folder["a"]).FullName, options);
        var run = RunRecord.Read(folder["a"]);
        Assert.That((run.Epochs.Count, run.Best, run.Last), Is.EqualTo((0, (EpochRecord?)null, (EpochRecord?)null)));
        Assert.That(run.State, Is.EqualTo(RunState.Stopped));
    }

    [Test]
    public void AProcessThatGivesSignsOfLifeIsSeen()
    {
        Sample("a", epochs[..2]);
        string owner = Path.Combine(folder["a"], ".run.owner");
        File.WriteAllText(owner, """{"process":4711,"host":"node12","started":"2026-01-31T12:00:00+00:00"}""");
        Assert.That(RunRecord.Read(folder["a"]).State, Is.EqualTo(RunState.Running));
        var then = DateTime.UtcNow.AddMinutes(-2);
        File.SetLastWriteTimeUtc(owner, then);
        var silent = RunRecord.Read(folder["a"]);
        Assert.That((silent.State, silent.Owner), Is.EqualTo((RunState.Silent, "process 4711 on node12, since 2026-01-31 12:00:00Z")));
        Assert.That(silent.LastSign, Is.EqualTo(then).Within(TimeSpan.FromMilliseconds(1)), "a file system may round");
        File.WriteAllText(owner, "half a fi");
        Assert.That((RunRecord.Read(folder["a"]).State, RunRecord.Read(folder["a"]).Owner), Is.EqualTo((RunState.Running, (string?)null)));
        File.Delete(owner);
        Assert.That(RunRecord.Read(folder["a"]).State, Is.EqualTo(RunState.Stopped), "it said that it ended");
    }

    [Test]
    public void ResultsOfTheReferenceAreEpochsToo()
    {
        Sample("a");
        File.Delete(Path.Combine(folder["a"], "summary.csv"));
        File.WriteAllText(Path.Combine(folder["a"], "results.json"),
            """{"all":[null,{"epoch":1,"train":{"loss":1,"perturb_loss":-2},"validation":{"loss":3,"top1":4,"top5":5}}],"best":null}""");
        var epoch = RunRecord.Read(folder["a"]).Epochs.Single();
        Assert.That((epoch.Epoch, epoch.Train.PerturbLoss, epoch.Validation.Top5), Is.EqualTo((1, -2.0, 5.0)));
        Assert.That(new[] { epoch.LearningRate, epoch.Train.MeanLoss, epoch.Seconds }, Is.All.NaN);
    }

    [Test]
    public void OptionsOfAnotherVersionAreNamedAndPassedOver()
    {
        Sample("a");
        string args = Path.Combine(folder["a"], "args.json");
        File.WriteAllText(args, File.ReadAllText(args).Replace("\"lr\":", "\"warp-speed\": 9, \"lr\":", StringComparison.Ordinal));
        var run = RunRecord.Read(folder["a"]);
        Assert.That(run.UnknownOptions, Is.EqualTo(new[] { "warp-speed" }));
        Assert.That(run.Options, Is.EqualTo(options));
    }

    /// <summary>A copy that broke off, or a disk that was full, leaves the beginning of a file.</summary>
    [TestCase("args.json")]
    [TestCase("results.json")]
    [TestCase("summary.csv")]
    public void AFileThatIsCutOffIsSaidToBe(string name)
    {
        string path = Path.Combine(Sample("a"), name), whole = File.ReadAllText(path);
        // Every place would take a second; these are some of each kind of token.
        for (int length = 0; length < whole.TrimEnd().Length; length += length < 60 || length > whole.Length - 60 ? 1 : 37)
        {
            File.WriteAllText(path, whole[..length]);
            try
            {
                var run = RunRecord.Read(folder["a"]);
                // A table without its last rows, or the last digits of a number, cannot be told from a whole one.
                Assert.That(name, Is.EqualTo("summary.csv"), $"{length} characters");
                Assert.That(run.Epochs, Has.Count.EqualTo(3));
            }
            catch (RunException e)
            {
                Assert.That(e.Message, Does.Contain(name));
            }
        }
    }

    [TestCase("results.json", "[]", "not the results of a run")]
    [TestCase("results.json", "{\"all\": {}}", "not the results of a run")]
    [TestCase("results.json", "{\"all\": [{\"epoch\": 1e99}]}", "not the results of a run")]
    [TestCase("results.json", "{\"all\": [{\"epoch\": 0, \"train\": 7, \"validation\": 8}]}", "not the results of a run")]
    [TestCase("results.json", "{\"all\": [{\"epoch\": -1, \"train\": {}, \"validation\": {}}]}", "out of its order")]
    [TestCase("args.json", "[1]", "no JSON object")]
    [TestCase("args.json", "null", "no JSON object")]
    [TestCase("args.json", "{\"epochs\": \"many\"}", "takes a whole number")]
    [TestCase("args.json", "{\"opt\": \"magic\"}", "'magic' is not one of")]
    [TestCase("args.json", "{\"lr\": 1, \"lr\": 2}", "not valid JSON")]
    [TestCase("summary.csv", "", "no column 'epoch'")]
    [TestCase("summary.csv", "epoch,epoch\n", "two columns 'epoch'")]
    [TestCase("summary.csv", "epoch,lr\n0,1\n0,2\n", "occurs twice")]
    [TestCase("summary.csv", "epoch,lr\n0\n", "1 fields in place of 2")]
    [TestCase("summary.csv", "epoch,lr\n0,fast\n", "'fast' is no number")]
    public void AnotherFileInTheirPlaceIsRefusedWithItsDefect(string name, string text, string defect)
    {
        File.WriteAllText(Path.Combine(Sample("a"), name), text);
        Assert.That(() => RunRecord.Read(folder["a"]),
            Throws.TypeOf<RunException>().With.Message.Contains(defect).And.Message.Contains(name));
    }

    [Test]
    public void BytesThatAreNoTextAreRefused()
    {
        File.WriteAllBytes(Path.Combine(Sample("a"), "summary.csv"), [0xFF, 0xFE, 0xC0]);
        Assert.That(() => RunRecord.Read(folder["a"]), Throws.TypeOf<RunException>().With.Message.Contains("UTF-8"));
    }

    [Test]
    public void RunsAreFoundAtAnyDepthEachOnce()
    {
        Sample("x/b");
        Sample("x/a");
        Sample("x/deep/er/c");
        Sample("x/a/baseline");
        Directory.CreateDirectory(folder["empty"]);
        Assert.That(RunRecord.ReadAll([folder["x/b"], folder["x"]]).Select(r => r.Name), Is.EqualTo(new[] { "b", "a", "c" }));
        Assert.That(() => RunRecord.ReadAll([folder["empty"]]), Throws.TypeOf<RunException>().With.Message.Contains("nor a folder in it"));
        Assert.That(() => RunRecord.ReadAll([folder["none"]]), Throws.TypeOf<RunException>().With.Message.Contains("no such folder"));
        Assert.That(() => RunRecord.Read(folder["empty"]), Throws.TypeOf<RunException>().With.Message.Contains("args.json"));
    }

    [Test]
    public void CheckpointsAreInTheOrderOfTheRunEachPositionOnce()
    {
        string run = Sample("a");
        Save("last", CheckpointSamples.State(2));
        Save("best", CheckpointSamples.State(1));
        Save("checkpoint-0", CheckpointSamples.State(1));
        Save("recovery-1-3", CheckpointSamples.State(1, 3));
        Save("other", CheckpointSamples.State(1, 2) with { Run = "another" });
        File.WriteAllText(Path.Combine(run, "checkpoint-9.state.safetensors"), "no checkpoint");
        File.WriteAllText(Path.Combine(run, "checkpoint-9.safetensors"), "no checkpoint");
        List<string> said = [];
        var found = RunRecord.Read(run).ReadCheckpoints(said.Add);
        Assert.That(found.Select(c => (Path.GetFileNameWithoutExtension(c.Path), c.Epoch, c.Batch, c.Evaluation is null)),
            Is.EqualTo(new[] { ("best", 1, 0, false), ("recovery-1-3", 1, 3, true), ("last", 2, 0, false) }));
        Assert.That(said, Has.Count.EqualTo(2));
        Assert.That(said[0], Does.Contain("checkpoint-9").And.Contain("cannot be read"));
        Assert.That(said[1], Does.Contain("other").And.Contain("another run"));
        Assert.That(Path.GetFileName(RunRecord.Read(run).LastCheckpoint), Is.EqualTo("last.safetensors"));

        void Save(string name, PerturbedForgetting.Training.Checkpoints.TrainingState state) =>
            CheckpointSamples.Save(Path.Combine(run, name + ".safetensors"), state, 1);
    }

    string Sample(string name, EpochRecord[]? of = null) => RunSamples.Write(folder[name], options, of ?? epochs);
}
