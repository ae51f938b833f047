using System.Globalization;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Cli.Progress;

/// <summary>Words both views share.</summary>
static class ProgressText
{
    public static string Result(in EpochResult r)
    {
        string validation = double.IsNaN(r.Top1)
            ? ""
            : Invariant($", validation loss {Number(r.ValidationLoss)}, top-1 {r.Top1:0.00} %, top-5 {r.Top5:0.00} %");
        return Invariant($"epoch {r.Epoch + 1}/{r.Epochs} done in {RunMeter.Format(TimeSpan.FromSeconds(r.Seconds))}:")
            + Invariant($" loss {Number(r.TrainLoss)}, perturb loss {Number(r.TrainPerturbLoss)}{validation}")
            + Invariant($", {r.ImagesPerSecond:0} img/s{(r.IsBest ? ", best so far" : "")}");
    }

    /// <summary>Norms of an update, if they are asked for, behind two spaces.</summary>
    public static string Norms(in UpdateProgress u) => u.Norms is { } norms
        ? Invariant($"  norm of perturbation {Number(norms.Perturbation)}, of gradient {Number(norms.Gradient)}")
        : "";

    public static string Checkpoint(in CheckpointInfo c) =>
        Invariant($"{(c.IsRecovery ? "recovery checkpoint" : "checkpoint")} {c.Path} ({c.Bytes / 1e6:0.0} MB)");

    /// <summary>Four significant digits, so that a loss of 0.0001234 and one of 1234.5 both say something.</summary>
    public static string Number(double value) => value.ToString("G4", CultureInfo.InvariantCulture);

    /// <summary>Done of all, in percent; 100 when there is nothing to do.</summary>
    public static double Percent(int done, int all) => all <= 0 ? 100 : 100.0 * done / all;

    public static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
