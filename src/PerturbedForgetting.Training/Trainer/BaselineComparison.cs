using System.Globalization;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Training;

/// <summary>Trains the same model the same way without a perturbation, and says what the perturbation did against the background bias.</summary>
static class BaselineComparison
{
    /// <summary>Runs the baseline in the folder <c>baseline</c> of the run, from where it stopped if it was interrupted.</summary>
    public static TrainResult Run(TrainResult result, TrainOptions options, ITrainingObserver observer, CancellationToken token)
    {
        string folder = Path.Combine(result.Folder, "baseline");
        var plain = options with { Opt = options.BaseOptimizer, SharpnessM = -1, PerturbLoss = "maximize", AdaptiveSam = false, AsamBeforeNorm = false, AsamAfterNorm = false, GsamAlpha = 0, Output = result.Folder, Experiment = "baseline", Resume = "auto", StartEpoch = null, CheckpointHist = 1 };
        observer.Message(MessageLevel.Info, $"For comparison: {plain.Opt} without perturbation, otherwise the same.");
        var baseline = Trainer.Train(plain, folder, observer, token, null, out _);
        if (baseline.Status != TrainStatus.Completed || baseline.Bias is not { } without || result.Bias is not { } with)
            return result with { Status = baseline.Status };
        foreach (string line in Lines(options, with, without))
            observer.Message(MessageLevel.Info, line);
        return result;
    }

    static IEnumerable<string> Lines(TrainOptions options, BackgroundBias with, BackgroundBias without)
    {
        int width = Math.Max(Trainer.Name(options).Length, options.BaseOptimizer.Length);
        yield return string.Create(CultureInfo.InvariantCulture,
            $"Background bias on validation images ({with.Images.Agreeing} whose background agrees with their class, {with.Images.Contradicting} whose background contradicts it):");
        yield return $"  {options.BaseOptimizer.PadRight(width)}  {without}";
        yield return $"  {Trainer.Name(options).PadRight(width)}  {with}";
        double right = with.Contradicting - without.Contradicting, gap = without.Gap - with.Gap;
        yield return string.Create(CultureInfo.InvariantCulture,
            $"  The perturbation changes accuracy against the background by {right:+0.0;-0.0;0.0} points and makes the gap {Math.Abs(gap):F1} points {(gap >= 0 ? "smaller" : "larger")}.");
    }
}
