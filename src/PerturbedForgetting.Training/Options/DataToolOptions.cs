namespace PerturbedForgetting.Training.Options;

/// <summary>The options of commands that look at data sets or copy them.</summary>
public abstract record DataToolOptions : RunOptions
{
    internal static new readonly OptionTopic<DataToolOptions> DataTopic = new(RunOptions.DataTopic.Heading);

    /// <summary>Names of splits, with commas between them.</summary>
    public string Splits { get => SplitsOption[this]; set => SplitsOption[this] = value; }
    internal static readonly OptionSpec<DataToolOptions, string> SplitsOption =
        DataTopic.Option("splits", "train,validation", "splits, with commas between them; one of the default that is not there is left out")
            .KnownAs("split")
            .RefusedWhen(o => o.SplitNames.Count == 0 || o.SplitNames.Distinct(StringComparer.Ordinal).Count() != o.SplitNames.Count,
                "names none, or one twice.");

    /// <summary>The splits one by one.</summary>
    internal IReadOnlyList<string> SplitNames => Splits.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Whether a split may be missing.</summary>
    internal bool MayLackSplits => SplitsOption.Get(this) is string splits && splits == "train,validation";
}
