using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Runs.Reporting;

/// <summary>Reads runs and tells how they compare: the work of the command <c>report</c>.</summary>
public static class RunReporter
{
    /// <summary>The runs in a folder as Markdown, of which one at least has finished.</summary>
    internal static string Describe(string folder, string title) =>
        MarkdownReport.Build(RunReport.Of(RunRecord.ReadAll([folder]), new() { Title = title }));

    /// <summary>Reads the runs and, where a folder is named, writes the report there as Markdown, HTML and CSV.</summary>
    /// <param name="options">Which runs, and what of them.</param>
    /// <returns>The report as Markdown.</returns>
    /// <exception cref="OptionException">An option is wrong.</exception>
    /// <exception cref="RunException">A folder holds no run, or one of its files is malformed.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static string Run(ReportOptions options)
    {
        options.RequireValid();
        var runs = RunRecord.ReadAll(options.Folders);
        var report = RunReport.Of(runs, new()
        {
            Title = options.Title,
            Baseline = options.Baseline,
            TakesBest = options.TakesBest,
            TakesUnfinished = options.Unfinished,
            Confidence = options.Confidence,
            More = [.. options.Columns.Select(c => RunMetric.OfFile(c.Title, c.File, c.Path))],
        });
        string markdown = MarkdownReport.Build(report);
        if (options.Out is { } folder)
        {
            Directory.CreateDirectory(folder);
            AtomicFile.WriteText(Path.Combine(folder, "report.md"), markdown);
            AtomicFile.WriteText(Path.Combine(folder, "report.csv"), CsvReport.Groups(report));
            AtomicFile.WriteText(Path.Combine(folder, "runs.csv"), CsvReport.Runs(report));
            AtomicFile.WriteText(Path.Combine(folder, "report.html"), HtmlReport.Build(report, ReportPlots.Draw(report)));
        }
        return markdown;
    }
}
