using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Training;

/// <summary>
/// Averages of an epoch's losses: those of the reference, which take the last perturbation group of each batch and begin again at
/// batch 3A, and the true means over all samples. They gather on the device; <see cref="Read"/> brings them here.
/// </summary>
sealed class EpochMeters
{
    readonly TrainingStep step;
    readonly World world;
    long skipped, notFinite;

    /// <param name="step">Does the batches.</param>
    /// <param name="world">The processes that do them together; what is read are sums over all.</param>
    /// <param name="sums">What the epoch has gathered so far.</param>
    public EpochMeters(TrainingStep step, World world, EpochSums sums)
    {
        (this.step, this.world, Sums) = (step, world, sums);
        // The sums are those of all; the first goes on with them.
        step.Totals = !world.IsFirst
            ? default
            : new(sums.Loss, sums.PerturbLoss, sums.Samples, sums.MeanLoss, sums.MeanPerturbLoss, sums.MeanSamples, 0);
        skipped = step.Optimizer.Skipped;
    }

    /// <summary>The sums as they were last read, for a checkpoint.</summary>
    public EpochSums Sums { get; private set; }

    /// <summary>Averages; NaN before the first batch.</summary>
    public TrainMetrics Averages => new(
        Sums.Loss / Sums.Samples, Sums.PerturbLoss / Sums.Samples,
        Sums.MeanLoss / Sums.MeanSamples, Sums.MeanPerturbLoss / Sums.MeanSamples);

    /// <summary>Counts a batch of this process; the others have one of as many images.</summary>
    public void Count(int images, double seconds) =>
        Sums = Sums with { Images = Sums.Images + ((long)images * world.Size), Seconds = Sums.Seconds + seconds };

    /// <summary>Reads what has gathered; waits for the device, and where there are several processes for all of them.</summary>
    /// <returns>Whether, since the last time, a loss was not finite or an update was left out.</returns>
    public bool Read()
    {
        var totals = step.Totals.Over(world);
        long left = step.Optimizer.Skipped;
        bool isBad = left > skipped || totals.NotFinite > notFinite;
        Sums = Sums with
        {
            Loss = totals.Loss,
            PerturbLoss = totals.PerturbLoss,
            Samples = totals.Samples,
            MeanLoss = totals.MeanLoss,
            MeanPerturbLoss = totals.MeanPerturbLoss,
            MeanSamples = totals.MeanSamples,
            Skipped = Sums.Skipped + (int)(left - skipped),
        };
        (skipped, notFinite) = (left, totals.NotFinite);
        return isBad;
    }
}
