namespace PerturbedForgetting.Training.Options;

/// <summary>All options of <c>report</c>.</summary>
public sealed record ReportOptions : RunOptions
{
    internal static readonly OptionTopic<ReportOptions> ReportTopic = new("Report");

    /// <summary>Folders of runs, or folders that hold some.</summary>
    public IReadOnlyList<string> Folders { get; set; } = [];

    /// <summary>Folder for the report; null writes none.</summary>
    public string? Out { get => OutOption[this]; set => OutOption[this] = value; }
    internal static readonly OptionSpec<ReportOptions, string?> OutOption =
        ReportTopic.Option<string?>("out", null, "folder to write report.md, report.html, report.csv and runs.csv into").AFile()
            .RefusedWhen(o => o.Folders.Count == 0, "no runs were named: put their folders, or one that holds them, behind the command.");

    /// <summary>Name of the runs that the others are compared with; null takes the plainest.</summary>
    public string? Baseline { get => BaselineOption[this]; set => BaselineOption[this] = value; }
    internal static readonly OptionSpec<ReportOptions, string?> BaselineOption = ReportTopic.Option<string?>("baseline", null,
        "runs that the others are compared with, by the name they have in the table; default: the plainest, without perturbation or label "
        + "smoothing");

    /// <summary>Take each run's best epoch in place of its last.</summary>
    public bool TakesBest { get => AtOption[this]; set => AtOption[this] = value; }
    internal static readonly OptionSpec<ReportOptions, bool> AtOption =
        ReportTopic.Choice("at", false, "epoch whose numbers count", ("last", false), ("best", true));

    /// <summary>Count runs that have not finished.</summary>
    public bool Unfinished { get => UnfinishedOption[this]; set => UnfinishedOption[this] = value; }
    internal static readonly OptionSpec<ReportOptions, bool> UnfinishedOption =
        ReportTopic.Option("unfinished", false, "count runs that have not finished, with the epochs they have");

    /// <summary>Probability with which a confidence interval holds the mean.</summary>
    public double Confidence { get => ConfidenceOption[this]; set => ConfidenceOption[this] = value; }
    internal static readonly OptionSpec<ReportOptions, double> ConfidenceOption =
        ReportTopic.Option("confidence", 0.95, "probability with which an interval holds the mean")
            .Must(v => v is >= 0.5 and <= 0.9999, "must lie in 0.5 to 0.9999");

    /// <summary>Heading.</summary>
    public string Title { get => TitleOption[this]; set => TitleOption[this] = value; }
    internal static readonly OptionSpec<ReportOptions, string> TitleOption = ReportTopic.Option("title", "Runs", "heading");

    /// <summary>More columns as <c>TITLE=FILE:PATH</c>, with commas between them.</summary>
    public string? Column { get => ColumnOption[this]; set => ColumnOption[this] = value; }
    internal static readonly OptionSpec<ReportOptions, string?> ColumnOption =
        ReportTopic.Option<string?>("columns", null,
                "numbers of JSON files in the runs' folders: TITLE=FILE:PATH,..., e.g. v2=evaluation-imagenet_v2.json:top1_err")
            .RefusedForEach(o => Split(o.Column).Where(c => Parse(c) is null).Select(c => $"'{c}' is not of the form TITLE=FILE:PATH."))
            .RefusedForEach(o => o.Columns.Where(c => Path.IsPathRooted(c.File) || c.File.Split('/', '\\').Contains(".."))
                .Select(c => $"'{c.File}' must be a file in the run's folder."));

    /// <summary>The columns one by one.</summary>
    internal IEnumerable<(string Title, string File, string Path)> Columns =>
        Split(Column).Select(Parse).OfType<(string, string, string)>();

    static string[] Split(string? columns) => columns?.Split(',', StringSplitOptions.TrimEntries) ?? [];

    static (string Title, string File, string Path)? Parse(string column)
    {
        int equals = column.IndexOf('='), colon = column.LastIndexOf(':');
        return equals > 0 && colon > equals + 1 && colon < column.Length - 1
            ? (column[..equals], column[(equals + 1)..colon], column[(colon + 1)..])
            : null;
    }
}
