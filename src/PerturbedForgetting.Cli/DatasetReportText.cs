using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Cli;

/// <summary>Words for what a check of a data set found.</summary>
static class DatasetReportText
{
    public static void Write(DatasetReport report, TextWriter w)
    {
        w.WriteLine(report.Dataset);
        string classes = Quantity.Of(report.Classes.Count, "class", "classes");
        w.WriteLine(Text($"  images    {report.Images} in {classes} (class list {report.ClassHash})"));
        if (report.ImagesPerClass.Count > 0)
            w.WriteLine(Text($"  a class   {report.ImagesPerClass.Min()} to {Quantity.Of(report.ImagesPerClass.Max(), "image")}"));
        if (report.Formats.Count > 0)
        {
            w.WriteLine($"  formats   {string.Join(", ", report.Formats.Select(f => Text($"{f.Key} {f.Value}")))}");
            w.WriteLine(Text($"  width     {report.Width.Min} to {report.Width.Max}, mean {report.Width.Mean:0.#}"));
            w.WriteLine(Text($"  height    {report.Height.Min} to {report.Height.Max}, mean {report.Height.Mean:0.#}"));
            w.WriteLine(Text($"  colours   grey {report.Grey}, CMYK {report.Cmyk}; not upright by EXIF {report.Rotated}"));
        }
        foreach (string note in report.Notes)
            w.WriteLine($"  note      {note}");
        foreach (DatasetFinding finding in report.Findings)
        {
            w.WriteLine(Text($"  {(finding.IsError ? "ERROR" : "note "),-10}{finding.Kind}: {finding.Count}"));
            foreach (string example in finding.Examples)
                w.WriteLine($"            {example}");
            if (finding.Count > finding.Examples.Count)
                w.WriteLine(Text($"            and {finding.Count - finding.Examples.Count} more"));
        }
    }

    static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
