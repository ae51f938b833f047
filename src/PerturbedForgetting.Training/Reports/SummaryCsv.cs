using System.Globalization;
using System.Text;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Training.Reports;

/// <summary>
/// <c>summary.csv</c>: one row an epoch. The whole file is written anew each time from the run's own records, which a checkpoint
/// carries, so that after a resume no row is doubled, lost, or left over from epochs that are trained again. Norms have columns where an
/// epoch was trained with <c>--log-norms</c>.
/// </summary>
public static class SummaryCsv
{
    const string Header =
        "epoch,lr,rho,train_loss,train_perturb_loss,train_mean_loss,train_mean_perturb_loss,eval_loss,eval_top1,eval_top5,"
        + "seconds,images_per_second,peak_memory_mib,skipped_updates",
        Norms = ",perturbation_norm,gradient_norm";

    /// <summary>Writes the file atomically.</summary>
    /// <exception cref="IOException">It cannot be written; the old one is unchanged.</exception>
    public static void Write(string path, IReadOnlyCollection<EpochRecord> epochs)
    {
        bool hasNorms = epochs.Any(static e => e.Norms is not null);
        var text = new StringBuilder(Header).Append(hasNorms ? Norms : "").Append('\n');
        foreach (var e in epochs)
        {
            text.Append(string.Create(CultureInfo.InvariantCulture,
                $"{e.Epoch},{e.LearningRate},{e.Rho},{e.Train.Loss},{e.Train.PerturbLoss},{e.Train.MeanLoss},{e.Train.MeanPerturbLoss},"
                + $"{e.Validation.Loss},{e.Validation.Top1:F4},{e.Validation.Top5:F4},{e.Seconds:F2},"
                + $"{e.ImagesPerSecond:F1},{e.PeakBytes / 1048576.0:F1},{e.SkippedUpdates}"));
            if (hasNorms)
                text.Append(string.Create(CultureInfo.InvariantCulture, $",{e.Norms?.Perturbation},{e.Norms?.Gradient}"));
            text.Append('\n');
        }
        AtomicFile.WriteText(path, text.ToString());
    }
}
