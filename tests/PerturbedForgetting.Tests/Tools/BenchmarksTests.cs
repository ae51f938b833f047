using Benchmarks;

namespace PerturbedForgetting.Tests.Tools;

/// <summary>The command line of tools/Benchmarks and the runs that it saves and compares.</summary>
sealed class BenchmarksTests
{
    static readonly Machine machine = new("Some processor", 4, "AVX2 and FMA");
    static readonly DateTimeOffset date = new(2026, 11, 25, 13, 30, 0, TimeSpan.FromHours(2));

    StringWriter output = null!, error = null!;
    TempFolder folder = null!;

    [SetUp]
    public void Make() => (output, error, folder) = (new StringWriter(), new StringWriter(), new TempFolder());

    [TearDown]
    public void Remove() => folder.Dispose();

    [Test]
    public void ASavedRunIsReadAgain()
    {
        Figures figures = new();
        figures.Add("steps/größe/Sam", "s", 0.3, 0.1, 0.2);
        figures.Add("steps/peak", "MiB", 512.25);
        SavedRun run = new(machine, date, figures.All);
        run.Write(folder["new folder/run.json"]);
        run.Write(folder["new folder/run.json"]);
        var read = SavedRun.Read(folder["new folder/run.json"]);
        Assert.That((read.Machine, read.Date), Is.EqualTo((machine, date)));
        Assert.That(read.Figures,
            Is.EqualTo(new[] { new Figure("steps/größe/Sam", "s", 0.2, 0.1, 3), new Figure("steps/peak", "MiB", 512.25, 512.25, 1) }));
        Assert.That(Directory.GetFiles(folder["new folder"]), Has.Length.EqualTo(1));
    }

    [Test]
    public void TheLoadersFiguresAreSaved()
    {
        File.WriteAllBytes(folder["photo.jpg"], Vision.TestImages.Jpeg(40, 30));
        Assert.That(App.Run(["loader:cifar", "--rounds", "2", "--images", folder.Path, "--save", folder["run.json"]], output, error),
            Is.Zero, error.ToString());
        Figure figure = SavedRun.Read(folder["run.json"]).Figures.Single();
        Assert.That((figure.Name, figure.Unit, figure.Runs), Is.EqualTo(("loader/cifar/all", "s", 2)));
        Assert.That(App.Run(["loader:cifar", "--images", folder["nothing"]], output, error), Is.EqualTo(2));
        Assert.That(error.ToString(), Does.Contain("nothing"));
    }

    [Test]
    public void WhatFailedIsNoFigure()
    {
        Figures figures = new();
        figures.Add("peer", "s", 1, double.NaN);
        figures.Add("none", "s");
        Assert.That(figures.All, Is.Empty);
    }

    [TestCase("", "run.json"), TestCase("null", "it is empty"), TestCase("{\"machine\":", "$.machine")]
    [TestCase("""{"date": "2026-11-25T13:30:00Z", "figures": []}""", "machine")]
    [TestCase("""{"machine": MACHINE, "date": "yesterday", "figures": []}""", "$.date")]
    [TestCase("""{"machine": MACHINE, "date": "2026-11-25T13:30:00Z", "figures": [null]}""", "cannot be")]
    [TestCase("""{"machine": MACHINE, "date": "2026-11-25T13:30:00Z", "figures": [{"name": "a/b", "unit": "s", "median": 1, "runs": 1}]}""",
        "minimum")]
    [TestCase("""{"machine": MACHINE, "date": "2026-11-25T13:30:00Z", "figures":""" +
        """ [{"name": "a/b", "unit": "s", "median": 1, "minimum": 2, "runs": 3}]}""", "'a/b'")]
    [TestCase("""{"machine": MACHINE, "date": "2026-11-25T13:30:00Z", "figures": [FIGURE, FIGURE]}""", "'a/b' is in it twice")]
    public void DamageIsToldBeforeAnythingIsMeasured(string content, string expected)
    {
        File.WriteAllText(folder["run.json"], content
            .Replace("MACHINE", """{"processor": "x", "threads": 2, "instructions": "y"}""", StringComparison.Ordinal)
            .Replace("FIGURE", """{"name": "a/b", "unit": "s", "median": 2, "minimum": 1, "runs": 3}""", StringComparison.Ordinal));
        Assert.That(App.Run(["kernels", "--compare", folder["run.json"]], output, error), Is.EqualTo(2));
        Assert.That(error.ToString(), Does.StartWith("error: ").And.Contain(folder["run.json"]).And.Contain(expected));
        Assert.That(output.ToString(), Is.Empty);
    }

    // Medians and minima now and then.
    [TestCase(1.0, 0.9, 1.05, 1.0, "")]
    [TestCase(1.0, 0.99, 1.2, 1.1, "faster")]
    [TestCase(1.2, 1.1, 1.0, 0.99, "slower")]
    [TestCase(1.2, 1.0, 1.05, 0.99, "")]
    public void OnlyWhatTheSpreadDoesNotExplainIsFasterOrSlower(double median, double minimum, double oldMedian, double oldMinimum,
        string expected)
    {
        Assert.That(Comparison.Judge(new("x", "s", median, minimum, 5), new("x", "s", oldMedian, oldMinimum, 5)), Is.EqualTo(expected));
        Assert.That(Comparison.Judge(new("x", "s", median, minimum, 5), new("x", "s", oldMedian, oldMinimum, 1)), Is.Empty,
            "one run has no spread");
    }

    [Test]
    public void AComparisonTellsWhatIsNewMissingAndOfAnotherMachine()
    {
        SavedRun saved = new(machine, date, [new("kernels/a", "s", 2, 1.99, 5), new("kernels/gone", "s", 1, 1, 5),
            new("steps/other", "s", 1, 1, 5), new("kernels/m", "MiB", 10, 10, 2)]);
        SavedRun now = new(machine with { Threads = 2 }, date,
            [new("kernels/a", "s", 1, 0.99, 5), new("kernels/new", "s", 1, 1, 5), new("kernels/m", "MiB", 11, 11, 2)]);
        Comparison.Write(now, saved, name => name.StartsWith("kernels/", StringComparison.Ordinal), output);
        string[] lines = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.That(lines[0], Does.Contain("2026-11-25 13:30 +02:00"));
        Assert.That(lines[1], Does.Contain("ANOTHER MACHINE").And.Contain("4 threads").And.Contain("2 threads"));
        Assert.That(lines[3], Does.StartWith("kernels/a").And.EndsWith("0.500  faster"));
        Assert.That(lines[4], Does.StartWith("kernels/new").And.EndsWith("not in the saved run"));
        Assert.That(lines[5], Does.StartWith("kernels/m").And.EndsWith("1.100  more"));
        Assert.That(lines[6], Does.StartWith("kernels/gone").And.EndsWith("missing in this run"));
        Assert.That(lines, Has.Length.EqualTo(7), "what was not to be measured is not missing");
    }

    [TestCase("", "SUITE"), TestCase("stepz", "'steps'"), TestCase("gemm", "kernels, steps"), TestCase("kernels:gem", "gemm, conv"),
        TestCase("kernels --rounds 0", "1 or more")]
    [TestCase("kernels --threads two", "--threads"), TestCase("kernels --round 2", "--round"), TestCase("kernels --save", "--save"),
        TestCase("kernels:conv:nothing", "'nothing'"), TestCase("steps:nothing", "'nothing'")]
    public void AWrongCommandLineSaysWhatIsWrong(string line, string expected)
    {
        Assert.That(App.Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), output, error), Is.EqualTo(2));
        Assert.That(error.ToString(), Does.StartWith("error: ").And.Contain(expected));
    }

    [Test]
    public void HelpShowsSuitesOptionsAndExamples()
    {
        Assert.That(App.Run(["--help"], output, error), Is.Zero);
        Assert.That(output.ToString(), Does.Contain("kernels:gemm").And.Contain("simulator").And.Contain("--compare <FILE>")
            .And.Contain("Examples:"));
        Assert.That(output.ToString(), Does.Not.Contain("MODEL BATCH PIXELS STEPS OPTIMIZER").And.Not.Contain("Commands:"));
    }
}
