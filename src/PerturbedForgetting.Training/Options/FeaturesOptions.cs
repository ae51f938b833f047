namespace PerturbedForgetting.Training.Options;

/// <summary>All options of <c>features</c>.</summary>
public sealed record FeaturesOptions : ImageInputOptions
{
    internal static new readonly OptionTopic<FeaturesOptions> DataTopic = new(RunOptions.DataTopic.Heading);

    /// <summary>Name of the split, where the images are those of a data set.</summary>
    public string Split { get => SplitOption[this]; set => SplitOption[this] = value; }
    internal static readonly OptionSpec<FeaturesOptions, string> SplitOption =
        DataTopic.Option("split", "validation", "split of the data set, where no image is named");
}
