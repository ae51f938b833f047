using System.Net;
using System.Text;

namespace PerturbedForgetting.Training.Runs.Reporting;

/// <summary>A report as one HTML file that needs no other: styles and pictures are in it, and no script.</summary>
static class HtmlReport
{
    const string Style = "body{font:15px/1.45 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#222}"
        + "table{border-collapse:collapse;margin:1em 0;display:block;overflow-x:auto}th,td{padding:.3em .8em;border-bottom:1px solid #ddd;"
        + "text-align:right;white-space:nowrap}th:first-child,td:first-child{text-align:left}tr.base{background:#f4f4f4}"
        + "td.apart{font-weight:bold}img{max-width:100%}li{margin:.2em 0}"
        + "@media(prefers-color-scheme:dark){body{background:#1b1b1b;color:#ddd}tr.base{background:#2a2a2a}th,td{border-color:#444}}";

    /// <summary>The text.</summary>
    /// <param name="report">The table.</param>
    /// <param name="pictures">PNGs with what they show.</param>
    public static string Build(RunReport report, IEnumerable<(string Caption, byte[] Png)> pictures)
    {
        StringBuilder html = new();
        html.Append("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
            .Append($"<meta name=\"viewport\" content=\"width=device-width\"><title>{Text(report.Title)}</title>")
            .Append($"<style>{Style}</style></head>\n<body><h1>{Text(report.Title)}</h1>\n");
        html.Append("<p>Mean ± standard deviation over seeds.</p>\n");
        Means(html, report);
        if (report.Baseline is not null)
            Differences(html, report);
        foreach (var (caption, png) in pictures)
            html.Append($"<figure><img alt=\"{Text(caption)}\" src=\"data:image/png;base64,{Convert.ToBase64String(png)}\">")
                .Append($"<figcaption>{Text(caption)}</figcaption></figure>\n");
        html.Append("<ul>\n");
        foreach (string note in report.Notes)
            html.Append($"<li>{Text(note)}</li>\n");
        return html.Append("</ul>\n</body></html>\n").ToString();
    }

    static void Means(StringBuilder html, RunReport report)
    {
        Header(html, report, "seeds");
        foreach (var row in report.Rows)
        {
            html.Append(row == report.Baseline ? "<tr class=\"base\">" : "<tr>")
                .Append($"<td>{Text(row.Group.Name)}{(row == report.Baseline ? " (baseline)" : "")}</td>")
                .Append($"<td>{string.Join(' ', row.Group.Runs.Select(r => r.Options.Seed))}</td>");
            foreach (var (metric, cell) in report.Metrics.Zip(row.Cells))
                html.Append($"<td>{Text(RunReport.Mean(metric, cell))}</td>");
            html.Append("</tr>\n");
        }
        html.Append("</table>\n");
    }

    static void Differences(StringBuilder html, RunReport report)
    {
        html.Append($"<p>Differences from {Text(report.Baseline!.Group.Name)}, paired by seed, with the {report.ConfidenceText} ")
            .Append("confidence interval of their mean (Student's t). Bold: the interval does not hold 0.</p>\n");
        Header(html, report, "pairs");
        foreach (var row in report.Rows.Where(r => r != report.Baseline))
        {
            html.Append($"<tr><td>{Text(row.Group.Name)}</td><td>{row.Cells.Max(c => c.Difference?.Count ?? 0)}</td>");
            foreach (var (metric, cell) in report.Metrics.Zip(row.Cells))
            {
                bool isApart = cell.Difference is { } d && d.HalfWidth(report.Confidence) < Math.Abs(d.Mean);
                html.Append(isApart ? "<td class=\"apart\">" : "<td>").Append($"{Text(report.Difference(metric, cell))}</td>");
            }
            html.Append("</tr>\n");
        }
        html.Append("</table>\n");
    }

    static void Header(StringBuilder html, RunReport report, string second)
    {
        html.Append($"<table><tr><th>runs</th><th>{second}</th>");
        foreach (var metric in report.Metrics)
            html.Append($"<th>{Text(metric.Title)}</th>");
        html.Append("</tr>\n");
    }

    static string Text(string text) => WebUtility.HtmlEncode(text);
}
