using System.Globalization;
using System.Text;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Answers;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Runs.Reporting;
using ScottPlot;

namespace PerturbedForgetting.Training.Runs.Sweeping;

/// <summary>The table of a sweep, <c>sweep.csv</c>, and its curve, <c>sweep.png</c>.</summary>
static class SweepResults
{
    const int Width = 1000, Height = 560, Frame = 50;

    /// <summary>Names that have more letters than this in all do not fit beside one another.</summary>
    const int MostLetters = 100;

    /// <summary>What a letter of a slanted name takes of the height.</summary>
    const float LetterHeight = 3.7f;

    /// <summary>Writes a row a run.</summary>
    public static void WriteTable(SweepPlan plan, IReadOnlyList<RunRecord?> runs, IReadOnlyList<(SweepState State, string Message)> states)
    {
        StringBuilder text = new("run");
        foreach (var axis in plan.Axes)
            text.Append(',').Append(axis.Name);
        text.Append(",state,epochs,top1,top5,validation_loss,training_loss,message\n");
        for (int i = 0; i < runs.Count; i++)
        {
            text.Append(CsvText.Field(plan.Points[i].Name));
            foreach (string value in plan.Points[i].Values)
                text.Append(',').Append(CsvText.Field(value));
            text.Append(CultureInfo.InvariantCulture, $",{states[i].State.ToString().ToLowerInvariant()},{runs[i]?.Epochs.Count ?? 0},");
            text.Append(runs[i]?.Last is { } last
                ? string.Create(CultureInfo.InvariantCulture,
                    $"{last.Validation.Top1},{last.Validation.Top5},{last.Validation.Loss},{last.Train.MeanLoss}")
                : ",,,");
            text.Append(',').Append(CsvText.Field(states[i].Message)).Append('\n');
        }
        AtomicFile.WriteText(Path.Combine(plan.Folder, "sweep.csv"), text.ToString());
    }

    /// <summary>Draws top-1 over the first axis that is no seed: a line for each combination of the others, mean and standard deviation
    /// over seeds. Without such an axis, and before the first run is done, there is no picture.</summary>
    public static void Draw(SweepPlan plan, IReadOnlyList<RunRecord?> runs)
    {
        int across = plan.Axes.ToList().FindIndex(a => !a.IsSeed && a.Values.All(v => Number(v) is not null));
        across = across >= 0 ? across : plan.Axes.ToList().FindIndex(a => !a.IsSeed);
        var done = Enumerable.Range(0, runs.Count).Where(i => runs[i] is { State: RunState.Finished, Last: { } last }
            && double.IsFinite(last.Validation.Top1)).ToArray();
        if (across < 0 || done.Length == 0)
            return;
        var axis = plan.Axes[across];
        var place = Places(axis);
        bool isNumber = axis.Values.All(v => Number(v) is not null);
        Plot plot = new();
        foreach (var (at, line) in done.GroupBy(i => Others(plan, i, across), StringComparer.Ordinal).Index())
        {
            var points = line.GroupBy(i => plan.Points[i].Values[across]).Select(g => (X: place[g.Key],
                Y: SampleStatistics.Of([.. g.Select(i => runs[i]!.Last!.Validation.Top1)]))).OrderBy(p => p.X).ToArray();
            double[] xs = [.. points.Select(p => p.X)], ys = [.. points.Select(p => p.Y.Mean)];
            var scatter = plot.Add.Scatter(xs, ys);
            scatter.LegendText = line.Key;
            // Between names there is nothing.
            scatter.LineWidth = isNumber ? 2 : 0;
            scatter.MarkerSize = isNumber ? 5 : 9;
            scatter.Color = plot.Add.Palette.GetColor(at);
            scatter.LinePattern = PlotLines.Pattern(plot, at);
            var bars = plot.Add.ErrorBar(xs, ys, [.. points.Select(p => p.Y.Count > 1 ? p.Y.Deviation : 0)]);
            bars.Color = scatter.Color;
        }
        plot.Axes.Bottom.TickGenerator =
            new ScottPlot.TickGenerators.NumericManual([.. axis.Values.Select(v => place[v])], [.. axis.Values]);
        if (axis.Values.Sum(v => v.Length) > MostLetters)
        {
            plot.Axes.Bottom.TickLabelStyle.Rotation = -30;
            plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.UpperRight;
            plot.Axes.Bottom.MinimumSize = Frame + LetterHeight * axis.Values.Max(v => v.Length);
        }
        plot.XLabel(axis.Name);
        plot.YLabel("validation top-1 (%)");
        if (plan.Axes.Count(a => !a.IsSeed) > 1)
            plot.ShowLegend(Edge.Right);
        byte[] png = plot.GetImageBytes(Width, Height, ImageFormat.Png);
        AtomicFile.Write(Path.Combine(plan.Folder, "sweep.png"), stream => stream.Write(png));
    }

    static string Others(SweepPlan plan, int point, int across) => string.Join(", ", plan.Axes
        .Zip(plan.Points[point].Values, (a, v) => (Axis: a, Text: a.Spec is null ? v : $"{a.Name}={v}"))
        .Where((p, i) => i != across && !p.Axis.IsSeed).Select(p => p.Text));

    /// <summary>Where values stand: numbers where they are, their logarithms where they span a factor of 8; others one after the
    /// other.</summary>
    static Dictionary<string, double> Places(SweepAxis axis)
    {
        double[] numbers = [.. axis.Values.Select(v => Number(v) ?? double.NaN)];
        if (numbers.Any(double.IsNaN))
            return axis.Values.Select((v, i) => (v, i)).ToDictionary(p => p.v, p => (double)p.i);
        bool spans = numbers.Min() > 0 && numbers.Max() / numbers.Min() >= 8;
        return axis.Values.Zip(numbers).ToDictionary(p => p.First, p => spans ? Math.Log10(p.Second) : p.Second);
    }

    static double? Number(string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
            ? number
            : null;
}
