using System.Globalization;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Runs;

namespace PerturbedForgetting.Tests.Training.Forgetting;

/// <summary>Studies of three short runs.</summary>
[TestFixture]
sealed class ForgettingStudyTests
{
    const int Classes = 10;

    TempFolder folder = null!;
    int studies;

    [OneTimeSetUp]
    public void TrainRuns()
    {
        folder = new TempFolder();
        for (int i = 0; i < 3; i++)
            ShortRun.Train(ShortRun.Options(folder["runs"], $"run-{i}") with { Seed = i, Smoothing = 0.1, CheckpointHist = 2 });
    }

    [OneTimeTearDown]
    public void RemoveFolder() => folder.Dispose();

    string RunFolder(int i) => folder[$"runs/run-{i}"];

    ForgettingOptions Options(params string[] targets) => new()
    {
        Targets = targets,
        Perturb = "maximize,rand",
        Rho = [0.5],
        SharpnessM = [8],
        Perturbations = 2,
        Images = 16,
        BatchSize = 8,
        Workers = 0,
        Device = "cpu",
        Out = folder[$"out-{++studies}"],
    };

    static string[][] Rows(string path) => [.. File.ReadAllLines(path).Select(static l => l.Split(','))];

    static string Value(string[][] rows, int row, string column) => rows[row][Array.IndexOf(rows[0], column)];

    static double Number(string[][] rows, int row, string column) =>
        double.Parse(Value(rows, row, column), CultureInfo.InvariantCulture);

    [Test]
    public void EveryPerturbationIsMeasuredOnEverySetOfImages()
    {
        var options = Options(RunFolder(0)) with { Perturb = "maximize,obf,obf-softmax,rand", Rho = [0, 0.5], ObfGamma = [0.7] };
        string text = ForgettingStudy.Run(options, new RecordingObserver(), CancellationToken.None);
        string[][] rows = Rows(Path.Combine(options.Out, "forgetting.csv"));
        Assert.That(rows, Has.Length.EqualTo(1 + 4 * 2 * 3));
        Assert.That(rows.Select(static r => r.Length).Distinct().Count(), Is.EqualTo(1));
        for (int r = 1; r < rows.Length; r++)
        {
            Assert.That(Value(rows, r, "set"), Is.EqualTo(new[] { "own", "train", "held_out" }[(r - 1) % 3]));
            Assert.That(Value(rows, r, "epoch"), Is.EqualTo("2"));
            bool isStill = Value(rows, r, "rho") == "0";
            Assert.That(Number(rows, r, "norm"), Is.EqualTo(isStill ? 0 : 0.5).Within(1e-5));
            foreach (string measure in new[] { "loss", "confidence", "kl_uniform", "tv_labels" })
            {
                double change = Number(rows, r, $"{measure}_change");
                Assert.That(change, Is.EqualTo(Number(rows, r, $"{measure}_after") - Number(rows, r, $"{measure}_before")).Within(1e-9));
                if (isStill)
                    Assert.That(change, Is.Zero);
            }
            if (isStill)
                Assert.That(Number(rows, r, "agreement"), Is.EqualTo(100));
        }
        // The loss of the images that it is made from rises along its gradient.
        int own = Enumerable.Range(1, rows.Length - 1)
            .First(r => Value(rows, r, "perturbation") == "maximize" && Value(rows, r, "rho") == "0.5");
        Assert.That(Number(rows, own, "loss_change"), Is.Positive);

        string[][] classes = Rows(Path.Combine(options.Out, "classes.csv"));
        Assert.That(classes, Has.Length.EqualTo(1 + 4 * 2 * 2 * Classes));
        foreach (string column in new[] { "label_share", "mean_before", "mean_after", "predicted_before", "predicted_after" })
            Assert.That(Enumerable.Range(1, Classes).Sum(r => Number(classes, r, column)), Is.EqualTo(1).Within(1e-9), column);
        Assert.That(Directory.GetFiles(Path.Combine(options.Out, "plots")).Select(Path.GetFileName).Order(),
            Is.EqualTo(new[] { "classes-run-0-last.png", "rho-run-0-last.png" }));
        Assert.That(File.Exists(Path.Combine(options.Out, "correlations.csv")), Is.False);
        Assert.That(text, Does.Contain("obf-softmax m 8 gamma 0.7 C 10, rho 0.5").And.Contain("run-0, last (epoch 2)"));
    }

    /// <summary>The loss at the weights is that of the run: all validation images, its label smoothing left in.</summary>
    [Test]
    public void WhatIsMeasuredBeforeIsWhatTheRunMeasured()
    {
        var options = Options(RunFolder(0)) with { Images = 0, Perturb = "rand" };
        ForgettingStudy.Run(options, new RecordingObserver(), CancellationToken.None);
        string[][] rows = Rows(Path.Combine(options.Out, "forgetting.csv"));
        var run = RunRecord.Read(RunFolder(0));
        Assert.That(Number(rows, 3, "images"), Is.EqualTo(20));
        Assert.That(Number(rows, 3, "top1_before"), Is.EqualTo(run.Last!.Validation.Top1).Within(1e-9));
        Assert.That(Number(rows, 3, "loss_before"), Is.Not.EqualTo(run.Last.Validation.Loss).Within(1e-5), "smoothed");
        options = Options(RunFolder(0)) with { Images = 0, Perturb = "rand", Smoothing = 0 };
        ForgettingStudy.Run(options, new RecordingObserver(), CancellationToken.None,
            new HashSet<OptionSpec> { RunOptions.SmoothingOption });
        rows = Rows(Path.Combine(options.Out, "forgetting.csv"));
        // Float32 logits of the same images in other batches.
        Assert.That(Number(rows, 3, "loss_before"), Is.EqualTo(run.Last.Validation.Loss).Within(1e-5));
    }

    [Test]
    public void AStudyGoesOnAndALargerGridUsesWhatIsThere()
    {
        var options = Options(RunFolder(0));
        using var source = new CancellationTokenSource();
        var stopped = new RecordingObserver
        {
            OnMessage = text =>
            {
                if (text.Contains("1 of 2", StringComparison.Ordinal))
                    source.Cancel();
            }
        };
        Assert.That(() => ForgettingStudy.Run(options, stopped, source.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Rows(Path.Combine(options.Out, "forgetting.csv")), Has.Length.EqualTo(1 + 3), "what was measured");
        Assert.That(stopped.Messages[^1], Does.Contain("goes on"));

        var second = new RecordingObserver();
        ForgettingStudy.Run(options, second, CancellationToken.None);
        Assert.That(Measured(second), Is.EqualTo(1));
        string[] whole = File.ReadAllLines(Path.Combine(options.Out, "forgetting.csv"));
        Assert.That(whole, Has.Length.EqualTo(1 + 2 * 3));

        // The same from the start, elsewhere.
        var fresh = options with { Out = folder["fresh"] };
        ForgettingStudy.Run(fresh, new RecordingObserver(), CancellationToken.None);
        Assert.That(File.ReadAllLines(Path.Combine(fresh.Out, "forgetting.csv")), Is.EqualTo(whole));

        var larger = new RecordingObserver();
        ForgettingStudy.Run(options with { Rho = [0.5, 1] }, larger, CancellationToken.None);
        Assert.That(Measured(larger), Is.EqualTo(2));

        // A result that was cut off is measured again; so is one that says something else than its name.
        string[] cells = Directory.GetFiles(Path.Combine(options.Out, "cells"));
        Assert.That(cells, Has.Length.EqualTo(4));
        File.WriteAllText(cells[0], File.ReadAllText(cells[0])[..100]);
        File.Copy(cells[2], cells[1], overwrite: true);
        File.WriteAllText(cells[3], File.ReadAllText(cells[3]).Replace("\"norms\":[", "\"norms\":[1,", StringComparison.Ordinal));
        var repaired = new RecordingObserver();
        ForgettingStudy.Run(options with { Rho = [0.5, 1] }, repaired, CancellationToken.None);
        Assert.That(Measured(repaired), Is.EqualTo(3));

        var others = new RecordingObserver();
        ForgettingStudy.Run(options with { SampleSeed = 7 }, others, CancellationToken.None);
        Assert.That(Measured(others), Is.EqualTo(2), "other images");
    }

    [Test]
    public void FormsAreOneMoreDimensionOfTheGrid()
    {
        var options = Options(RunFolder(0));
        ForgettingStudy.Run(options, new RecordingObserver(), CancellationToken.None);
        var observer = new RecordingObserver();
        ForgettingStudy.Run(options with { Asam = "off,both", AsamEta = [0.01], ObfSteps = [1, 2], PerturbParams = "all,norm" }, observer,
            CancellationToken.None);
        Assert.That(Measured(observer), Is.EqualTo((2 * 2 * 2) - 1 + (2 * 2) - 1), "the plain ones are known");
        string[][] rows = Rows(Path.Combine(options.Out, "forgetting.csv"));
        Assert.That(rows, Has.Length.EqualTo(1 + (12 * 3)));
        string[] Of(int row) =>
            [.. new[] { "perturbation", "steps", "asam", "asam_eta", "asam_params", "perturb_params", "perturb_norm" }
                .Select(c => Value(rows, row, c))];
        Assert.That(Of(1), Is.EqualTo(new[] { "maximize", "1", "off", "", "", "all", "l2" }));
        Assert.That(Of(8 * 3), Is.EqualTo(new[] { "maximize", "2", "both", "0.01", "all", "norm", "l2" }));
        Assert.That(Of(12 * 3), Is.EqualTo(new[] { "rand", "1", "both", "0.01", "all", "norm", "l2" }));
        Assert.That(Enumerable.Range(1, 36).Select(r => string.Join(',', rows[r][3..])), Is.Unique, "every form does something else");
    }

    [Test]
    public void RunsAreComparedAndFewRunsAreSaid()
    {
        var options = Options(folder["runs"]) with { Perturb = "maximize", Images = 8, TopEigenvalue = true };
        var observer = new RecordingObserver();
        string text = ForgettingStudy.Run(options, observer, CancellationToken.None);
        string[][] rows = Rows(Path.Combine(options.Out, "correlations.csv"));
        Assert.That(rows.Skip(1).Select(r => r[Array.IndexOf(rows[0], "runs")]).Distinct(), Is.EqualTo(new[] { "3" }));
        Assert.That(rows.Skip(1).Select(r => Math.Abs(double.Parse(r[Array.IndexOf(rows[0], "spearman")], CultureInfo.InvariantCulture))),
            Is.All.LessThanOrEqualTo(1));
        Assert.That(observer.Messages, Has.Some.Contains("3 runs, which is few: even a perfect one has p 0.33"));
        Assert.That(text, Does.Contain("over 3 runs"));
        Assert.That((Value(rows, 1, "measure"), Value(rows, 1, "generalisation")), Is.EqualTo(("top_eigenvalue", "held_out_top1")));
        string[][] checkpoints = Rows(Path.Combine(options.Out, "checkpoints.csv"));
        Assert.That(checkpoints, Has.Length.EqualTo(1 + 3));
        for (int r = 1; r <= 3; r++)
        {
            double eigenvalue = Number(checkpoints, r, "top_eigenvalue");
            Assert.That(eigenvalue, Is.Positive, "of a loss near a minimum");
            Assert.That(Number(checkpoints, r, "residual"), Is.InRange(0, 1e-3 * eigenvalue));
        }
        Assert.That(File.Exists(Path.Combine(options.Out, "plots", "correlations.png")));

        observer = new RecordingObserver();
        ForgettingStudy.Run(options with { Targets = [RunFolder(0), RunFolder(1)] }, observer, CancellationToken.None);
        Assert.That(observer.Messages, Has.None.Contains("top eigenvalue").And.None.Contains("held-out top-1"), "all is known");
        Assert.That(observer.Messages, Has.Some.Contains("there are 2 runs, and it takes 3 or more"));
        Assert.That(File.Exists(Path.Combine(options.Out, "correlations.csv")), Is.False, "of the study before");
    }

    [Test]
    public void AllCheckpointsOfARunAreMeasuredInTheirOrder()
    {
        var options = Options(RunFolder(1)) with { Over = "all", Perturb = "rand", BatchNorm = "batch" };
        ForgettingStudy.Run(options, new RecordingObserver(), CancellationToken.None);
        string[][] rows = Rows(Path.Combine(options.Out, "forgetting.csv"));
        Assert.That(rows.Skip(1).Select(r => r[Array.IndexOf(rows[0], "epoch")]).Distinct(), Is.EqualTo(new[] { "1", "2" }));
        Assert.That(File.Exists(Path.Combine(options.Out, "plots", "epochs-run-1-rho-0.5.png")));
    }

    [Test]
    public void WhatCannotBeMeasuredIsSaid()
    {
        Assert.That(() => Run(Options()), Throws.InstanceOf<OptionException>());
        Assert.That(() => Run(Options(folder["nothing"])), Throws.InstanceOf<CheckpointException>().With.Message.Contains("no such file"));
        Directory.CreateDirectory(folder["empty"]);
        Assert.That(() => Run(Options(folder["empty"])), Throws.InstanceOf<RunException>());
        Assert.That(() => Run(Options(RunFolder(0)) with { Perturbations = 100 }),
            Throws.InstanceOf<OptionException>().With.Message.Contains("need 800").And.Message.Contains("56"));
        Directory.CreateDirectory(folder["begun"]);
        File.Copy(Path.Combine(RunFolder(0), "args.json"), folder["begun/args.json"]);
        Assert.That(() => Run(Options(folder["begun"])),
            Throws.InstanceOf<CheckpointException>().With.Message.Contains("no checkpoint 'last' yet"));
        File.WriteAllBytes(folder["cut.safetensors"], File.ReadAllBytes(Path.Combine(RunFolder(0), "last.safetensors"))[..2000]);
        Assert.That(() => Run(Options(folder["cut.safetensors"])), Throws.InstanceOf<FormatException>());

        static string Run(ForgettingOptions options) => ForgettingStudy.Run(options, new RecordingObserver(), CancellationToken.None);
    }

    static int Measured(RecordingObserver observer) =>
        observer.Messages.Count(static m => m.Contains("held-out top-1", StringComparison.Ordinal));
}
