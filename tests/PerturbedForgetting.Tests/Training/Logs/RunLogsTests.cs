using System.Text;
using System.Text.Json.Nodes;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Training;

/// <summary>Event files and lines of JSON: what they hold, and what becomes of them where a run is continued.</summary>
[TestFixture]
sealed class RunLogsTests : TempFolderFixture
{
    static TrainOptions Options(string output, string experiment = "run") => ShortRun.Options(output, experiment) with
    {
        Opt = OptimizerName.Parse("sam_sgdw"),
        Rho = 0.05,
        SharpnessM = 4,
        LogInterval = 2,
        LogJson = true,
        LogTensorboard = true,
    };

    TempFolder shared = null!;
    TrainResult whole = null!;
    readonly RecordingObserver observer = new();

    /// <summary>The run that nobody stops.</summary>
    [OneTimeSetUp]
    public void Train()
    {
        shared = new TempFolder();
        whole = ShortRun.Train(Options(shared.Path), observer);
    }

    [OneTimeTearDown]
    public void RemoveShared() => shared.Dispose();

    string Run => folder["run"];

    static string[] EventFiles(string run) => [.. Directory.GetFiles(run, "events.out.tfevents.*").Order(StringComparer.Ordinal)];

    static List<JsonObject> Lines(string run) =>
        [.. File.ReadLines(Path.Combine(run, "log.jsonl")).Select(static l => JsonNode.Parse(l)!.AsObject())];

    static List<EventRecord> Events(string run) => [.. EventFiles(run).SelectMany(EventFileReader.Read)];

    IEnumerable<JsonObject> Of(string kind) => OfKind(Lines(Run), kind);

    static IEnumerable<JsonObject> OfKind(IEnumerable<JsonObject> lines, string kind) => lines.Where(l => (string?)l["kind"] == kind);

    [Test]
    public void BothLogsHaveTheNumbersOfTheRun()
    {
        var (lines, events) = (Lines(whole.Folder), Events(whole.Folder));
        Assert.That(lines.Select(static l => (string?)l["kind"]), Is.EqualTo(
            new[] { "run", "update", "update", "epoch", "update", "update", "epoch", "end" }));
        Assert.That((string?)lines[^1]["status"], Is.EqualTo("completed"));
        Assert.That((string?)lines[0]["options"]!["opt"], Is.EqualTo("sam_sgdw"));
        var updates = OfKind(lines, "update").ToArray();
        Assert.That(updates.Select(static l => (int)l["step"]!), Is.EqualTo(new[] { 2, 4, 6, 8 }));
        Assert.That(updates.Select(static l => (double)l["epochs_done"]!), Is.EqualTo(new[] { 0.5, 1, 1.5, 2 }));
        foreach (var (line, update) in updates.Zip(observer.Updates.Where(static u => u.Update % 2 == 0)))
        {
            Assert.That((double)line["lr"]!, Is.EqualTo(update.LearningRate));
            Assert.That((double)line["rho"]!, Is.EqualTo(0.05));
            Assert.That((double)line["gradient_norm"]!, Is.EqualTo(update.GradientNorm));
            Assert.That((double)line["perturbation_norm"]!, Is.EqualTo(0.05).Within(1e-6));
            Assert.That((double)line["cosine"]!, Is.InRange(0.5, 1), "two gradients of one loss, a short way apart");
            Assert.That((double)line["direction_norm"]!, Is.GreaterThan(0));
            Assert.That((double)line["weight_norm"]!, Is.GreaterThan(1));
            Assert.That((double)line["images_per_second"]!, Is.GreaterThan(0));
        }
        foreach (var (line, epoch) in OfKind(lines, "epoch").Zip(whole.Epochs))
        {
            Assert.That((double)line["train_mean_loss"]!, Is.EqualTo(epoch.Train.MeanLoss));
            Assert.That((double)line["eval_top1"]!, Is.EqualTo(epoch.Validation.Top1));
        }
        // The last update's mean so far is that of the epoch.
        Assert.That((double)updates[1]["mean_loss"]!, Is.EqualTo(whole.Epochs[0].Train.MeanLoss));

        var scalars = events.Where(static e => e.Scalars.Count > 0).ToArray();
        Assert.That(scalars.Select(static e => e.Step), Is.EqualTo(new[] { 2, 4, 4, 6, 8, 8 }));
        foreach (var (record, line) in scalars.Zip(lines.Where(static l => (string?)l["kind"] is "update" or "epoch")))
        {
            bool isUpdate = (string?)line["kind"] == "update";
            foreach (var (name, value) in line.Where(static n => n.Key is not ("kind" or "time" or "step" or "epoch" or "epochs_done")))
            {
                string tag = isUpdate ? $"train/{name}" : name.StartsWith("eval_") ? $"eval/{name[5..]}" : $"epoch/{name}";
                Assert.That(record.Scalars[tag], Is.EqualTo((float)(double)value!), tag);
            }
            Assert.That(record.Time, Is.EqualTo(((DateTimeOffset)line["time"]!.GetValue<DateTime>()).ToUnixTimeMilliseconds() / 1e3)
                .Within(1e-3 + 1e-6), "one moment, which JSON rounds");
            if (isUpdate)
                Assert.That(record.Scalars["epoch"], Is.EqualTo((float)(double)line["epochs_done"]!));
        }
    }

    [Test]
    public void EventFilesHaveTheOptionsAsTextAndAsHyperparameters()
    {
        var plugins = Events(whole.Folder).SelectMany(static e => e.Plugins).ToDictionary();
        Assert.That(plugins["options"].Name, Is.EqualTo("text"));
        Assert.That(plugins["options"].Text, Does.StartWith("```json\n").And.EndWith("```").And.Contain("\"rho\": 0.05"));
        var session = EventFileReader.Only(plugins["_hparams_/session_start_info"].Content, 3);
        var values = new Dictionary<string, (int Field, ulong Number, byte[] Bytes)>();
        foreach (var (_, _, entry) in EventFileReader.Message(session).Where(static f => f.Field == 1))
        {
            var pair = EventFileReader.Message(entry).ToArray();
            values.Add(Encoding.UTF8.GetString(pair[0].Bytes), EventFileReader.Message(pair[1].Bytes).Single());
        }
        Assert.That((values["rho"].Field, BitConverter.UInt64BitsToDouble(values["rho"].Number)), Is.EqualTo((2, 0.05)));
        Assert.That((values["epochs"].Field, BitConverter.UInt64BitsToDouble(values["epochs"].Number)), Is.EqualTo((2, 2)));
        Assert.That((values["adaptive-sam"].Field, values["adaptive-sam"].Number), Is.EqualTo((4, 0)));
        Assert.That((values["opt"].Field, Encoding.UTF8.GetString(values["opt"].Bytes)), Is.EqualTo((3, "sam_sgdw")));
        Assert.That(values.Keys, Has.None.EqualTo("clip-grad").And.None.EqualTo("output"), "not set, and no part of the experiment");
        var end = EventFileReader.Message(EventFileReader.Only(plugins["_hparams_/session_end_info"].Content, 4)).First();
        Assert.That((end.Field, end.Number), Is.EqualTo((1, 1)), "success");
    }

    /// <summary>Whoever logs trains the same, and a run without a perturbation has no numbers of one.</summary>
    [Test]
    public void LogsChangeNothing()
    {
        string silent = ShortRun.Train(Options(folder.Path, "silent") with { LogJson = false, LogTensorboard = false }).Folder;
        Assert.That(ShortRun.Hash(Path.Combine(whole.Folder, "last")), Is.EqualTo(ShortRun.Hash(Path.Combine(silent, "last"))));
        Assert.That(EventFiles(silent), Is.Empty);
        Assert.That(File.Exists(Path.Combine(silent, "log.jsonl")), Is.False);
        Assert.That(File.ReadLines(Path.Combine(whole.Folder, "summary.csv")).First(), Does.Not.Contain("norm"));
        string plain = ShortRun.Train(Options(folder.Path) with { Opt = OptimizerName.Parse("sgdw"), Epochs = 1, LogTensorboard = false })
            .Folder;
        var update = OfKind(Lines(plain), "update").First();
        Assert.That(update.Select(static n => n.Key), Has.None.EqualTo("cosine").And.None.EqualTo("direction_norm"));
        Assert.That((double)update["gradient_norm"]!, Is.GreaterThan(0));
    }

    /// <summary>From wherever a run goes on, its logs end as those of a run that was never stopped, but for the times.</summary>
    [Test]
    public void AContinuedRunHasEachNumberOnce()
    {
        var options = Options(folder.Path) with { RecoveryInterval = 2 };
        string stopped = ShortRun.Train(options, stopAfter: 12).Folder;
        foreach (var (checkpoint, restart, why) in new (string, int?, string)[]
        {
            ("recovery-0-2", 3, "what came later is trained again"),
            ("checkpoint-0", 5, "an epoch's end"),
            ("last", null, "where it was stopped, within a window"),
        })
        {
            string copy = folder[checkpoint];
            RunFiles.Copy(stopped, copy);
            string first = EventFiles(copy).Single();
            ShortRun.Train(options with { Experiment = checkpoint, Resume = Path.Combine(copy, checkpoint + ".safetensors") });
            Assert.That(EventFiles(copy), Has.Length.EqualTo(2), "a start has a file");
            Assert.That(EventFiles(copy)[0], Is.EqualTo(first));
            Assert.That(Numbers(Lines(copy)), Is.EqualTo(Numbers(Lines(whole.Folder))), why);
            Assert.That(Numbers(Events(copy)), Is.EqualTo(Numbers(Events(whole.Folder))), why);
            Assert.That(OfKind(Lines(copy), "run").Select(static l => (bool)l["continued"]!), Is.EqualTo(new[] { false, true }));
            Assert.That(OfKind(Lines(copy), "end"), Has.Exactly(1).Items, "that of the interruption is gone");
            // A program that had read on in the first file is told what to forget.
            var second = EventFileReader.Read(EventFiles(copy)[1])[1];
            Assert.That(second.Restart ? (long?)second.Step : null, Is.EqualTo(restart));
        }
    }

    /// <summary>A run may be logged from some start on, or until one.</summary>
    [Test]
    public void LogsCanBeSwitchedWhereARunIsContinued()
    {
        var options = Options(folder.Path);
        ShortRun.Train(options with { LogTensorboard = false }, stopAfter: 5);
        ShortRun.Train(options with { Resume = "auto", LogJson = false }, stopAfter: 4);
        Assert.That(Of("update").Select(static l => (int)l["step"]!), Is.EqualTo(new[] { 2 }));
        ShortRun.Train(options with { Resume = "auto" });
        Assert.That(Of("update").Select(static l => (int)l["step"]!), Is.EqualTo(new[] { 2, 6, 8 }));
        Assert.That(Events(Run).Where(static e => e.Scalars.Count > 0).Select(static e => e.Step), Is.EqualTo(new[] { 4, 4, 6, 8, 8 }));
    }

    /// <summary>What a run left that never reached a checkpoint is not the next one's; other files are nobody's business.</summary>
    [Test]
    public void ARunThatBeginsAnewLeavesNothingOfADeadOne()
    {
        Directory.CreateDirectory(folder["run"]);
        File.WriteAllText(folder["run/log.jsonl"], "{\"kind\":\"update\",\"step\":2}\n{\"kind\":\"up");
        File.WriteAllText(folder["run/events.out.tfevents.1700000000.host.1.pf"], "rubbish");
        File.WriteAllText(folder["run/events.out.tfevents.1700000000.other"], "of another program");
        ShortRun.Train(Options(folder.Path) with { Epochs = 1 });
        Assert.That(Lines(Run).Select(static l => (string?)l["kind"]), Is.EqualTo(new[] { "run", "update", "update", "epoch", "end" }));
        Assert.That(Directory.GetFiles(folder["run"], "events.*"), Has.Length.EqualTo(2));
        Assert.That(File.ReadAllText(folder["run/events.out.tfevents.1700000000.other"]), Is.EqualTo("of another program"));
        Assert.That(EventFileReader.Read(Directory.GetFiles(folder["run"], "events.*.pf").Single()), Is.Not.Empty);
    }

    /// <summary>Logs that a machine lost in part, or that somebody removed, keep no run from going on.</summary>
    [Test]
    public void LostLogsAreNoObstacle()
    {
        var options = Options(folder.Path);
        ShortRun.Train(options, stopAfter: 7);
        string log = folder[Path.Combine("run", "log.jsonl")];
        string[] before = File.ReadAllLines(log);
        File.WriteAllText(log, string.Join('\n', before[..2]) + '\n' + before[2][..10]);
        File.Delete(EventFiles(Run).Single());
        ShortRun.Train(options with { Resume = "auto" });
        Assert.That(Lines(Run).Select(static l => (string?)l["kind"]), Is.EqualTo(
            new[] { "run", "update", "run", "epoch", "update", "update", "epoch", "end" }));
        Assert.That(Events(Run).Where(static e => e.Scalars.Count > 0).Select(static e => e.Step), Is.EqualTo(new[] { 4, 6, 8, 8 }));
    }

    [Test]
    public void ARunThatFailsSaysSo()
    {
        Assert.That(() => ShortRun.Train(Options(folder.Path) with { Lr = 1e30, WarmupEpochs = 0, GradAccumSteps = 1 }),
            Throws.InstanceOf<NotFiniteException>());
        Assert.That((string?)Lines(Run)[^1]["status"], Is.EqualTo("failed"));
        var last = Events(Run)[^1].Plugins["_hparams_/session_end_info"];
        Assert.That(EventFileReader.Message(EventFileReader.Only(last.Content, 4)).First().Number, Is.EqualTo(2), "failure");
    }

    /// <summary>Losses that are not finite are null in JSON, and what they are in an event file.</summary>
    [Test]
    public void NumbersThatAreNotFiniteAreLogged()
    {
        try
        {
            ShortRun.Train(Options(folder.Path) with
            {
                Lr = 1e30,
                WarmupEpochs = 0,
                GradAccumSteps = 1,
                LogInterval = 1,
                OnNan = NotFiniteAction.Skip
            });
        }
        catch (NotFiniteException)
        {
        }
        var bad = Of("update").First(static l => l["loss"] is null);
        var same = Events(Run).First(e => e.Scalars.Count > 0 && e.Step == (int)bad["step"]!);
        Assert.That(float.IsFinite(same.Scalars["train/loss"]), Is.False);
        Assert.That((int)Of("update").Last()["skipped_updates"]!, Is.GreaterThan(0));
    }

    [Test]
    public void WandbGetsEventFilesAndACommand()
    {
        var told = new RecordingObserver();
        ShortRun.Train(Options(folder.Path, "a b#1") with { LogJson = false, LogTensorboard = false, LogWandb = true, Epochs = 1 }, told);
        Assert.That(EventFiles(folder["a b#1"]), Has.Length.EqualTo(1));
        Assert.That(told.Messages, Has.Exactly(2).Contains(
            $"wandb sync --sync-tensorboard --project perturbed-forgetting --id \"a-b-1\" \"{folder["a b#1"]}\""));
    }

    /// <summary>Lines without what differs from one run to the next.</summary>
    static string[] Numbers(IEnumerable<JsonObject> lines) => [.. lines.Where(static l => (string?)l["kind"] is "update" or "epoch")
        .Select(static l => string.Join(' ', l.Where(static n => !IsTime(n.Key)).Select(static n => $"{n.Key}={n.Value}")))];

    static string[] Numbers(IEnumerable<EventRecord> events) => [.. events.Where(static e => e.Scalars.Count > 0)
        .Select(static e => $"{e.Step}: " + string.Join(' ', e.Scalars.Where(static s => !IsTime(s.Key))
            .Select(static s => $"{s.Key}={s.Value:R}")))];

    static bool IsTime(string name) => name.Contains("second") || name.Contains("time") || name.Contains("memory")
        || name.Contains("data_share");
}
