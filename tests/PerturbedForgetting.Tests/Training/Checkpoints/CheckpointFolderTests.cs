using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Reports;

namespace PerturbedForgetting.Tests.Training.Checkpoints;

[TestFixture]
sealed class CheckpointFolderTests : TempFolderFixture
{
    string[] Names() => [.. Directory.GetFiles(folder.Path).Select(f => Path.GetFileName(f)!)
        .Where(f => f.EndsWith(".state.safetensors", StringComparison.Ordinal)).Select(f => f[..^18]).Order(StringComparer.Ordinal)];

    /// <summary>Runs epochs with the given accuracies and returns the folder's memory.</summary>
    List<EpochRecord> Run(CheckpointFolder checkpoints, double[] top1, List<EpochRecord>? before = null)
    {
        var epochs = new List<EpochRecord>(before ?? []);
        foreach (double value in top1)
        {
            epochs.Add(CheckpointSamples.Epoch(epochs.Count, value, loss: value));
            int count = epochs.Count;
            checkpoints.EpochEnded(epochs, (path, kept) => CheckpointSamples
                .Save(path, CheckpointSamples.State(count, 0, count) with { Kept = kept, Epochs = epochs.ToArray() }, count - 1));
        }
        return epochs;
    }

    float WeightOf(string name)
    {
        using var checkpoint = CheckpointFiles.OpenForResume(folder[name]);
        return CheckpointSamples.Weight(checkpoint);
    }

    [Test]
    public void TheNBestEpochsAreKeptBesideLastAndBest()
    {
        Run(new CheckpointFolder(folder.Path, EvalMetric.Top1, 2, [], []), [10, 40, 20, 30, 40]);
        Assert.That(Names(), Is.EqualTo(new[] { "best", "checkpoint-1", "checkpoint-4", "last" }));
        Assert.That((WeightOf("best"), WeightOf("last")), Is.EqualTo((1f, 4f)), "of equals the earlier is the best");
    }

    [Test]
    public void ForTheLossLowerIsBetter()
    {
        Run(new CheckpointFolder(folder.Path, EvalMetric.Loss, 1, [], []), [10, 40, 5, 30, double.NaN]);
        Assert.That(Names(), Is.EqualTo(new[] { "best", "checkpoint-2", "last" }));
        Assert.That(WeightOf("best"), Is.EqualTo(2));
    }

    [Test]
    public void AHistoryOfZeroKeepsOnlyLastAndBest()
    {
        Run(new CheckpointFolder(folder.Path, EvalMetric.Top1, 0, [], []), [1, 2, 3]);
        Assert.That(Names(), Is.EqualTo(new[] { "best", "last" }));
    }

    /// <summary>Defect 9 of the reference: the first epoch after a resume overwrote the best one, however bad it was.</summary>
    [Test]
    public void TheBestEpochSurvivesAResume()
    {
        var checkpoints = new CheckpointFolder(folder.Path, EvalMetric.Top1, 2, [], []);
        var epochs = Run(checkpoints, [90, 50]);
        using (var last = CheckpointFiles.OpenForResume(folder["last"]))
            checkpoints = new CheckpointFolder(folder.Path, EvalMetric.Top1, 2, last.State.Epochs, last.State.Kept);
        Run(checkpoints, [60], epochs);
        Assert.That(WeightOf("best"), Is.EqualTo(0));
        Assert.That(Names(), Is.EqualTo(new[] { "best", "checkpoint-0", "checkpoint-2", "last" }));
    }

    [Test]
    public void TheTwoNewestRecoveriesAreKeptAlsoAcrossAResume()
    {
        for (int run = 0; run < 2; run++)
        {
            var checkpoints = new CheckpointFolder(folder.Path, EvalMetric.Top1, 2, [], []);
            for (int i = 1; i <= 3; i++)
                checkpoints.Recover(run, i * 10, (path, _) => CheckpointSamples.Save(path, CheckpointSamples.State(run, 1, i), i));
            Assert.That(Names(), Is.EqualTo(new[] { $"recovery-{run}-20", $"recovery-{run}-30" }));
        }
    }

    /// <summary>When the disk is full at <c>last</c>, the old one is whole and nothing of the history has been removed.</summary>
    [Test]
    public void NothingIsRemovedBeforeLastIsWritten()
    {
        var checkpoints = new CheckpointFolder(folder.Path, EvalMetric.Top1, 1, [], []);
        var epochs = Run(checkpoints, [10]);
        epochs.Add(CheckpointSamples.Epoch(1, 20));
        Assert.That(() => checkpoints.EpochEnded(epochs, (path, kept) =>
        {
            if (path.Contains("last", StringComparison.Ordinal))
                throw new IOException("No space left on device");
            CheckpointSamples.Save(path, CheckpointSamples.State(2, 0, 2), 1);
        }), Throws.InstanceOf<IOException>());
        Assert.That(Names(), Does.Contain("checkpoint-0"));
        Assert.That(WeightOf("last"), Is.EqualTo(0));
    }

    /// <summary>The newest valid one of last and recoveries, and a line for each that is passed over.</summary>
    [Test]
    public void TheNewestValidCheckpointIsFoundAndTheOthersReported()
    {
        CheckpointSamples.Save(folder["last.safetensors"], CheckpointSamples.State(1, 0, 10), 1);
        CheckpointSamples.Save(folder["recovery-1-15.safetensors"], CheckpointSamples.State(1, 5, 15), 2);
        CheckpointSamples.Save(folder["recovery-1-20.safetensors"], CheckpointSamples.State(1, 10, 20), 3);
        Assert.That(Newest(), Is.EqualTo((3f, 0)));
        Flip("recovery-1-20.safetensors");
        Assert.That(Newest(), Is.EqualTo((2f, 1)));
        File.WriteAllBytes(folder["recovery-1-15.state.safetensors"], [1, 2, 3]);
        Assert.That(Newest(), Is.EqualTo((1f, 2)));
        File.Delete(folder["last.safetensors"]);
        Assert.That(() => Newest(), Throws.InstanceOf<CheckpointException>().With.Message.Contains("none of its 3"));

        (float, int) Newest()
        {
            var lines = new List<string>();
            using var checkpoint = CheckpointFolder.FindNewest(folder.Path, lines.Add);
            return (CheckpointSamples.Weight(checkpoint!), lines.Count);
        }

        void Flip(string name)
        {
            byte[] bytes = File.ReadAllBytes(folder[name]);
            bytes[^1] ^= 1;
            File.WriteAllBytes(folder[name], bytes);
        }
    }

    /// <summary>A recovery of a run that was abandoned is older, however many updates it had made.</summary>
    [Test]
    public void NewestMeansWrittenLastNotTrainedLongest()
    {
        var now = DateTimeOffset.UtcNow;
        CheckpointSamples.Save(folder["recovery-9-900.safetensors"], CheckpointSamples.State(9, 1, 900, now.AddHours(-1)), 9);
        CheckpointSamples.Save(folder["last.safetensors"], CheckpointSamples.State(2, 0, 20, now), 2);
        using var checkpoint = CheckpointFolder.FindNewest(folder.Path, Assert.Fail);
        Assert.That(CheckpointSamples.Weight(checkpoint!), Is.EqualTo(2));
    }

    [Test]
    public void AnEmptyOrMissingFolderHasNoCheckpoint()
    {
        Assert.That(CheckpointFolder.FindNewest(folder.Path, Assert.Fail), Is.Null);
        Assert.That(CheckpointFolder.FindNewest(folder["missing"], Assert.Fail), Is.Null);
    }
}
