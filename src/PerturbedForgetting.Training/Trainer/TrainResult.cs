using PerturbedForgetting.Training.Evaluation;
using PerturbedForgetting.Training.Reports;

namespace PerturbedForgetting.Training;

/// <summary>How a run ended.</summary>
public enum TrainStatus
{
    /// <summary>All epochs are trained.</summary>
    Completed,

    /// <summary>It was asked to stop; its position is in the checkpoint <c>last</c>.</summary>
    Interrupted,

    /// <summary>The device executes nothing: the profile is all there is.</summary>
    Counted,
}

/// <summary>What a run leaves behind.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Folder">The run directory.</param>
/// <param name="Epochs">All finished epochs, also those before a resume.</param>
/// <param name="Metric">By which the best epoch is chosen.</param>
/// <param name="Bias">What the model learnt of the backgrounds of <c>builtin/shapes</c>; none for other data sets and for interrupted
/// runs.</param>
public sealed record TrainResult(TrainStatus Status, string Folder, IReadOnlyList<EpochRecord> Epochs, EvalMetric Metric,
    BackgroundBias? Bias)
{
    /// <summary>The text of <c>results.json</c>.</summary>
    public string Json => ResultsJson.Build(Epochs, Metric);
}

/// <summary>A loss or gradient is not finite, so that going on would produce nonsense. The last good checkpoint is kept.</summary>
/// <param name="message">Step, learning rate, loss, gradient norm, and what to do.</param>
public sealed class NotFiniteException(string message) : Exception(message);
