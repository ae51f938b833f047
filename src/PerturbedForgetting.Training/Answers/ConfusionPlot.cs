using System.Globalization;
using PerturbedForgetting.Training.Reports;
using ScottPlot;

namespace PerturbedForgetting.Training.Answers;

/// <summary>Draws a confusion matrix: rows are labels, columns what they were taken for, colours the share of a row.</summary>
static class ConfusionPlot
{
    /// <summary>Up to so many classes have their counts written into the cells, or their names beside them.</summary>
    const int MostCounts = 24, MostNames = 128;

    const int LongestName = 24, Largest = 1400, Frame = 200, CellOfCounts = 48, CellOfNames = 14;

    /// <summary>Writes the picture.</summary>
    /// <param name="matrix">The counts.</param>
    /// <param name="title">What is above it.</param>
    /// <param name="path">A PNG file.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(ConfusionMatrix matrix, string title, string path)
    {
        int classes = matrix.Classes;
        // Each cell has at least one pixel, and up to the number of classes that have names all their cells are as large.
        int cell = classes <= MostCounts ? CellOfCounts : classes <= MostNames ? CellOfNames : Math.Max(1, Largest / classes);
        int edge = Math.Max(classes * cell, 320) + Frame;
        var plot = new Plot();
        var heatmap = plot.Add.Heatmap(Shares(matrix));
        heatmap.Colormap = new ScottPlot.Colormaps.Viridis();
        heatmap.ManualRange = new ScottPlot.Range(0, 1);
        // So that one image of a thousand is seen beside a thousand.
        plot.Add.ColorBar(heatmap).Axis.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
            [.. marks.Select(m => Math.Sqrt(m))], [.. marks.Select(m => m.ToString("0.## %", CultureInfo.InvariantCulture))]);
        if (classes <= MostCounts)
            AddCounts(plot, matrix);
        plot.Title(title);
        plot.XLabel("predicted");
        plot.YLabel("label");
        SetTicks(plot, matrix);
        plot.Axes.SetLimits(-0.5, classes - 0.5, -0.5, classes - 0.5);
        plot.HideGrid();
        PlotFile.Write(path, plot, edge + Frame / 2, edge);
    }

    static readonly double[] marks = [0, 0.01, 0.05, 0.2, 0.5, 1];

    /// <summary>The root of the share of a row, the first row being the uppermost.</summary>
    static double[,] Shares(ConfusionMatrix matrix)
    {
        var shares = new double[matrix.Classes, matrix.Classes];
        for (int label = 0; label < matrix.Classes; label++)
        {
            int images = Math.Max(1, matrix.Images(label));
            for (int c = 0; c < matrix.Classes; c++)
                shares[label, c] = Math.Sqrt((double)matrix[label, c] / images);
        }
        return shares;
    }

    static void AddCounts(Plot plot, ConfusionMatrix matrix)
    {
        for (int label = 0; label < matrix.Classes; label++)
        {
            int images = Math.Max(1, matrix.Images(label));
            for (int c = 0; c < matrix.Classes; c++)
            {
                if (matrix[label, c] == 0)
                    continue;
                var text = plot.Add.Text(matrix[label, c].ToString(CultureInfo.InvariantCulture), c, matrix.Classes - 1 - label);
                text.LabelAlignment = Alignment.MiddleCenter;
                text.LabelFontSize = 12;
                text.LabelFontColor = Math.Sqrt((double)matrix[label, c] / images) < 0.6 ? Colors.White : Colors.Black;
            }
        }
    }

    static void SetTicks(Plot plot, ConfusionMatrix matrix)
    {
        int classes = matrix.Classes;
        bool named = classes <= MostNames;
        // Numbers in round steps, about ten of them.
        int step = named ? 1 : (int)Math.Pow(10, Math.Floor(Math.Log10(classes / 5.0)));
        int[] shown = [.. Enumerable.Range(0, classes).Where(c => c % step == 0)];
        string[] labels = [.. shown.Select(c => named ? Short(matrix.Names[c]) : c.ToString(CultureInfo.InvariantCulture))];
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericManual([.. shown.Select(c => (double)c)], labels);
        double[] places = [.. shown.Select(c => (double)(classes - 1 - c))];
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericManual(places, labels);
        float size = classes <= MostCounts ? 12 : named ? 9 : 12;
        plot.Axes.Bottom.TickLabelStyle.FontSize = plot.Axes.Left.TickLabelStyle.FontSize = size;
        int longest = labels.Max(l => l.Length);
        int room = (int)(longest * size * 0.65) + 40;
        plot.Axes.Left.MinimumSize = room;
        if (named && longest > 3)
        {
            plot.Axes.Bottom.TickLabelStyle.Rotation = 90;
            plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleLeft;
            plot.Axes.Bottom.MinimumSize = room;
        }
    }

    static string Short(string name) => name.Length <= LongestName ? name : name[..(LongestName - 1)] + "…";
}
