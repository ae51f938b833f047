using System.Diagnostics;
using PerturbedForgetting.Training.Progress;
using Spectre.Console;
using static PerturbedForgetting.Cli.Progress.ProgressText;

namespace PerturbedForgetting.Cli.Progress;

/// <summary>A bar and the current numbers, redrawn in place; results and messages scroll above it.</summary>
sealed class LiveProgressView : IProgressView
{
    static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    readonly LiveRegion region;
    readonly BarGlyphs glyphs;
    readonly bool hasColors;
    readonly RunMeter meter = new();
    long lastDrawn;
    string epoch = "";

    /// <param name="console">A terminal that understands ANSI control sequences.</param>
    public LiveProgressView(IAnsiConsole console)
    {
        Profile profile = console.Profile;
        region = new LiveRegion(profile.Out.Writer, () => profile.Width, () => profile.Height);
        hasColors = profile.Capabilities.ColorSystem != ColorSystem.NoColors;
        glyphs = BarGlyphs.For(hasColors, profile.Capabilities.Unicode);
    }

    public void Run(Action work)
    {
        try
        {
            work();
        }
        finally
        {
            region.Clear();
        }
    }

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
        List<Styled[]> phrases =
        [
            [new("loss "), Bold(Number(u.Loss)), new($" (mean {Number(u.AverageLoss)})")],
            [new($"perturb loss {Number(u.PerturbLoss)} (mean {Number(u.AveragePerturbLoss)})")],
            [new($"lr {Number(u.LearningRate)}")], [new($"rho {Number(u.Rho)}")],
            [Bold(Invariant($"{meter.ImagesPerSecond:0} img/s"))],
            [new(Invariant($"waiting for data {100 * meter.DataShare:0} %"))],
        ];
        if (u.Norms is { } norms)
        {
            phrases.Add([new($"perturbation norm {Number(norms.Perturbation)}")]);
            phrases.Add([new($"gradient norm {Number(norms.Gradient)}")]);
        }
        if (u.SkippedUpdates > 0)
            phrases.Add([Red($"skipped {u.SkippedUpdates}")]);
        Draw($"{epoch}  {u.Update}/{u.UpdatesPerEpoch}", Percent(u.Update, u.UpdatesPerEpoch), phrases);
    }

    public void ValidationProgress(in EvaluationProgress p)
    {
        meter.Add(p);
        if (!IsTime(p.Batch == p.Batches))
            return;
        Draw($"{epoch}  validation {p.Batch}/{p.Batches}".TrimStart(), Percent(p.Batch, p.Batches),
        [
            [new("loss "), Bold(Number(p.Loss))], [new(Invariant($"top-1 {p.Top1:0.00} %"))], [new(Invariant($"top-5 {p.Top5:0.00} %"))],
            [new(Invariant($"{meter.ImagesPerSecond:0} img/s"))],
        ]);
    }

    public void EpochEnded(in EpochResult result)
    {
        meter.End(result);
        region.Print(Result(result));
    }

    // Only worth a line when something can be resumed from it that the end of the epoch does not announce.
    public void CheckpointWritten(in CheckpointInfo checkpoint)
    {
        if (checkpoint.IsRecovery)
            region.Print(Checkpoint(checkpoint));
    }

    public void Message(MessageLevel level, string text) => region.Print(level == MessageLevel.Warning
        ? new StyledLine(new Styled("warning:", hasColors ? "33" : ""), new($" {text}")).Text
        : text);

    bool IsTime(bool always)
    {
        if (!always && Stopwatch.GetElapsedTime(lastDrawn) < Pause)
            return false;
        lastDrawn = Stopwatch.GetTimestamp();
        return true;
    }

    void Draw(string title, double percent, List<Styled[]> phrases)
    {
        string left = Invariant($"{percent:0} %"), time = $"left {RunMeter.Format(meter.Left)}";
        region.Draw(columns =>
        [
            .. StyledLine.Flow([[new(title)], [new(left)], [new(time)]], columns), new StyledLine(Bar(columns, percent)),
            .. StyledLine.Flow(phrases, columns),
        ]);
    }

    Styled[] Bar(int length, double percent)
    {
        int done = (int)(percent / 100 * length);
        return
        [
            new(new string(glyphs.Done, done), hasColors ? "32" : ""), new(new string(glyphs.Left, length - done), hasColors ? "90" : ""),
        ];
    }

    static Styled Bold(string text) => new(text, "1");

    Styled Red(string text) => new(text, hasColors ? "31" : "");

    /// <summary>What a bar is made of.</summary>
    readonly record struct BarGlyphs(char Done, char Left)
    {
        /// <summary>Without colours its parts differ in shape.</summary>
        public static BarGlyphs For(bool hasColors, bool isUnicode) => !isUnicode || !hasColors ? new('#', '.') : new('━', '━');
    }
}
