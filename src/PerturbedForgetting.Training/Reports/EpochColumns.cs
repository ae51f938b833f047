using System.Globalization;

namespace PerturbedForgetting.Training.Reports;

/// <summary>A number of an epoch, as files name it.</summary>
/// <param name="Name">Name of the column of <c>summary.csv</c> and of the number in logs.</param>
/// <param name="Value">The number.</param>
/// <param name="Format">How it is written in <c>summary.csv</c>; empty: all digits.</param>
sealed record EpochColumn(string Name, Func<EpochRecord, double?> Value, string Format = "")
{
    /// <summary>The number of an epoch as text; empty where it has none.</summary>
    public string Text(EpochRecord epoch) => Value(epoch)?.ToString(Format, CultureInfo.InvariantCulture) ?? "";
}

/// <summary>The numbers of an epoch, in the order of <c>summary.csv</c>.</summary>
static class EpochColumns
{
    /// <summary>Those that every epoch has.</summary>
    public static IReadOnlyList<EpochColumn> Always { get; } =
    [
        new("lr", static e => e.LearningRate),
        new("rho", static e => e.Rho),
        new("train_loss", static e => e.Train.Loss),
        new("train_perturb_loss", static e => e.Train.PerturbLoss),
        new("train_mean_loss", static e => e.Train.MeanLoss),
        new("train_mean_perturb_loss", static e => e.Train.MeanPerturbLoss),
        new("eval_loss", static e => e.Validation.Loss),
        new("eval_top1", static e => e.Validation.Top1, "F4"),
        new("eval_top5", static e => e.Validation.Top5, "F4"),
        new("seconds", static e => e.Seconds, "F2"),
        new("images_per_second", static e => e.ImagesPerSecond, "F1"),
        new("peak_memory_mib", static e => e.PeakBytes / 1048576.0, "F1"),
        new("skipped_updates", static e => e.SkippedUpdates),
    ];

    /// <summary>Those of epochs that were trained with <c>--log-norms</c>.</summary>
    public static IReadOnlyList<EpochColumn> Norms { get; } =
    [
        new("perturbation_norm", static e => e.Norms?.Perturbation),
        new("gradient_norm", static e => e.Norms?.Gradient),
    ];
}
