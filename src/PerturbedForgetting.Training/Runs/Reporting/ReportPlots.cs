using PerturbedForgetting.Training.Reports;
using ScottPlot;

namespace PerturbedForgetting.Training.Runs.Reporting;

/// <summary>The pictures of a report.</summary>
static class ReportPlots
{
    const int Width = 1000, CurvesHeight = 420, Frame = 110, RowHeight = 34, LegendRow = 23;

    /// <summary>All of them, as PNGs.</summary>
    public static IReadOnlyList<(string Caption, byte[] Png)> Draw(RunReport report)
    {
        List<(string, byte[])> pictures =
        [
            ("Top-1 accuracy: each run, and the mean of each group", Groups(report, 0)),
            ("Validation accuracy after each epoch, mean over seeds", Curves(report, "top-1 (%)", e => e.Validation.Top1)),
            ("Training loss of each epoch, mean over seeds", Curves(report, "training loss", e => e.Train.MeanLoss)),
        ];
        if (report.Baseline is { } baseline && report.Rows.Any(r => r.Cells[0].Difference is not null))
            pictures.Insert(1, ($"Top-1 accuracy against {baseline.Group.Name} in points: mean and {report.ConfidenceText} interval",
                Differences(report, 0)));
        return pictures;
    }

    static byte[] Groups(RunReport report, int metric)
    {
        Plot plot = new();
        for (int i = 0; i < report.Rows.Count; i++)
        {
            var cell = report.Rows[i].Cells[metric];
            double[] values = [.. cell.Values.Values];
            if (cell.All is not { } all)
                continue;
            var runs = plot.Add.ScatterPoints(values, [.. values.Select(_ => -(double)i)]);
            runs.Color = Colors.Gray.WithAlpha(0.6);
            runs.MarkerSize = 7;
            Mean(plot, all, -i, all.Count > 1 ? all.Deviation : 0);
        }
        return Finish(plot, report.Rows, report.Metrics[metric].Title + " (%), bars: one standard deviation");
    }

    static byte[] Differences(RunReport report, int metric)
    {
        Plot plot = new();
        ReportRow[] rows = [.. report.Rows.Where(r => r != report.Baseline)];
        plot.Add.VerticalLine(0, 1, Colors.Gray);
        for (int i = 0; i < rows.Length; i++)
            if (rows[i].Cells[metric].Difference is { } difference)
                Mean(plot, difference, -i, difference.HalfWidth(report.Confidence) is var half && double.IsFinite(half) ? half : 0);
        return Finish(plot, rows, $"difference of {report.Metrics[metric].Title} from {report.Baseline!.Group.Name} (points)");
    }

    static void Mean(Plot plot, SampleStatistics all, double y, double half)
    {
        var marker = plot.Add.Marker(all.Mean, y, MarkerShape.FilledCircle, 10, Colors.C0);
        marker.LineWidth = 0;
        if (half <= 0)
            return;
        var bar = plot.Add.Line(all.Mean - half, y, all.Mean + half, y);
        bar.LineWidth = 3;
        bar.Color = Colors.C0.WithAlpha(0.7);
    }

    static byte[] Finish(Plot plot, IReadOnlyList<ReportRow> rows, string title)
    {
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericManual([.. rows.Select((_, i) => -(double)i)],
            [.. rows.Select(r => Short(r.Group.Name))]);
        plot.Axes.SetLimitsY(-(rows.Count - 0.4), 0.6);
        plot.XLabel(title);
        return plot.GetImageBytes(Width, Frame + RowHeight * Math.Max(2, rows.Count), ImageFormat.Png);
    }

    static byte[] Curves(RunReport report, string title, Func<EpochRecord, double> value)
    {
        Plot plot = new();
        foreach (var (at, row) in report.Rows.Index())
        {
            var epochs = row.Group.Runs.SelectMany(r => r.Epochs).Where(e => double.IsFinite(value(e))).GroupBy(e => e.Epoch)
                .OrderBy(g => g.Key).Select(g => (Epoch: g.Key + 1.0, Mean: g.Average(value))).ToArray();
            if (epochs.Length == 0)
                continue;
            var line = plot.Add.Scatter(epochs.Select(e => e.Epoch).ToArray(), epochs.Select(e => e.Mean).ToArray());
            line.LegendText = Short(row.Group.Name);
            line.LineWidth = 2;
            line.Color = plot.Add.Palette.GetColor(at);
            line.LinePattern = PlotLines.Pattern(plot, at);
            line.MarkerSize = epochs.Length > 60 ? 0 : 4;
        }
        plot.XLabel("epoch");
        plot.YLabel(title);
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
        plot.ShowLegend(Edge.Right);
        return plot.GetImageBytes(Width, Math.Max(CurvesHeight, LegendRow * (report.Rows.Count + 1)), ImageFormat.Png);
    }

    static string Short(string name) => name.Length <= 40 ? name : name[..39] + "…";
}
