namespace PerturbedForgetting.Training.Options;

/// <summary>The options of commands that take images by their paths.</summary>
public abstract record ImageInputOptions : CheckpointOptions
{
    /// <summary>Images and folders of images, in the order in which they are taken. No option: they are named behind the command.</summary>
    public IReadOnlyList<string> Inputs { get; set; } = [];

    /// <summary>Whether images are named, rather than a data set.</summary>
    internal bool NamesImages => Inputs.Count > 0 || List is not null;

    internal static readonly OptionTopic<ImageInputOptions> InputTopic = new("Input");

    /// <summary>Text file with one path a line, after those of <see cref="Inputs"/>; <c>-</c> is the standard input.</summary>
    public string? List { get => ListOption[this]; set => ListOption[this] = value; }
    internal static readonly OptionSpec<ImageInputOptions, string?> ListOption =
        InputTopic.Option<string?>("list", null, "text file with the path of an image or folder a line; - is the standard input").AFile();

    internal static readonly OptionTopic<ImageInputOptions> OutputTopic = new("Output");

    /// <summary>The file to write.</summary>
    public string? Out { get => OutOption[this]; set => OutOption[this] = value; }
    internal static readonly OptionSpec<ImageInputOptions, string?> OutOption =
        OutputTopic.Option<string?>("out", null, "file to write").AFile();
}
