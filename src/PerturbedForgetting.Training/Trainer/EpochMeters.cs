using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Training;

/// <summary>
/// Averages of an epoch's losses: those of the reference, which take the last perturbation group of each batch and begin again at
/// batch 3A, and the true means over all samples.
/// </summary>
/// <param name="sums">What the epoch has gathered so far.</param>
/// <param name="accumulationSteps">A.</param>
/// <param name="perturbs">Whether perturbation losses arrive with their sign reversed.</param>
sealed class EpochMeters(EpochSums sums, int accumulationSteps, bool perturbs)
{
    /// <summary>The sums, for a checkpoint.</summary>
    public EpochSums Sums { get; private set; } = sums;

    /// <summary>Averages; NaN before the first batch.</summary>
    public TrainMetrics Averages => new(
        Sums.Loss / Sums.Samples, Sums.PerturbLoss / Sums.Samples,
        Sums.MeanLoss / Sums.MeanSamples, (perturbs ? -1 : 1) * Sums.MeanPerturbLoss / Sums.MeanSamples);

    /// <summary>Adds a batch; one whose loss is not finite counts only in the time.</summary>
    public void Add(int batch, int samples, in StepReport report, double seconds)
    {
        bool restart = batch == 3 * accumulationSteps;
        int counted = double.IsFinite(report.MeanLoss) && double.IsFinite(report.MeanPerturbLoss) ? samples : 0;
        Sums = Sums with
        {
            Loss = (restart ? 0 : Sums.Loss) + Product(report.Loss, counted),
            PerturbLoss = (restart ? 0 : Sums.PerturbLoss) + Product(report.PerturbLoss, counted),
            Samples = (restart ? 0 : Sums.Samples) + counted,
            MeanLoss = Sums.MeanLoss + Product(report.MeanLoss, counted),
            MeanPerturbLoss = Sums.MeanPerturbLoss + Product(report.MeanPerturbLoss, counted),
            MeanSamples = Sums.MeanSamples + counted,
            Images = Sums.Images + samples,
            Seconds = Sums.Seconds + seconds,
        };
    }

    /// <summary>Counts an update that was left out.</summary>
    public void Skip() => Sums = Sums with { Skipped = Sums.Skipped + 1 };

    static double Product(double value, int count) => count == 0 ? 0 : value * count;
}
