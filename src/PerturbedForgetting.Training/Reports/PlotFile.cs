using PerturbedForgetting.Tensors.Serialization;
using ScottPlot;

namespace PerturbedForgetting.Training.Reports;

/// <summary>Writes plots as PNG files.</summary>
static class PlotFile
{
    /// <summary>Writes a picture of several plots atomically.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="plots">The plots, with their layout.</param>
    /// <param name="width">In pixels.</param>
    /// <param name="height">In pixels.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string path, Multiplot plots, int width, int height) =>
        Write(path, plots.Render(width, height).GetImageBytes(ImageFormat.Png));

    /// <summary>The same of one plot.</summary>
    /// <inheritdoc cref="Write(string, Multiplot, int, int)"/>
    public static void Write(string path, Plot plot, int width, int height) =>
        Write(path, plot.GetImageBytes(width, height, ImageFormat.Png));

    static void Write(string path, byte[] png) => AtomicFile.Write(path, stream => stream.Write(png));
}
