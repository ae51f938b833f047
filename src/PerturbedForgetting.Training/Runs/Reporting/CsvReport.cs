using System.Globalization;
using System.Text;
using PerturbedForgetting.Training.Answers;

namespace PerturbedForgetting.Training.Runs.Reporting;

/// <summary>A report as comma-separated values with all digits.</summary>
static class CsvReport
{
    /// <summary>One row a group and metric.</summary>
    public static string Groups(RunReport report)
    {
        StringBuilder text = new("runs,metric,n,mean,standard_deviation,baseline,pairs,difference,low,high\n");
        foreach (var row in report.Rows)
            foreach (var (metric, cell) in report.Metrics.Zip(row.Cells))
            {
                text.Append($"{CsvText.Field(row.Group.Name)},{CsvText.Field(metric.Title)},");
                text.Append(cell.All is { } all ? $"{all.Count},{Number(all.Mean)},{Number(all.Deviation)}," : "0,,,");
                text.Append(report.Baseline is { } b && b != row ? CsvText.Field(b.Group.Name) : "").Append(',');
                text.Append(cell.Difference is { } d ? $"{d.Count},{Number(d.Mean)},{Ends(d, report.Confidence)}\n" : ",,,\n");
            }
        return text.ToString();
    }

    /// <summary>One row a run.</summary>
    public static string Runs(RunReport report)
    {
        StringBuilder text = new("runs,seed,folder,epochs");
        foreach (var metric in report.Metrics)
            text.Append(',').Append(CsvText.Field(metric.Title));
        text.Append('\n');
        foreach (var row in report.Rows)
            foreach (var run in row.Group.Runs)
            {
                text.Append(string.Create(CultureInfo.InvariantCulture,
                    $"{CsvText.Field(row.Group.Name)},{run.Options.Seed},{CsvText.Field(run.Folder)},{run.Epochs.Count}"));
                foreach (var cell in row.Cells)
                    text.Append(',').Append(cell.Values.TryGetValue(run.Options.Seed, out double value) ? Number(value) : "");
                text.Append('\n');
            }
        return text.ToString();
    }

    static string Ends(SampleStatistics difference, double confidence)
    {
        double half = difference.HalfWidth(confidence);
        return $"{Number(difference.Mean - half)},{Number(difference.Mean + half)}";
    }

    static string Number(double value) => double.IsFinite(value) ? value.ToString("R", CultureInfo.InvariantCulture) : "";
}
