using System.Globalization;
using PerturbedForgetting.Tensors.Serialization;
using ScottPlot;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>Draws the density of the eigenvalues, with a logarithmic vertical axis: most of the many eigenvalues lie near zero, and the few
/// that matter would not be seen beside them.</summary>
static class DensityPlot
{
    const int Width = 900, Height = 540;

    // What is below, of a network with millions of eigenvalues, is not one of them.
    const double LeastDecades = 8;

    /// <summary>Writes the picture atomically.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="title">Above it.</param>
    /// <param name="density">The curve.</param>
    /// <param name="marks">Eigenvalues that are known, as lines; none where they were not looked for.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string path, string title, SpectralDensity density, IReadOnlyList<double> marks)
    {
        var plot = new Plot();
        double top = Math.Log10(density.Values.Max()), bottom = top - LeastDecades;
        var curve = plot.Add.Scatter(density.At, [.. density.Values.Select(v => v > 0 ? Math.Max(Math.Log10(v), bottom) : bottom)]);
        (curve.LineWidth, curve.MarkerSize) = (2, 0);
        curve.FillY = true;
        curve.FillYValue = bottom;
        curve.FillYColor = curve.Color.WithOpacity(0.2);
        for (int i = 0; i < marks.Count; i++)
        {
            var line = plot.Add.VerticalLine(marks[i], 1, Colors.Red.WithOpacity(0.6), LinePattern.Dotted);
            if (i == 0)
                line.LegendText = "eigenvalues";
        }
        plot.Title(title);
        plot.XLabel("eigenvalue");
        plot.YLabel("density");
        double[] decades = [.. Enumerable.Range((int)Math.Ceiling(bottom), (int)LeastDecades + 1).Select(d => (double)d)];
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
            decades, [.. decades.Select(d => Math.Pow(10, d).ToString("0.#########e+0", CultureInfo.InvariantCulture))]);
        plot.Axes.SetLimitsY(bottom, top + 0.5);
        if (marks.Count > 0)
            plot.ShowLegend(Alignment.UpperRight);
        byte[] png = plot.GetImageBytes(Width, Height, ImageFormat.Png);
        AtomicFile.Write(path, stream => stream.Write(png));
    }
}
