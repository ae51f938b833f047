using PerturbedForgetting.Tests.Vision;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Training;

/// <summary>Runs that end because of something else than their training: what is done is kept.</summary>
[TestFixture]
sealed class EndedRunTests : TempFolderFixture
{
    string Run(string file) => folder[Path.Combine("run", file)];

    [Test]
    public void ABadImageCostsNothingOfTheEpoch()
    {
        var options = ShortRun.Options(folder.Path) with { Dataset = "", DataDir = folder["data"], BatchSize = 2, GradAccumSteps = 3 };
        foreach (string split in (string[])["train", "val"])
            foreach (string name in (string[])["a", "b"])
            {
                Directory.CreateDirectory(folder[Path.Combine("data", split, name)]);
                for (int i = 0; i < 7; i++)
                    File.WriteAllBytes(folder[Path.Combine("data", split, name, $"{i}.png")], TestImages.Png(16, 16, i + name[0]));
            }
        string whole = ShortRun.Hash(Path.Combine(ShortRun.Train(options with { Experiment = "whole" }).Folder, "last"));
        string bad = folder[Path.Combine("data", "train", "b", "1.png")];
        byte[] good = File.ReadAllBytes(bad);
        File.WriteAllBytes(bad, good[..20]);
        var observer = new RecordingObserver();
        Assert.That(() => ShortRun.Train(options, observer), Throws.InstanceOf<ImageDecodeException>());
        Assert.That(observer.Messages, Has.Some.StartsWith("Stopped in epoch").And.Contain("--resume"));
        File.WriteAllBytes(bad, good);
        ShortRun.Train(options with { Resume = "auto" }, observer = new());
        Assert.That(observer.Messages, Has.Some.Match("Continuing from .*: epoch 1, batch 5 of 7"));
        Assert.That(ShortRun.Hash(Run("last")), Is.EqualTo(whole));
    }

    /// <summary>The disk of the log is full, that of the checkpoints is not.</summary>
    [TestCase(1)]
    [TestCase(4)]
    [TestCase(6)]
    public void ALogThatCannotBeWrittenCostsNothingOfTheEpoch(int update)
    {
        string whole = ShortRun.Hash(Path.Combine(ShortRun.Train(ShortRun.Options(folder.Path, "whole")).Folder, "last"));
        int updates = 0;
        var observer = new RecordingObserver
        {
            OnUpdate = _ =>
            {
                if (++updates == update)
                    throw new IOException("No space left on device");
            }
        };
        Assert.That(() => ShortRun.Train(ShortRun.Options(folder.Path), observer),
            Throws.InstanceOf<IOException>().With.Message.Contains("No space"));
        ShortRun.Train(ShortRun.Options(folder.Path) with { Resume = "auto" }, observer = new());
        Assert.That(observer.Updates, Has.Count.EqualTo(8 - update));
        Assert.That(ShortRun.Hash(Run("last")), Is.EqualTo(whole));
    }

    /// <summary>Somebody removes the folder in the second epoch: the run says so and leaves a whole folder.</summary>
    [Test]
    public void AFolderThatIsRemovedIsMadeAnew()
    {
        var observer = new RecordingObserver
        {
            OnUpdate = update =>
            {
                if (update is { Epoch: 1, Update: 2 })
                    Directory.Delete(folder["run"], recursive: true);
            }
        };
        ShortRun.Train(ShortRun.Options(folder.Path), observer);
        Assert.That(observer.Messages, Has.Exactly(1).Contain("was removed"));
        Assert.That(Directory.GetFiles(folder["run"]).Select(Path.GetFileName), Is.SupersetOf(new[] { "args.json", "best.safetensors",
            "last.safetensors", "checkpoint-1.safetensors", "summary.csv", "results.json", "curves.png" }));
        Assert.That(ShortRun.Train(ShortRun.Options(folder.Path) with { Resume = "auto" }).Epochs, Has.Count.EqualTo(2));
    }

    /// <summary>Where every update of an epoch is left out nothing is learnt, and the run ends instead of looking finished.</summary>
    [Test]
    public void AnEpochOfWhichEveryUpdateIsSkippedEndsTheRun()
    {
        var options = ShortRun.Options(folder.Path) with { OnNan = NotFiniteAction.Skip, Lr = 1e38, WarmupEpochs = 0, Epochs = 3 };
        var observer = new RecordingObserver();
        Assert.That(() => ShortRun.Train(options, observer),
            Throws.InstanceOf<NotFiniteException>().With.Message.Contains("every update of epoch").And.Message.Contains("--lr"));
        Assert.That(observer.Epochs, Has.Count.LessThan(3));
    }

    [Test]
    public void TwoRunsInOneFolderAreRefusedAndTheFirstIsUnharmed()
    {
        Exception? second = null;
        var observer = new RecordingObserver
        {
            OnUpdate = update =>
            {
                if (update.Update == 1)
                    second = Assert.Catch(() =>
                        ShortRun.Train(ShortRun.Options(folder.Path) with { Resume = update.Epoch == 0 ? "" : "auto" }));
            }
        };
        ShortRun.Train(ShortRun.Options(folder.Path), observer);
        Assert.That(second!.Message, Does.Contain("another run trains in this folder"));
        Assert.That(ShortRun.Hash(Run("last")),
            Is.EqualTo(ShortRun.Hash(Path.Combine(ShortRun.Train(ShortRun.Options(folder.Path, "alone")).Folder, "last"))));
    }
}
