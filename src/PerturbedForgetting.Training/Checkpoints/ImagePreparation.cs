using System.Text.Json.Serialization;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Checkpoints;

/// <summary>All that decides which pixels of an image a model is evaluated on, as a checkpoint says it of its model.</summary>
public sealed record ImagePreparation
{
    /// <summary>Height and width in pixels.</summary>
    public required int Size { get; init; }

    /// <summary>Share of the resized image that the crop from its centre keeps.</summary>
    public required double CropPct { get; init; }

    /// <summary>Mean of each channel, red first, where white is 1.</summary>
    public required IReadOnlyList<double> Mean { get; init; }

    /// <summary>Standard deviation of each channel, red first, where white is 1.</summary>
    public required IReadOnlyList<double> Std { get; init; }

    /// <summary>Filter of the resize, as on the command line.</summary>
    public required string Interpolation { get; init; }

    /// <summary>Whether the EXIF orientation is honoured, as on the command line.</summary>
    public required string Exif { get; init; }

    /// <summary>What becomes of a truncated image, as on the command line.</summary>
    public required string Truncated { get; init; }

    /// <summary>The same as values of options.</summary>
    [JsonIgnore]
    internal IReadOnlyList<(OptionSpec Spec, object Value)> Options =>
    [
        (RunOptions.ImgSizeOption, Size), (RunOptions.CropPctOption, CropPct), (RunOptions.MeanOption, Mean.ToArray()),
        (RunOptions.StdOption, Std.ToArray()), (RunOptions.InterpolationOption, Interpolation), (RunOptions.ExifOption, Exif),
        (RunOptions.TruncatedOption, Truncated),
    ];

    /// <summary>What no evaluation could use, in words; null where there is nothing.</summary>
    internal string? Defect()
    {
        var options = new ValidateOptions();
        foreach (var (spec, value) in Options)
            spec.Set(options, value);
        return Options.SelectMany(o => o.Spec.Check(options)).FirstOrDefault(p => p.IsError) is { } problem ? problem.ToString()
            : Mean.Count != 3 || Std.Count != 3 ? "mean and std have another number of channels than 3"
            : Mean.Concat(Std).All(double.IsFinite) ? null
            : "mean or std is not finite";
    }
}

/// <summary>What a run measured on its validation split with the weights of a checkpoint.</summary>
public sealed record TrainedEvaluation
{
    /// <summary>Loss and accuracies.</summary>
    public required Reports.EvaluationMetrics Metrics { get; init; }

    /// <summary>Images of the split.</summary>
    public required int Images { get; init; }

    /// <summary>Device it ran on.</summary>
    public required string Device { get; init; }
}
