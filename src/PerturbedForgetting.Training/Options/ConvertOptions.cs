namespace PerturbedForgetting.Training.Options;

/// <summary>All options of <c>convert</c>. The file to convert is the <see cref="CheckpointOptions.Checkpoint"/>, named behind the
/// command.</summary>
public sealed record ConvertOptions : CheckpointOptions
{
    internal static readonly OptionTopic<ConvertOptions> FilesTopic = new("Files");

    /// <summary>The file to write; its name says the format.</summary>
    public string? Out { get => OutOption[this]; set => OutOption[this] = value; }
    internal static readonly OptionSpec<ConvertOptions, string?> OutOption =
        FilesTopic.Option<string?>("out", null, $"file to write: {WeightsFormat.Endings}").AFile()
            .RefusedWhen(o => o.Out is null, $"names the file to write, which ends in {WeightsFormat.Endings}.")
            .RefusedWhen(o => !string.IsNullOrWhiteSpace(o.Out) && WeightsFormat.Of(o.Out) is null,
                o => $"'{o.Out}' ends in none of {WeightsFormat.Endings}.");

    /// <summary>Whether a file that is there may be replaced.</summary>
    public bool Overwrite { get => OverwriteOption[this]; set => OverwriteOption[this] = value; }
    internal static readonly OptionSpec<ConvertOptions, bool> OverwriteOption =
        FilesTopic.Option("overwrite", false, "replace the file where there is one");
}

/// <summary>The formats that weights are written in.</summary>
enum WeightsFileFormat
{
    /// <summary>Tensors and texts.</summary>
    Safetensors,
    /// <summary>A state dictionary for torch.load.</summary>
    Torch,
    /// <summary>The network itself, for other runtimes.</summary>
    Onnx,
}

/// <summary>Formats by the endings of files' names.</summary>
static class WeightsFormat
{
    static readonly (string Ending, WeightsFileFormat Format)[] known =
    [
        (".safetensors", WeightsFileFormat.Safetensors), (".pth", WeightsFileFormat.Torch), (".pt", WeightsFileFormat.Torch),
        (".bin", WeightsFileFormat.Torch), (".pth.tar", WeightsFileFormat.Torch), (".onnx", WeightsFileFormat.Onnx),
    ];

    /// <summary>The endings, for messages.</summary>
    public static string Endings { get; } = string.Join(", ", known.Select(k => k.Ending));

    /// <summary>The format that a name says; null where it says none.</summary>
    public static WeightsFileFormat? Of(string path) =>
        Array.Find(known, k => path.EndsWith(k.Ending, StringComparison.OrdinalIgnoreCase)) is { Ending: not null } found
            ? found.Format
            : null;
}
