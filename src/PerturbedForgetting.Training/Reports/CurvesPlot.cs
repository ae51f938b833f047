using ScottPlot;

namespace PerturbedForgetting.Training.Reports;

/// <summary>Draws the curves of a run as a PNG: losses on the left, accuracies on the right.</summary>
public static class CurvesPlot
{
    const int Width = 1200, Height = 480;

    /// <summary>Writes the picture atomically.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="title">Name of the run, above the picture.</param>
    /// <param name="epochs">At least one epoch; values that are not finite are left out.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string path, string title, IReadOnlyList<EpochRecord> epochs)
    {
        var multiplot = new Multiplot();
        multiplot.AddPlots(2);
        multiplot.Layout = new ScottPlot.MultiplotLayouts.Columns();
        var loss = multiplot.GetPlot(0);
        Curve(loss, "training (mean)", epochs, e => e.Train.MeanLoss);
        Curve(loss, "validation", epochs, e => e.Validation.Loss);
        Finish(loss, $"{title}: loss", "loss", epochs.Count, Alignment.UpperRight);
        var accuracy = multiplot.GetPlot(1);
        Curve(accuracy, "top-1", epochs, e => e.Validation.Top1);
        Curve(accuracy, "top-5", epochs, e => e.Validation.Top5);
        Finish(accuracy, "validation accuracy", "%", epochs.Count, Alignment.LowerRight);
        PlotFile.Write(path, multiplot, Width, Height);
    }

    static void Curve(Plot plot, string label, IReadOnlyList<EpochRecord> epochs, Func<EpochRecord, double> value)
    {
        var finite = epochs.Where(e => double.IsFinite(value(e))).ToArray();
        // People count epochs from 1, files from 0.
        var line = plot.Add.Scatter(finite.Select(e => e.Epoch + 1.0).ToArray(), finite.Select(value).ToArray());
        line.LegendText = label;
        line.LineWidth = 2;
        // Points that touch each other hide the line.
        line.MarkerSize = finite.Length > 60 ? 0 : 6;
    }

    static void Finish(Plot plot, string title, string vertical, int epochs, Alignment legend)
    {
        plot.Title(title);
        plot.XLabel("epoch");
        plot.YLabel(vertical);
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
        // Where the curves of a run that goes well are not.
        plot.ShowLegend(legend);
        if (epochs == 1)
            plot.Axes.Margins(0.5, 0.5);
    }
}
