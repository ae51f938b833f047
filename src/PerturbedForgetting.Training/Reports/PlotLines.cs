using ScottPlot;

namespace PerturbedForgetting.Training.Reports;

/// <summary>Lines of a picture that are more than there are colours.</summary>
static class PlotLines
{
    static readonly LinePattern[] patterns = [LinePattern.Solid, LinePattern.Dashed, LinePattern.Dotted];

    /// <summary>The pattern of a line, which tells it apart from others of its colour.</summary>
    /// <param name="plot">The picture.</param>
    /// <param name="at">Number of the line.</param>
    public static LinePattern Pattern(Plot plot, int at) => patterns[at / plot.Add.Palette.Colors.Length % patterns.Length];
}
