using System.Globalization;
using PerturbedForgetting.Training.Reports;
using ScottPlot;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>Draws Spearman's ρ of every measure with held-out accuracy: rows are perturbations, columns measures, a picture for training
/// images beside one for held-out ones.</summary>
static class CorrelationsPlot
{
    const int Cell = 58, Letter = 7, Bar = 110, Room = 190;

    /// <summary>Writes the picture.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="correlations">At least one.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<Correlation> correlations)
    {
        var shown = correlations.Where(static c => c.Generalisation == Correlations.Top1).ToArray();
        PerturbationCase?[] rows = [.. shown.Select(static c => c.Case).Distinct()];
        if (rows.Length == 0)
            return;
        string[] ofHessian = rows.Contains(null) ? [Correlations.TopEigenvalue] : [],
            measures = [.. ofHessian, .. Measure.OfOutputs.Concat(Measure.OfChanges).Select(static m => m.Name)];
        string[] names = [.. rows.Select(static r => r?.ToString() ?? "no perturbation")];
        int left = Letter * Math.Max(30, names.Max(static n => n.Length));
        var multiplot = new Multiplot();
        multiplot.AddPlots(2);
        multiplot.Layout = new ScottPlot.MultiplotLayouts.Columns();
        Draw(multiplot.GetPlot(0), ImageSets.Train, "change on training images");
        Draw(multiplot.GetPlot(1), ImageSets.HeldOut, "change on held-out images");
        PlotFile.Write(path, multiplot, 2 * (measures.Length * Cell + left + Bar), rows.Length * Cell / 2 + Room);

        void Draw(Plot plot, string set, string title)
        {
            var values = new double[rows.Length, measures.Length];
            for (int r = 0; r < rows.Length; r++)
                for (int m = 0; m < measures.Length; m++)
                {
                    values[r, m] = Find(rows[r], set, measures[m]);
                    if (double.IsNaN(values[r, m]))
                        continue;
                    var text = plot.Add.Text(values[r, m].ToString("F2", CultureInfo.InvariantCulture), m, rows.Length - 1 - r);
                    (text.LabelAlignment, text.LabelFontSize) = (Alignment.MiddleCenter, 11);
                    text.LabelFontColor = Math.Abs(values[r, m]) > 0.6 ? Colors.White : Colors.Black;
                }
            var heatmap = plot.Add.Heatmap(values);
            heatmap.Colormap = new ScottPlot.Colormaps.Balance();
            heatmap.ManualRange = new ScottPlot.Range(-1, 1);
            plot.MoveToBottom(heatmap);
            plot.Add.ColorBar(heatmap);
            plot.Title(string.Create(CultureInfo.InvariantCulture,
                $"Spearman's rho with {Correlations.Top1}, {shown[0].Test.Pairs} runs: {title}"), 13);
            Ticks(plot.Axes.Left, [.. names.AsEnumerable().Reverse()], left);
            Ticks(plot.Axes.Bottom, measures, 120);
            (plot.Axes.Bottom.TickLabelStyle.Rotation, plot.Axes.Bottom.TickLabelStyle.Alignment) = (90, Alignment.MiddleLeft);
            plot.Axes.SetLimits(-0.5, measures.Length - 0.5, -0.5, rows.Length - 0.5);
            plot.HideGrid();
        }

        double Find(PerturbationCase? row, string set, string measure) => shown
            .Where(c => c.Case == row && c.Measure == measure && (row is null || c.Set == set))
            .Select(static c => c.Test.Spearman).DefaultIfEmpty(double.NaN).First();
    }

    static void Ticks(IAxis axis, string[] names, int room)
    {
        axis.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
            [.. Enumerable.Range(0, names.Length).Select(static i => (double)i)], names);
        axis.TickLabelStyle.FontSize = 11;
        axis.MinimumSize = room;
    }
}
