using PerturbedForgetting.Vision.Datasets.Conversion;

namespace PerturbedForgetting.Training.Options;

/// <summary>All options of <c>data convert</c>.</summary>
public sealed record ConvertDataOptions : DataToolOptions
{
    internal static readonly OptionTopic<ConvertDataOptions> OutputTopic = new("Output");

    /// <summary>The form to convert to.</summary>
    public string? To { get => ToOption[this]; set => ToOption[this] = value; }
    internal static readonly OptionSpec<ConvertDataOptions, string?> ToOption =
        OutputTopic.ChoiceOrNull("to", "form: folders of files, WebDataset's tar files, TFDS's TFRecord files",
                [.. DatasetConversion.Forms])
            .RefusedWhen(o => o.To is null, "is needed: folder, webdataset or tfrecord.");

    /// <summary>The folder to fill.</summary>
    public string? Out { get => OutOption[this]; set => OutOption[this] = value; }
    internal static readonly OptionSpec<ConvertDataOptions, string?> OutOption =
        OutputTopic.Option<string?>("out", null, "folder to fill; one that an ended conversion left is completed").AFile()
            .RefusedWhen(o => o.Out is null, "is needed: the folder to fill.");

    /// <summary>Size of a shard in megabytes.</summary>
    public double ShardSize { get => ShardSizeOption[this]; set => ShardSizeOption[this] = value; }
    internal static readonly OptionSpec<ConvertDataOptions, double> ShardSizeOption =
        OutputTopic.Option("shard-size", 256.0, "megabytes of a tar or TFRecord file, about").Within(0.001, 1e6);

    /// <summary>Name of a set of TFDS; null is made of the source's name.</summary>
    public string? Name { get => NameOption[this]; set => NameOption[this] = value; }
    internal static readonly OptionSpec<ConvertDataOptions, string?> NameOption =
        OutputTopic.Option<string?>("name", null, "what a TFRecord set is called: letters, digits, _; default: by the source");
}
