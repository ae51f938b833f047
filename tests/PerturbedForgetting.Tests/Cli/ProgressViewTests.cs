using PerturbedForgetting.Cli;
using PerturbedForgetting.Cli.Progress;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Tests.Cli;

[TestFixture]
sealed class ProgressViewTests
{
    [Test]
    public void PlainLinesComeAtTheIntervalAndAtTheEnd()
    {
        StringWriter output = new();
        PlainProgressView view = new(output, logInterval: 4);
        Play(view, updates: 10);
        string[] lines = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.That(lines.Where(l => l.Contains("lr ")).Select(l => l.Split(' ')[0]),
            Is.EqualTo(new[] { "4/10", "8/10", "10/10", "4/10", "8/10", "10/10" }));
        Assert.That(output.ToString(), Does.Contain("loss 0.5 (mean 0.75)").And.Contain("perturb -0.25").And.Contain("lr 0.001")
            .And.Contain("rho 0.05")
            .And.Contain("320 img/s").And.Contain("waiting 25 %").And.Contain("top-1 61.50 %").And.Contain("best so far")
            .And.Contain("warning: look").And.Contain("skipped 2"));
    }

    /// <summary>The reference divides by zero here.</summary>
    [Test]
    public void ASingleUpdateAnEpochIsShown()
    {
        StringWriter output = new();
        Play(new PlainProgressView(output, logInterval: 50), updates: 1);
        Assert.That(output.ToString(), Does.Contain("1/1 (100 %)").And.Not.Contain("NaN"));
    }

    [Test]
    public void LinesAreWrittenWhereNobodyWatches()
    {
        Terminal terminal = new(new StringWriter(), new StringWriter(), IsInteractive: false, Width: 80);
        Assert.That(ProgressViews.Create(terminal, 1), Is.TypeOf<PlainProgressView>());
    }

    [Test]
    public void TheTimeLeftCountsUpdatesAndValidationsToCome()
    {
        RunMeter meter = new();
        meter.Start(new EpochStart(0, 3, 0, 10, 320));
        for (int i = 1; i <= 10; i++)
            meter.Add(Update(0, i, 10));
        Assert.That(meter.Left!.Value.TotalSeconds, Is.EqualTo(20 * 0.1).Within(1e-6));
        meter.End(new EpochResult(0, 3, 0, 0, 0, 0, 0, 0, Seconds: 1.5, 0, false));
        meter.Start(new EpochStart(1, 3, 0, 10, 320));
        for (int i = 1; i <= 5; i++)
            meter.Add(Update(1, i, 10));
        Assert.That(meter.Left!.Value.TotalSeconds, Is.EqualTo(15 * 0.1 + 2 * 0.5).Within(1e-6));
        Assert.That(meter.ImagesPerSecond, Is.EqualTo(320).Within(1e-9));
        Assert.That(meter.DataShare, Is.EqualTo(0.25).Within(1e-9));
    }

    [TestCase(5.9, "5s")]
    [TestCase(65, "1m05s")]
    [TestCase(3 * 3600 + 7 * 60, "3h07m")]
    [TestCase(26 * 3600, "1d02h")]
    public void ADurationIsShort(double seconds, string text) =>
        Assert.That(RunMeter.Format(TimeSpan.FromSeconds(seconds)), Is.EqualTo(text));

    static UpdateProgress Update(int epoch, int update, int updates) =>
        new(epoch, update, updates, 32, 0.5, -0.25, 0.75, -0.3, 1e-3, 0.05, 1, 0.1, 0.025, 2);

    static void Play(IProgressView view, int updates)
    {
        view.Message(MessageLevel.Info, "a [b] message");
        for (int epoch = 0; epoch < 2; epoch++)
        {
            view.EpochStarted(new EpochStart(epoch, 2, 0, updates, 320));
            for (int i = 1; i <= updates; i++)
                view.UpdateDone(Update(epoch, i, updates));
            view.ValidationProgress(new EvaluationProgress(1, 2, 32, 1.5, 50, 90, 0.1));
            view.ValidationProgress(new EvaluationProgress(2, 2, 64, 1.5, 61.5, 91, 0.1));
            view.EpochEnded(new EpochResult(epoch, 2, 0.7, -0.3, 1.5, 61.5, 91, 1e-3, 12, 320, true));
            view.CheckpointWritten(new CheckpointInfo("last.safetensors", epoch, updates, false, 1_000_000));
        }
        view.Message(MessageLevel.Warning, "look");
    }
}
