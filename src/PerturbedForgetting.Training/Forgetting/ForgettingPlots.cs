using System.Globalization;
using PerturbedForgetting.Training.Reports;
using ScottPlot;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>Draws a study.</summary>
static class ForgettingPlots
{
    const int PanelWidth = 520, PanelHeight = 380, Columns = 3, MostClasses = 40, MostNames = 24;

    /// <summary>Colours that can be told apart, without the greys.</summary>
    static readonly Color[] colors =
        [.. new ScottPlot.Palettes.Category20().Colors.Where((_, i) => i is not (14 or 15)).Select((c, i) => (c, i))
            .OrderBy(static c => c.i % 2).Select(static c => c.c)];

    /// <summary>What is drawn of outputs, its change; and of changes, itself.</summary>
    static readonly string[] drawnOutputs = ["loss", "top1", "confidence", "kl_uniform", "tv_labels"];

    const string DrawnChange = "agreement", Epoch = "epoch";

    /// <summary>Writes all plots there are results for, and removes those of an earlier start.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="models">The models.</param>
    /// <param name="correlations">Over the runs.</param>
    /// <exception cref="IOException">One cannot be written.</exception>
    public static void Write(string folder, IReadOnlyList<StudiedModel> models, IReadOnlyList<Correlation> correlations)
    {
        string plots = Path.Combine(folder, "plots");
        if (Directory.Exists(plots))
            foreach (string old in Directory.GetFiles(plots, "*.png"))
                File.Delete(old);
        foreach (var model in models.Where(static m => m.Cells.Count > 0))
        {
            string name = FileName($"{model.Run}-{model.Checkpoint}");
            PlotRho(Path.Combine(plots, $"rho-{name}.png"), model);
            if (model.Cells[0].Result.On(ImageSets.HeldOut).LabelShares!.Length <= MostClasses)
                PlotClasses(Path.Combine(plots, $"classes-{name}.png"), model);
        }
        foreach (var run in models.Where(static m => m.Cells.Count > 0 && m.Epoch is not null).GroupBy(static m => m.Run))
            if (run.Select(static m => m.Epoch).Distinct().Count() > 1)
                foreach (double rho in run.SelectMany(static m => m.Cells.Select(static c => c.Case.Rho)).Distinct())
                    PlotEpochs(Path.Combine(plots, FileName(FormattableString.Invariant($"epochs-{run.Key}-rho-{rho}")) + ".png"),
                        [.. run.OrderBy(static m => m.Epoch)], rho);
        if (correlations.Count > 0)
            CorrelationsPlot.Write(Path.Combine(plots, "correlations.png"), correlations);
    }

    /// <summary>Changes over the radius: a line a perturbation, full on training images, dashed on held-out ones.</summary>
    static void PlotRho(string path, StudiedModel model) => Panels(path, $"{model}", "rho", (plot, value) =>
    {
        foreach (var (curve, i) in model.Cells.GroupBy(static c => c.Case.WithoutRho).Take(colors.Length).Select(static (c, i) => (c, i)))
            foreach (string set in (string[])[ImageSets.Train, ImageSets.HeldOut])
                Line(plot, curve.Key.Curve, i, set == ImageSets.HeldOut,
                    [.. curve.OrderBy(static c => c.Case.Rho).Select(c => (c.Case.Rho, value(c.Result.On(set))))]);
    });

    /// <summary>Changes on held-out and training images over the epochs of a run.</summary>
    static void PlotEpochs(string path, StudiedModel[] models, double rho) =>
        Panels(path, string.Create(CultureInfo.InvariantCulture, $"{models[0].Run}, rho {rho}"), Epoch, (plot, value) =>
        {
            var cases = models.SelectMany(static m => m.Cells.Select(static c => c.Case)).Where(c => c.Rho == rho).Distinct();
            foreach (var (perturbation, i) in cases.Take(colors.Length).Select(static (c, i) => (c, i)))
                foreach (string set in (string[])[ImageSets.Train, ImageSets.HeldOut])
                    Line(plot, perturbation.Curve, i, set == ImageSets.HeldOut,
                        [.. models.Where(m => m.Find(perturbation) is not null)
                            .Select(m => ((double)m.Epoch!.Value, value(m.Find(perturbation)!.On(set))))]);
        });

    /// <summary>Mean output of each class on held-out images, before and at the largest radius of each perturbation.</summary>
    static void PlotClasses(string path, StudiedModel model)
    {
        var plot = new Plot();
        var largest = model.Cells.GroupBy(static c => c.Case.WithoutRho).Take(colors.Length)
            .Select(static g => g.MaxBy(static c => c.Case.Rho)).ToArray();
        var first = largest[0].Result.On(ImageSets.HeldOut);
        int classes = first.LabelShares!.Length;
        double[] places = [.. Enumerable.Range(0, classes).Select(static k => (double)k)];
        int groups = largest.Length + 1;
        Bars("before", first.ClassesBefore!.Mean, 0, Colors.Gray);
        for (int i = 0; i < largest.Length; i++)
            Bars(largest[i].Case.ToString(), largest[i].Result.On(ImageSets.HeldOut).ClassesAfter!.Mean, i + 1, ColorOf(i));
        var labels = plot.Add.Scatter(places, first.LabelShares!);
        (labels.LegendText, labels.LineWidth, labels.Color, labels.MarkerShape, labels.MarkerSize) =
            ("labels", 0, Colors.Black, MarkerShape.HorizontalBar, 16);
        plot.Title($"{model}: mean output on held-out images");
        plot.YLabel("share");
        if (classes <= MostNames)
        {
            plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericManual(places,
                [.. places.Select(k => ForgettingTables.ClassName(model, (int)k) is { Length: > 12 } name
                    ? name[..11] + "…" : ForgettingTables.ClassName(model, (int)k))]);
        }
        plot.Axes.Margins(bottom: 0);
        plot.ShowLegend(Edge.Right);
        PlotFile.Write(path, plot, Math.Max(1000, 460 + classes * groups * 12), 520);

        void Bars(string name, double[] values, int group, Color color)
        {
            double width = 0.8 / groups;
            var bars = plot.Add.Bars(values.Select((v, k) => new Bar
            {
                Position = k + (group - (groups - 1) / 2.0) * width,
                Value = v,
                Size = width,
                FillColor = color,
                LineWidth = 0,
            }).ToArray());
            bars.LegendText = name;
        }
    }

    static void Panels(string path, string title, string horizontal, Action<Plot, Func<SetResult, double>> draw)
    {
        var multiplot = new Multiplot();
        int count = drawnOutputs.Length + 1, rows = (count + Columns - 1) / Columns;
        multiplot.AddPlots(count + 1);
        for (int i = 0; i < count; i++)
        {
            var plot = multiplot.GetPlot(i);
            if (i < drawnOutputs.Length)
            {
                int measure = Measure.Output(drawnOutputs[i]);
                draw(plot, s => s.Differences(measure).Average());
                plot.Title($"change of {Measure.OfOutputs[measure].Title}", 13);
            }
            else
            {
                int measure = Measure.Change(DrawnChange);
                draw(plot, s => s.Change.Average(v => v[measure]));
                plot.Title(Measure.OfChanges[measure].Title, 13);
            }
            if (horizontal == Epoch)
                plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
            plot.XLabel(horizontal);
            plot.HideLegend();
        }
        int below = WriteLegend(multiplot.GetPlot(count), multiplot.GetPlot(0), title);
        multiplot.Layout = new PanelsAboveLegend(Columns, rows, below);
        PlotFile.Write(path, multiplot, PanelWidth * Columns, (PanelHeight * rows) + below);
    }

    /// <summary>Names the lines of a plot in another one.</summary>
    /// <returns>The height that it takes.</returns>
    static int WriteLegend(Plot legend, Plot plot, string title)
    {
        const int Line = 24, Title = 60;
        legend.HideAxesAndGrid();
        legend.Title($"{title}: on training images (full lines) and on held-out ones (dashed)", 14);
        LegendItem[] items = [.. plot.GetPlottables<ScottPlot.Plottables.Scatter>().Where(static s => s.LegendText.Length > 0).Select(
            static s => new LegendItem { LabelText = s.LegendText, LineColor = s.Color, LineWidth = 3, MarkerShape = MarkerShape.None })];
        legend.Legend.ManualItems.AddRange(items);
        legend.Legend.FontSize = 12;
        legend.ShowLegend(Alignment.UpperLeft);
        return Title + (Line * ((items.Length + Columns - 1) / Columns));
    }

    /// <summary>Panels of one size, and the last plot below all of them.</summary>
    sealed class PanelsAboveLegend(int columns, int rows, int below) : IMultiplotLayout
    {
        public PixelRect[] GetSubplotRectangles(SubplotCollection subplots, PixelRect figureRect)
        {
            float width = figureRect.Width / columns, height = (figureRect.Height - below) / rows;
            return
            [
                .. Enumerable.Range(0, subplots.Count - 1).Select(i =>
                {
                    float left = figureRect.Left + (i % columns * width), top = figureRect.Top + (i / columns * height);
                    return new PixelRect(left, left + width, top + height, top);
                }),
                new PixelRect(figureRect.Left, figureRect.Right, figureRect.Bottom, figureRect.Bottom - below),
            ];
        }
    }

    static void Line(Plot plot, string name, int color, bool isDashed, (double X, double Y)[] points)
    {
        var finite = points.Where(static p => double.IsFinite(p.Y)).ToArray();
        var line = plot.Add.Scatter(finite.Select(static p => p.X).ToArray(), finite.Select(static p => p.Y).ToArray());
        (line.LegendText, line.LineWidth, line.MarkerSize, line.Color) = (isDashed ? "" : name, 2, 5, ColorOf(color));
        line.LinePattern = isDashed ? LinePattern.Dashed : LinePattern.Solid;
    }

    static Color ColorOf(int number) => colors[number];

    /// <summary>A name without what file systems do not take.</summary>
    static string FileName(string name) =>
        string.Concat(name.Select(static c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '_'));
}
