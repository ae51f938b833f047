using System.Globalization;
using System.Text.RegularExpressions;
using PerturbedForgetting.Tests.Cli;
using PerturbedForgetting.Tests.Training.Checkpoints;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Runs;
using PerturbedForgetting.Training.Runs.Reporting;

namespace PerturbedForgetting.Tests.Training.Runs;

[TestFixture]
sealed class ReportTests : TempFolderFixture
{
    static readonly double[] plain = [90, 92, 91], sam = [91, 92.5, 92.5];

    /// <summary>Quantiles as scipy.stats.t.ppf gives them (scipy 1.10).</summary>
    [TestCase(0.95, 1, 12.706204736174694)]
    [TestCase(0.95, 2, 4.302652729749462)]
    [TestCase(0.95, 3, 3.182446305283708)]
    [TestCase(0.9, 4, 2.1318467863266495)]
    [TestCase(0.95, 10, 2.2281388519862744)]
    [TestCase(0.99, 29, 2.756385903670335)]
    [TestCase(0.95, 1000, 1.9623390808264067)]
    public void StudentsQuantilesAreThoseOfScipy(double confidence, int degrees, double quantile) =>
        // Ten digits are more than a report shows; the incomplete beta function has about thirteen.
        Assert.That(StudentT.TwoSided(confidence, degrees), Is.EqualTo(quantile).Within(1e-10 * quantile));

    [Test]
    public void RunsOfOneKindAreOneRowWithMeanAndDeviation()
    {
        Runs();
        var report = RunReport.Of(RunRecord.ReadAll([folder.Path]), new());
        var (vanilla, perturbed) = (report.Rows[1], report.Rows[0]);
        Assert.That((perturbed.Group.Name, vanilla.Group.Name), Is.EqualTo(("sam", "vanilla")));
        Assert.That(report.Baseline, Is.SameAs(vanilla), "the one without a perturbation");
        Assert.That(report.Metrics[0].Title, Is.EqualTo("top-1"));
        var cell = perturbed.Cells[0];
        double mean = sam.Sum() / 3, deviation = Math.Sqrt(sam.Sum(v => Math.Pow(v - mean, 2)) / 2);
        Assert.That((cell.All!.Value.Count, cell.Difference!.Value.Count), Is.EqualTo((3, 3)));
        Assert.That(cell.All.Value.Mean, Is.EqualTo(mean).Within(1e-12));
        Assert.That(cell.All.Value.Deviation, Is.EqualTo(deviation).Within(1e-12));
        // Differences 1, 0.5 and 1.5: mean 1, deviation 0.5.
        Assert.That(cell.Difference.Value.Mean, Is.EqualTo(1).Within(1e-12));
        Assert.That(cell.Difference.Value.HalfWidth(0.95), Is.EqualTo(4.302652729749462 * 0.5 / Math.Sqrt(3)).Within(1e-9));
        Assert.That(vanilla.Cells[0].Difference, Is.Null);
    }

    [Test]
    public void TheBaselineIsThePlainestRow()
    {
        Runs();
        RunSamples.Write(folder["labelsmooth-1"], Options("labelsmooth-1", 1, PerturbationKind.None) with { Smoothing = 0.1 }, Epochs(90));
        RunSamples.Write(folder["shrink-1"], Options("shrink-1", 1, PerturbationKind.None) with { SnpFactor = 1e-5 }, Epochs(90));
        Assert.That(RunReport.Of(RunRecord.ReadAll([folder.Path]), new()).Baseline!.Group.Name, Is.EqualTo("vanilla"));
        for (int seed = 1; seed <= 3; seed++)
            Directory.Delete(folder[$"vanilla-{seed}"], recursive: true);
        Assert.That(RunReport.Of(RunRecord.ReadAll([folder.Path]), new()).Baseline!.Group.Name, Is.EqualTo("labelsmooth"));
    }

    [Test]
    public void PairsAreOfTheSeedsThatBothHave()
    {
        Runs();
        Directory.Delete(folder["vanilla-2"], recursive: true);
        var cell = RunReport.Of(RunRecord.ReadAll([folder.Path]), new()).Rows[0].Cells[0];
        Assert.That((cell.All!.Value.Count, cell.Difference!.Value.Count), Is.EqualTo((3, 2)));
        Assert.That(cell.Difference.Value.Mean, Is.EqualTo(1.25).Within(1e-12));
    }

    [Test]
    public void WhatIsNotFinishedIsLeftOutUnlessAskedForAndSaid()
    {
        Runs();
        Run("sam-9", 9, 50, PerturbationKind.Sam, epochs: 1);
        Run("sam-8", 8, 50, PerturbationKind.Sam, epochs: 1);
        string owner = folder["sam-8/.run.owner"];
        File.WriteAllText(owner, """{"process":4711,"host":"node12","started":"2026-01-31T12:00:00+00:00"}""");
        File.SetLastWriteTimeUtc(owner, new DateTime(2026, 1, 31, 13, 0, 0, DateTimeKind.Utc));
        File.SetLastWriteTimeUtc(folder["sam-9/args.json"], new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        File.SetLastWriteTimeUtc(folder["sam-9/results.json"], new DateTime(2021, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Run("copy", 1, 50, PerturbationKind.Sam);
        var runs = RunRecord.ReadAll([folder.Path]);
        RunReport strict = RunReport.Of(runs, new()), all = RunReport.Of(runs, new() { TakesUnfinished = true });
        Assert.That(strict.Rows.Select(r => r.Group.Runs.Count).Order(), Is.EqualTo(new[] { 3, 3 }));
        Assert.That(strict.Notes, Has.Some.EqualTo(
            "'sam-9' was stopped, last written at 2021-01-01 00:00:00Z: 1 of 2 epochs are done; it is left out."));
        Assert.That(strict.Notes, Has.Some.EqualTo("'sam-8' was killed or is paused, its last sign of life was at 2026-01-31 13:00:00Z "
            + "(process 4711 on node12, since 2026-01-31 12:00:00Z): 1 of 2 epochs are done; it is left out."));
        Assert.That(strict.Notes, Has.Some.Contains("has the options and the seed of"));
        Assert.That(all.Rows.Select(r => r.Group.Runs.Count).Order(), Is.EqualTo(new[] { 3, 5 }));
    }

    [Test]
    public void RowsOfDifferentDataAreSaidToBe()
    {
        Runs();
        Assert.That(RunReport.Of(RunRecord.ReadAll([folder.Path]), new()).Notes, Has.None.Contains("different data"));
        RunSamples.Write(folder["other-1"], Options("other-1", 1, PerturbationKind.None) with { Dataset = "", DataDir = "/data/cifar10/" },
            Epochs(60));
        Assert.That(RunReport.Of(RunRecord.ReadAll([folder.Path]), new()).Notes, Has.Some.EqualTo(
            "Rows are of different data (cifar10, builtin/shapes): differences between those say nothing about methods."));
    }

    [Test]
    public void TheBestEpochMayCountInPlaceOfTheLast()
    {
        RunSamples.Write(folder["a"], Options("a", 1, PerturbationKind.None),
            [CheckpointSamples.Epoch(0, 80), CheckpointSamples.Epoch(1, 70)]);
        var runs = RunRecord.ReadAll([folder["a"]]);
        Assert.That(RunReport.Of(runs, new()).Rows[0].Cells[0].All!.Value.Mean, Is.EqualTo(70));
        Assert.That(RunReport.Of(runs, new() { TakesBest = true }).Rows[0].Cells[0].All!.Value.Mean, Is.EqualTo(80));
    }

    [TestCase("vanilla-1", 1, "vanilla")]
    [TestCase("rho=0.1,seed=3", 3, "rho=0.1")]
    [TestCase("run_s12", 12, "run")]
    [TestCase("asam_authors-1", 1, "asam_authors")]
    [TestCase("ASAM_AUTHORS2", 2, "ASAM_AUTHORS")]
    [TestCase("vanillaSeed3", 3, "vanilla")]
    [TestCase("seed42", 42, "seed42")]
    [TestCase("resnet50", 0, "resnet50")]
    [TestCase("rho=0.1", 1, "rho=0.1")]
    [TestCase("7", 7, "7")]
    public void TheSeedAtTheEndOfANameIsNotOfTheGroupsName(string name, int seed, string group) =>
        Assert.That(RunGroup.NameWithoutSeed(name, seed), Is.EqualTo(group));

    [Test]
    public void GroupsOfOneNameAreToldApartByTheirOptions()
    {
        Run("a/x-1", 1, 50, PerturbationKind.Sam);
        RunSamples.Write(folder["b/x-1"], Options("x-1", 1, PerturbationKind.Sam) with { Rho = 0.9 }, Epochs(60));
        Assert.That(RunReport.Of(RunRecord.ReadAll([folder.Path]), new()).Rows.Select(r => r.Group.Name),
            Is.EqualTo(new[] { "x (rho=0.1)", "x (rho=0.9)" }));
    }

    [Test]
    public void NumbersThatWereMeasuredLaterAreColumns()
    {
        Runs();
        File.WriteAllText(folder["sam-1/evaluation-imagenet_v2.json"], "{\"model\": \"resnet20\", \"top1\": 61.5}");
        File.WriteAllText(folder["sam-1/evaluation-hessian.json"], "{\"dominant_eigenvalue\": 7.25}");
        File.WriteAllText(folder["sam-1/hessian.json"], "{\"eigenvalues\": [12.5, 3]}");
        var report = Report("--columns", "top eigenvalue=hessian.json:eigenvalues.0", "--out", folder["out"]);
        Assert.That(report, Does.Contain("| dominant eigenvalue | imagenet_v2 top-1 | top eigenvalue |"));
        Assert.That(report, Does.Match(@"\| sam \| 1 2 3 \| 92\.00 ± 0\.87 \|.*\| 7\.25 \| 61\.50 \| 12\.5 \|"));
        File.WriteAllText(folder["sam-2/hessian.json"], "{\"eigenvalues\": []}");
        CliHarness cli = new();
        Assert.That(cli.Run("report", folder.Path, "--columns", "top=hessian.json:eigenvalues.0"), Is.EqualTo(3));
        Assert.That(cli.Error, Does.Contain("hessian.json").And.Contain("there is no '0'"));
    }

    [Test]
    public void TheFilesHoldTheSameNumbers()
    {
        Runs();
        string markdown = Report("--out", folder["out"], "--title", "A <b>title</b>");
        Assert.That(markdown, Does.Contain("| vanilla (baseline) | 1 2 3 | 91.00 ± 1.00 |"));
        Assert.That(markdown, Does.Contain("| sam | 3 | +1.00 [-0.24, +2.24] |"));
        Assert.That(File.ReadAllText(folder["out/report.md"]).TrimEnd(), Is.EqualTo(markdown.TrimEnd()));
        string[] rows = File.ReadAllLines(folder["out/report.csv"]);
        string[] row = Array.Find(rows, r => r.StartsWith("sam,top-1,", StringComparison.Ordinal))!.Split(',');
        Assert.That(row[2..4].Concat(row[5..8]), Is.EqualTo(new[] { "3", "92", "vanilla", "3", "1" }));
        Assert.That(double.Parse(row[8], CultureInfo.InvariantCulture), Is.EqualTo(1 - 1.2420686).Within(1e-6));
        Assert.That(File.ReadLines(folder["out/runs.csv"]).Count(), Is.EqualTo(7));
        string html = File.ReadAllText(folder["out/report.html"]);
        Assert.That(html, Does.Contain("A &lt;b&gt;title").And.Contain("92.00 &#177; 0.87"));
        Assert.That(html, Does.Not.Contain("<script").And.Not.Contain("http"));
        var pictures = Regex.Matches(html, "base64,([^\"]+)\"").Select(m => Convert.FromBase64String(m.Groups[1].Value)).ToArray();
        Assert.That(pictures, Has.Length.EqualTo(4));
        Assert.That(pictures.Select(p => p.Length), Is.All.GreaterThan(5000), "something is drawn");
    }

    /// <summary>A folder may be called anything; in a report that is a name and nothing else.</summary>
    [Test]
    public void NamesBecomeNeitherTagsNorCells()
    {
        Run("a|b <img src=x>`-1", 1, 50, PerturbationKind.None);
        string markdown = Report("--out", folder["out"]);
        Assert.That(markdown, Does.Contain(@"a\|b \<img src=x\>\`"));
        Assert.That(File.ReadAllText(folder["out/report.html"]), Does.Not.Contain("<img src=x"));
        Assert.That(File.ReadAllText(folder["out/report.csv"]), Does.Contain("a|b <img src=x>`,top-1"));
    }

    [TestCase(new[] { "report" }, 2, "no runs were named")]
    [TestCase(new[] { "report", "nowhere" }, 3, "no such folder")]
    [TestCase(new[] { "report", ".", "--baseline", "b" }, 2, "there are no runs 'b'; there are 'sam', 'vanilla'")]
    [TestCase(new[] { "report", ".", "--confidence", "95" }, 2, "must lie in 0.5 to 0.9999")]
    [TestCase(new[] { "report", ".", "--columns", "a=../x.json:top1" }, 2, "must be a file in the run's folder")]
    [TestCase(new[] { "report", ".", "--columns", "top1" }, 2, "not of the form TITLE=FILE:PATH")]
    public void WhatIsWrongIsSaid(string[] args, int exitCode, string message)
    {
        Runs();
        CliHarness cli = new();
        Assert.That(cli.Run([.. args.Select(a => a == "." ? folder.Path : a)]), Is.EqualTo(exitCode), cli.Output);
        Assert.That(cli.Error, Does.Contain(message));
    }

    string Report(params string[] options)
    {
        CliHarness cli = new();
        Assert.That(cli.Run(["report", folder.Path, .. options]), Is.Zero, cli.Error);
        return cli.Output.ReplaceLineEndings("\n");
    }

    void Runs()
    {
        for (int seed = 1; seed <= 3; seed++)
        {
            Run($"vanilla-{seed}", seed, plain[seed - 1], PerturbationKind.None);
            Run($"sam-{seed}", seed, sam[seed - 1], PerturbationKind.Sam);
        }
    }

    void Run(string name, int seed, double top1, PerturbationKind kind, int epochs = 2) =>
        RunSamples.Write(folder[name], Options(Path.GetFileName(name), seed, kind), Epochs(top1)[..epochs]);

    static TrainOptions Options(string name, int seed, PerturbationKind kind) => new()
    {
        Dataset = "builtin/shapes",
        Epochs = 2,
        Lr = 0.1,
        Rho = 0.1,
        Seed = seed,
        Opt = new(kind, UpdateRule.SgdW),
        Experiment = name,
    };

    static PerturbedForgetting.Training.Reports.EpochRecord[] Epochs(double top1) =>
        [CheckpointSamples.Epoch(0, 10), CheckpointSamples.Epoch(1, top1)];
}
