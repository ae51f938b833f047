using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Progress;
using static PerturbedForgetting.Cli.Progress.ProgressText;

namespace PerturbedForgetting.Cli.Progress;

/// <summary>A line now and then, for files and pipes.</summary>
sealed class PlainProgressView(TextWriter output, int logInterval) : IProgressView
{
    readonly RunMeter meter = new();

    public void Run(Action work) => work();

    public void EpochStarted(in EpochStart epoch)
    {
        meter.Start(epoch);
        string resumed = epoch.FirstUpdate > 0 ? $", going on after update {epoch.FirstUpdate}" : "";
        output.WriteLine($"epoch {epoch.Epoch + 1}/{epoch.Epochs}: {Quantity.Of(epoch.ImagesPerEpoch, "image")}, "
            + $"{Quantity.Of(epoch.UpdatesPerEpoch, "update")}{resumed}");
    }

    public void UpdateDone(in UpdateProgress u)
    {
        meter.Add(u);
        if (u.Update % logInterval != 0 && u.Update != u.UpdatesPerEpoch)
            return;
        string skipped = u.SkippedUpdates > 0 ? $"  skipped {u.SkippedUpdates}" : "";
        output.WriteLine(Invariant(
            $"  {u.Update}/{u.UpdatesPerEpoch} ({Percent(u.Update, u.UpdatesPerEpoch):0} %)  ")
            + Invariant($"loss {Number(u.Loss)} (mean {Number(u.AverageLoss)})  ")
            + Invariant($"perturb {Number(u.PerturbLoss)} (mean {Number(u.AveragePerturbLoss)})  ")
            + Invariant($"lr {Number(u.LearningRate)}  rho {Number(u.Rho)}{Norms(u)}  ")
            + Invariant($"{meter.ImagesPerSecond:0} img/s  waiting {100 * meter.DataShare:0} %{skipped}  ")
            + Invariant($"left {RunMeter.Format(meter.Left)}"));
    }

    public void ValidationProgress(in EvaluationProgress p)
    {
        meter.Add(p);
        if (p.Batch % logInterval == 0 || p.Batch == p.Batches)
            output.WriteLine(Invariant($"  validation {p.Batch}/{p.Batches}  loss {Number(p.Loss)}  top-1 {p.Top1:0.00} %  ")
                + Invariant($"top-5 {p.Top5:0.00} %")
                + Invariant($"  {meter.ImagesPerSecond:0} img/s"));
    }

    public void EpochEnded(in EpochResult result)
    {
        meter.End(result);
        output.WriteLine(Result(result));
    }

    public void CheckpointWritten(in CheckpointInfo checkpoint) => output.WriteLine("  " + Checkpoint(checkpoint));

    public void Message(MessageLevel level, string text) => output.WriteLine(level == MessageLevel.Warning ? $"warning: {text}" : text);
}
