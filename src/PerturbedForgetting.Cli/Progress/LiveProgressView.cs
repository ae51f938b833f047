using System.Diagnostics;
using PerturbedForgetting.Training.Progress;
using Spectre.Console;
using Spectre.Console.Rendering;
using static PerturbedForgetting.Cli.Progress.ProgressText;

namespace PerturbedForgetting.Cli.Progress;

/// <summary>A bar and the current numbers, redrawn in place; results and messages scroll above it.</summary>
sealed class LiveProgressView : IProgressView
{
    const int BarWidth = 40;
    static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    readonly IAnsiConsole console;
    readonly RunMeter meter = new();
    LiveDisplayContext? live;
    long lastDrawn;
    string epoch = "";

    public LiveProgressView(Terminal terminal)
        : this(AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(terminal.Out) }))
    {
    }

    internal LiveProgressView(IAnsiConsole console)
    {
        this.console = console;
    }

    public void Run(Action work) => console.Live(new Text("")).AutoClear(true).Start(live =>
    {
        this.live = live;
        work();
    });

    public void EpochStarted(in EpochStart epoch)
    {
        meter.Start(epoch);
        this.epoch = $"epoch {epoch.Epoch + 1}/{epoch.Epochs}";
    }

    public void UpdateDone(in UpdateProgress u)
    {
        meter.Add(u);
        if (!IsTime(u.Update == u.UpdatesPerEpoch))
            return;
        string skipped = u.SkippedUpdates > 0 ? $"  [red]skipped {u.SkippedUpdates}[/]" : "";
        Draw(
            Bar($"{epoch}  {u.Update}/{u.UpdatesPerEpoch}", Percent(u.Update, u.UpdatesPerEpoch)),
            Invariant($"loss [bold]{Number(u.Loss)}[/] (mean {Number(u.AverageLoss)})")
                + Invariant($"  perturb loss {Number(u.PerturbLoss)} (mean {Number(u.AveragePerturbLoss)})"),
            Invariant($"lr {Number(u.LearningRate)}  rho {Number(u.Rho)}  [bold]{meter.ImagesPerSecond:0} img/s[/]")
                + Invariant($"  waiting for data {100 * meter.DataShare:0} %{skipped}{Norms(u)}"));
    }

    public void ValidationProgress(in EvaluationProgress p)
    {
        meter.Add(p);
        if (!IsTime(p.Batch == p.Batches))
            return;
        Draw(
            Bar($"{epoch}  validation {p.Batch}/{p.Batches}".TrimStart(), Percent(p.Batch, p.Batches)),
            Invariant($"loss [bold]{Number(p.Loss)}[/]  top-1 {p.Top1:0.00} %  top-5 {p.Top5:0.00} %  {meter.ImagesPerSecond:0} img/s"));
    }

    public void EpochEnded(in EpochResult result)
    {
        meter.End(result);
        console.WriteLine(Result(result));
    }

    // Only worth a line when something can be resumed from it that the end of the epoch does not announce.
    public void CheckpointWritten(in CheckpointInfo checkpoint)
    {
        if (checkpoint.IsRecovery)
            console.WriteLine(Checkpoint(checkpoint));
    }

    public void Message(MessageLevel level, string text)
    {
        if (level == MessageLevel.Warning)
            console.MarkupLine($"[yellow]warning:[/] {Markup.Escape(text)}");
        else
            console.WriteLine(text);
    }

    bool IsTime(bool always)
    {
        if (!always && Stopwatch.GetElapsedTime(lastDrawn) < Pause)
            return false;
        lastDrawn = Stopwatch.GetTimestamp();
        return true;
    }

    string Bar(string title, double percent)
    {
        int done = (int)(percent / 100 * BarWidth);
        return Invariant($"{title}  [green]{new string('━', done)}[/][grey]{new string('━', BarWidth - done)}[/]")
            + Invariant($"  {percent:0} %  left {RunMeter.Format(meter.Left)}");
    }

    void Draw(params string[] lines) => live?.UpdateTarget(new Rows(lines.Select(IRenderable (l) => new Markup(l))));
}
