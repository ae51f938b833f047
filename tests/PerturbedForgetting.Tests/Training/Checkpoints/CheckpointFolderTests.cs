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

    CheckpointFolder Folder(EvalMetric metric, int history, ResumableCheckpoint? from = null) => new(folder.Path, metric, history, new()
    {
        Run = "run",
        Epoch = from?.State.Epoch ?? 0,
        Batch = from?.State.Batch ?? 0,
        Epochs = from?.State.Epochs ?? [],
        Kept = from?.State.Kept ?? [],
        Source = from?.Path,
    });

    float WeightOf(string name)
    {
        using var checkpoint = CheckpointFiles.OpenForResume(folder[name]);
        return CheckpointSamples.Weight(checkpoint);
    }

    [Test]
    public void TheNBestEpochsAreKeptBesideLastAndBest()
    {
        Run(Folder(EvalMetric.Top1, 2), [10, 40, 20, 30, 40]);
        Assert.That(Names(), Is.EqualTo(new[] { "best", "checkpoint-1", "checkpoint-4", "last" }));
        Assert.That((WeightOf("best"), WeightOf("last")), Is.EqualTo((1f, 4f)), "of equals the earlier is the best");
    }

    [Test]
    public void ForTheLossLowerIsBetter()
    {
        Run(Folder(EvalMetric.Loss, 1), [10, 40, 5, 30, double.NaN]);
        Assert.That(Names(), Is.EqualTo(new[] { "best", "checkpoint-2", "last" }));
        Assert.That(WeightOf("best"), Is.EqualTo(2));
    }

    [Test]
    public void AHistoryOfZeroKeepsOnlyLastAndBest()
    {
        Run(Folder(EvalMetric.Top1, 0), [1, 2, 3]);
        Assert.That(Names(), Is.EqualTo(new[] { "best", "last" }));
    }

    /// <summary>Defect 9 of the reference: the first epoch after a resume overwrote the best one, however bad it was.</summary>
    [Test]
    public void TheBestEpochSurvivesAResume()
    {
        var checkpoints = Folder(EvalMetric.Top1, 2);
        var epochs = Run(checkpoints, [90, 50]);
        using (var last = CheckpointFiles.OpenForResume(folder["last"]))
            checkpoints = Folder(EvalMetric.Top1, 2, last);
        Run(checkpoints, [60], epochs);
        Assert.That(WeightOf("best"), Is.EqualTo(0));
        Assert.That(Names(), Is.EqualTo(new[] { "best", "checkpoint-0", "checkpoint-2", "last" }));
    }

    [Test]
    public void TheTwoNewestRecoveriesAreKeptAlsoAcrossAResume()
    {
        for (int run = 0; run < 2; run++)
        {
            var checkpoints = Folder(EvalMetric.Top1, 2);
            for (int i = 1; i <= 3; i++)
                checkpoints.Recover(run, i * 10, (path, _) => CheckpointSamples.Save(path, CheckpointSamples.State(run, 1, i), i));
            Assert.That(Names(), Is.EqualTo(new[] { $"recovery-{run}-20", $"recovery-{run}-30" }));
        }
    }

    /// <summary>When the disk is full at <c>last</c>, the old one is whole and nothing of the history has been removed.</summary>
    [Test]
    public void NothingIsRemovedBeforeLastIsWritten()
    {
        var checkpoints = Folder(EvalMetric.Top1, 1);
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

    /// <summary>A clock that was set back decides nothing, nor does a recovery of a run that was in the folder before.</summary>
    [Test]
    public void NewestMeansFurthestInTheRunOfLast()
    {
        var now = DateTimeOffset.UtcNow;
        Save("last", CheckpointSamples.State(2, 0, 20, now), 1);
        Save("recovery-2-5", CheckpointSamples.State(2, 5, 25, now.AddHours(-1)), 2);
        Save("recovery-9-900", CheckpointSamples.State(9, 1, 900, now.AddHours(1)) with { Run = "older" }, 3);
        Assert.That(Newest(1), Is.EqualTo(2));
        Save("last", CheckpointSamples.State(1, 3, 13, now.AddHours(-2)) with { Restarts = 1 }, 4);
        Assert.That(Newest(0), Is.EqualTo(4), "the run was continued from an earlier epoch");
        CheckpointFiles.Delete(folder["last"]);
        Assert.That(Newest(0), Is.EqualTo(3), "without last the run that was written to latest");

        void Save(string name, TrainingState state, float weight) => CheckpointSamples.Save(folder[name], state, weight);

        float Newest(int others)
        {
            var lines = new List<string>();
            using var checkpoint = CheckpointFolder.FindNewest(folder.Path, lines.Add);
            Assert.That(lines.Count(l => l.Contains("another run", StringComparison.Ordinal)), Is.EqualTo(others));
            return CheckpointSamples.Weight(checkpoint!);
        }
    }

    /// <summary>Where <c>last</c> and the recoveries are gone, the history is still better than nothing.</summary>
    [Test]
    public void ABestEpochIsFoundWhereNothingNewerIs()
    {
        CheckpointSamples.Save(folder["best"], CheckpointSamples.State(2, 0, 20), 2);
        CheckpointSamples.Save(folder["checkpoint-2"], CheckpointSamples.State(3, 0, 30), 3);
        using var checkpoint = CheckpointFolder.FindNewest(folder.Path, Assert.Fail);
        Assert.That(CheckpointSamples.Weight(checkpoint!), Is.EqualTo(3));
    }

    [Test]
    public void AnEmptyOrMissingFolderHasNoCheckpoint()
    {
        Assert.That(CheckpointFolder.FindNewest(folder.Path, Assert.Fail), Is.Null);
        Assert.That(CheckpointFolder.FindNewest(folder["missing"], Assert.Fail), Is.Null);
    }
}
