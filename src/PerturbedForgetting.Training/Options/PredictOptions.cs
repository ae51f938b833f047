namespace PerturbedForgetting.Training.Options;

/// <summary>All options of <c>predict</c>.</summary>
public sealed record PredictOptions : ImageInputOptions
{
    internal static new readonly OptionTopic<PredictOptions> OutputTopic = new(ImageInputOptions.OutputTopic.Heading);

    /// <summary>How the answers are written.</summary>
    public AnswerFormat Format { get => FormatOption[this]; set => FormatOption[this] = value; }
    internal static readonly OptionSpec<PredictOptions, AnswerFormat> FormatOption =
        OutputTopic.Choice("format", AnswerFormat.Table, "how answers are written",
            ("table", AnswerFormat.Table), ("csv", AnswerFormat.Csv), ("json", AnswerFormat.Json));
}
