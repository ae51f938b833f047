namespace PerturbedForgetting.Training.Reports;

/// <summary>Losses of the training batches of one epoch. A perturbation maximises its objective; both perturbation losses are the objective
/// with its sign reversed, as the reference reports it, and the training loss where nothing is perturbed.</summary>
/// <param name="Loss">As the reference reports it: of each batch the last perturbation group only, and without the batches before number
/// three times the accumulation.</param>
/// <param name="PerturbLoss">The same for the perturbation loss.</param>
/// <param name="MeanLoss">Mean over every sample of the epoch.</param>
/// <param name="MeanPerturbLoss">Mean of the perturbation loss over every sample of the epoch.</param>
public sealed record TrainMetrics(double Loss, double PerturbLoss, double MeanLoss, double MeanPerturbLoss);

/// <summary>Norms of an update, which <c>--log-norms</c> asks for.</summary>
/// <param name="Perturbation">L2 norm of what was added to the weights for the last perturbation group; 0 where nothing is
/// perturbed.</param>
/// <param name="Gradient">L2 norm of the gradient that the update is made of, at the perturbed weights, before clipping.</param>
public readonly record struct UpdateNorms(double Perturbation, double Gradient);

/// <summary>Result of an evaluation.</summary>
/// <param name="Loss">Mean cross entropy without smoothing.</param>
/// <param name="Top1">Percentage of images whose class has the largest logit.</param>
/// <param name="Top5">Percentage of images whose class is among the five largest logits.</param>
public sealed record EvaluationMetrics(double Loss, double Top1, double Top5);

/// <summary>What one epoch did: a row of <c>summary.csv</c> and an entry of <c>results.json</c>.</summary>
public sealed record EpochRecord
{
    /// <summary>Number of the epoch, from 0.</summary>
    public required int Epoch { get; init; }

    /// <summary>Learning rate of the epoch's last update.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Perturbation radius of the epoch's last update; 0 without a perturbation.</summary>
    public required double Rho { get; init; }

    /// <summary>Losses in training.</summary>
    public required TrainMetrics Train { get; init; }

    /// <summary>Norms of the epoch's last update; null without <c>--log-norms</c>.</summary>
    public UpdateNorms? Norms { get; init; }

    /// <summary>Evaluation after the epoch.</summary>
    public required EvaluationMetrics Validation { get; init; }

    /// <summary>Wall-clock seconds of the epoch with its evaluation, over all interruptions.</summary>
    public required double Seconds { get; init; }

    /// <summary>Training images a second, without the evaluation.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>Most bytes of tensors that were live at once.</summary>
    public required long PeakBytes { get; init; }

    /// <summary>Updates that were skipped because their loss or gradient was not finite.</summary>
    public int SkippedUpdates { get; init; }
}

/// <summary>By which number epochs are compared.</summary>
public enum EvalMetric
{
    /// <summary>Higher is better.</summary>
    Top1,
    /// <summary>Higher is better.</summary>
    Top5,
    /// <summary>Lower is better.</summary>
    Loss,
}

/// <summary>Compares epochs by an <see cref="EvalMetric"/>.</summary>
public static class EvalMetrics
{
    /// <summary>The number that the metric looks at.</summary>
    public static double Of(this EvalMetric metric, EvaluationMetrics values) => metric switch
    {
        EvalMetric.Top1 => values.Top1,
        EvalMetric.Top5 => values.Top5,
        _ => values.Loss,
    };

    /// <summary>Whether one value is better than another; NaN is worse than anything, and equal values are not better.</summary>
    public static bool IsBetter(this EvalMetric metric, double value, double than) =>
        !double.IsNaN(value) && (double.IsNaN(than) || (metric == EvalMetric.Loss ? value < than : value > than));

    /// <summary>The best epoch, the earliest of equals; none when there are no epochs.</summary>
    public static EpochRecord? Best(this EvalMetric metric, IEnumerable<EpochRecord> epochs)
    {
        EpochRecord? best = null;
        foreach (var epoch in epochs)
            if (best is null || metric.IsBetter(metric.Of(epoch.Validation), metric.Of(best.Validation)))
                best = epoch;
        return best;
    }
}
