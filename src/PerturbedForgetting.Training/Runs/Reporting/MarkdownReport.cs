using System.Text;

namespace PerturbedForgetting.Training.Runs.Reporting;

/// <summary>A report as Markdown: a table of means, one of differences, and notes.</summary>
static class MarkdownReport
{
    public static string Build(RunReport report)
    {
        StringBuilder text = new();
        text.Append("# ").Append(Escape(report.Title)).Append("\n\nMean ± standard deviation over seeds (n - 1 below).\n\n");
        Table(text, ["runs", "seeds", .. report.Metrics.Select(m => Escape(m.Title))],
            report.Rows.Select(r => (string[])[Name(report, r), Seeds(r), .. report.Metrics.Zip(r.Cells, RunReport.Mean)]));
        if (report.Baseline is { } baseline)
        {
            text.Append($"\nDifferences from {Escape(baseline.Group.Name)}, paired by seed, with the {report.ConfidenceText} ")
                .Append("confidence interval of their mean (Student's t):\n\n");
            Table(text, ["runs", "pairs", .. report.Metrics.Select(m => Escape(m.Title))],
                report.Rows.Where(r => r != baseline).Select(r => (string[])
                    [Escape(r.Group.Name), Pairs(r), .. report.Metrics.Zip(r.Cells, report.Difference)]));
        }
        text.Append('\n');
        foreach (string note in report.Notes)
            text.Append("- ").Append(Escape(note)).Append('\n');
        return text.ToString();
    }

    static string Name(RunReport report, ReportRow row) => Escape(row.Group.Name) + (row == report.Baseline ? " (baseline)" : "");

    static string Seeds(ReportRow row) => string.Join(' ', row.Group.Runs.Select(r => r.Options.Seed));

    static string Pairs(ReportRow row) => $"{row.Cells.Max(c => c.Difference?.Count ?? 0)}";

    static void Table(StringBuilder text, string[] header, IEnumerable<string[]> rows)
    {
        Row(header);
        Row([.. header.Select((_, i) => i == 0 ? "---" : "---:")]);
        foreach (string[] row in rows)
            Row(row);

        void Row(string[] cells) => text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
    }

    /// <summary>Names of folders are anybody's: nothing in them becomes a mark, a cell or a tag. Underlines in words are none.</summary>
    static string Escape(string text)
    {
        StringBuilder escaped = new();
        foreach (char c in text)
        {
            if (c is '|' or '<' or '>' or '&' or '*' or '`' or '[' or ']' or '\\')
                escaped.Append('\\');
            escaped.Append(char.IsControl(c) ? ' ' : c);
        }
        return escaped.ToString();
    }
}
